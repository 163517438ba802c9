"""A business of many workspaces, by plain SQL, as the product would have written it.

One in eight pays, as many have left, and a fifth of all work on any day, in one hour of it. Of each work two limits
tell, so that it leaves two entries; the ledger of it is written as `bench.ledger` writes its own.
"""

from typing import Final

PLANS: Final = ("starter", "team", "scale")
MOST_WORKS: Final = 16
"""Of a workspace on one day."""

FILL: Final = """
    CREATE TABLE bench_workspaces AS
        SELECT i, gen_random_uuid() AS user_id, gen_random_uuid() AS id,
            now() - interval '400 days' * (1 - i::float / %(workspaces)s) - interval '1 minute' AS at,
            (%(plans)s::text[])[1 + i %% 3] AS plan, i %% 8 = 0 AS pays
        FROM generate_series(1, %(workspaces)s) AS i;

    INSERT INTO accounts_user SELECT (jsonb_populate_record(u, jsonb_build_object(
        'id', b.user_id, 'email', 'somebody-' || i || '@example.com', 'name', 'Somebody ' || i, 'created_at', b.at,
        'industry', (ARRAY['food', 'law', 'retail', 'health', 'software', 'travel', ''])[1 + i %% 7]))).*
    FROM accounts_user u, bench_workspaces b WHERE u.email = %(demo)s;

    INSERT INTO accounts_workspace SELECT (jsonb_populate_record(w, jsonb_build_object(
        'id', b.id, 'name', 'Workspace ' || i, 'personal_to_id', b.user_id, 'created_at', b.at))).*
    FROM accounts_workspace w, bench_workspaces b WHERE w.email = %(demo)s;

    INSERT INTO accounts_membership (workspace_id, user_id, role, limits, created_at)
        SELECT id, user_id, 'owner', '{}', at FROM bench_workspaces;

    INSERT INTO billing_subscription (workspace_id, plan_id, price_id, gateway, stripe_id, status, current_period_start,
            current_period_end, cancel_at_period_end, created_at)
        SELECT b.id, b.plan, p.id, 'demo', 'demo_sub_' || i, 'active', now() - interval '10 days',
            now() + interval '20 days', false, b.at
        FROM bench_workspaces b JOIN billing_price p ON p.plan_id = b.plan AND p.interval = 'month' AND p.is_current
        WHERE pays;

    INSERT INTO billing_recurringrevenue
            (workspace_id, subscription_id, plan_id, price_id, gateway, currency, amount, starts_at)
        SELECT s.workspace_id, s.id, s.plan_id, s.price_id, 'demo', p.currency, p.amount, s.created_at
        FROM billing_subscription s JOIN billing_price p ON p.id = s.price_id;

    INSERT INTO billing_recurringrevenue
            (workspace_id, subscription_id, plan_id, price_id, gateway, currency, amount, starts_at, ends_at)
        SELECT b.id, s.id, s.plan_id, s.price_id, 'demo', s.currency, 900, b.at,
            b.at + (now() - b.at) * ((i %% 97) / 97.0)
        FROM bench_workspaces b, (SELECT s.*, p.currency FROM billing_subscription s JOIN billing_price p
            ON p.id = s.price_id LIMIT 1) s
        WHERE i %% 8 = 1;

    INSERT INTO billing_invoice (workspace_id, gateway, stripe_id, number, status, currency, subtotal, discount, tax,
            total, amount_paid, amount_due, credited, refunded, period_start, period_end, lines, attempts, country,
            hosted_url, pdf_url, created_at, paid_at)
        SELECT b.id, 'demo', 'demo_in_' || i || '_' || month, '', 'paid', 'USD', 2900, 0, 0, 2900, 2900, 0, 0, 0, at,
            at, '[]', 1, (ARRAY['DE', 'US', 'FR', 'IN'])[1 + i %% 4], '', '', paid_at, paid_at
        FROM bench_workspaces b, generate_series(0, 11) AS month,
            LATERAL (SELECT now() - interval '30 days' * month - interval '1 minute' * (i %% 40000)) AS paid (paid_at)
        WHERE pays;

    CREATE UNLOGGED TABLE bench_works AS
    SELECT row_number() OVER (ORDER BY at) AS i, gen_random_uuid() AS id, at, workspace_id, NULL::uuid AS key_id,
        NULL::uuid AS member_id, model, tokens,
        jsonb_build_object('tokens', tokens, 'cost', tokens * 12, 'requests', 1) AS spent
    FROM (
        SELECT b.id AS workspace_id, 'model-' || i %% 3 AS model, 10 + (i * 7919 + number * 31) %% 900 AS tokens,
            date_trunc('hour', now() - interval '1 day' * day - interval '1 hour' * (i %% 12))
                + interval '1 minute' * number AS at
        FROM generate_series(0, %(days)s - 1) AS day, bench_workspaces b,
            generate_series(1, 1 + i %% %(most)s) AS number
        WHERE (i + day * 31) %% 5 = 0
    ) AS work;

    DROP TABLE bench_workspaces;
    ANALYZE bench_works;
"""
