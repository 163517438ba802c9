"""What was earned in one month, and what it cost."""

from analytics.statements import DEFAULT_PLAN, SUBSCRIBED

# Not yet rounded: whoever sums it up rounds it once.
_EARNED = """
    earned AS (
        SELECT workspace_id, plan_id AS plan, currency, amount * CASE
                WHEN starts_at <= %(starts_at)s AND (ends_at IS NULL OR ends_at >= %(until)s)
                THEN extract(epoch FROM %(until)s::timestamptz - %(starts_at)s::timestamptz)
                ELSE extract(
                    epoch FROM LEAST(COALESCE(ends_at, %(until)s), %(until)s) - GREATEST(starts_at, %(starts_at)s)
                )
            END / extract(epoch FROM %(ends_at)s::timestamptz - %(starts_at)s::timestamptz) AS amount
        FROM billing_recurringrevenue
        WHERE gateway = %(gateway)s AND starts_at < %(until)s AND (ends_at IS NULL OR ends_at > %(starts_at)s)
        UNION ALL
        SELECT p.workspace_id, COALESCE(r.plan_id, ''), p.currency, p.price - p.refunded
        FROM billing_packpurchase p LEFT JOIN billing_recurringrevenue r ON r.workspace_id = p.workspace_id
            AND r.gateway = p.gateway AND r.starts_at <= p.paid_at AND (r.ends_at IS NULL OR r.ends_at > p.paid_at)
        WHERE p.gateway = %(gateway)s AND p.paid_at >= %(starts_at)s AND p.paid_at < %(until)s
        UNION ALL
        SELECT r.workspace_id, r.plan_id, 'USD', o.units * o.unit_price
        FROM billing_overage o JOIN billing_recurringrevenue r ON r.workspace_id = o.workspace_id
            AND r.gateway = %(gateway)s AND r.starts_at <= o.used_at AND (r.ends_at IS NULL OR r.ends_at > o.used_at)
        WHERE o.used_at >= %(starts_at)s AND o.used_at < %(until)s AND o.state <> 'given_up'
    )
"""
_OF_THE_MONTH = "day >= %(month)s AND day <= %(last)s"

BY_PLAN = f"""
    WITH {_EARNED},
    used AS (
        SELECT plan, sum(tokens)::bigint AS tokens, sum(cost)::bigint AS cost
        FROM analytics_usageday WHERE {_OF_THE_MONTH} GROUP BY 1
    ),
    sums AS (SELECT plan, currency, round(sum(amount))::bigint AS amount FROM earned GROUP BY 1, 2)
    SELECT plan AS name, COALESCE(u.tokens, 0) AS tokens, COALESCE(u.cost, 0) AS cost, s.currency, s.amount
    FROM used u FULL JOIN sums s USING (plan)
    ORDER BY 1, 4
"""

BY_MODEL = f"""
    WITH {_EARNED},
    used AS (
        SELECT plan, model, sum(tokens) AS tokens, sum(cost) AS cost, sum(sum(tokens)) OVER (PARTITION BY plan) AS of
        FROM analytics_usageday WHERE {_OF_THE_MONTH} GROUP BY 1, 2
    ),
    sums AS (SELECT plan, currency, sum(amount) AS amount FROM earned GROUP BY 1, 2),
    models AS (SELECT model, sum(tokens)::bigint AS tokens, sum(cost)::bigint AS cost FROM used GROUP BY 1),
    shares AS (
        SELECT u.model, s.currency, round(sum(s.amount * u.tokens / NULLIF(u.of, 0)))::bigint AS amount
        FROM used u JOIN sums s USING (plan) WHERE u.of > 0 GROUP BY 1, 2
    )
    SELECT m.model AS name, m.tokens, m.cost, s.currency, s.amount
    FROM models m LEFT JOIN shares s USING (model)
    ORDER BY 1, 4
"""

BY_WORKSPACE = f"""
    WITH {_EARNED},
    used AS (
        SELECT workspace_id, tokens, cost FROM analytics_customermonth
        WHERE month = %(month)s AND workspace_id = ANY(%(workspaces)s)
    ),
    sums AS (
        SELECT workspace_id, currency, round(sum(amount))::bigint AS amount FROM earned
        WHERE workspace_id = ANY(%(workspaces)s) GROUP BY 1, 2
    )
    SELECT workspace_id::text AS name, COALESCE(u.tokens, 0) AS tokens, COALESCE(u.cost, 0) AS cost,
        s.currency, s.amount
    FROM used u FULL JOIN sums s USING (workspace_id)
    ORDER BY 1, 4
"""

LOSSES = f"""
    WITH {_EARNED},
    sums AS (
        SELECT workspace_id, round(sum(amount) FILTER (WHERE currency = 'USD'))::bigint AS cents,
            bool_or(currency <> 'USD') AS is_foreign
        FROM earned GROUP BY 1
    )
    SELECT u.workspace_id AS workspace, u.tokens, u.cost, COALESCE(e.cents, 0) AS earned,
        u.cost - COALESCE(e.cents, 0) * 10000 AS loss
    FROM analytics_customermonth u LEFT JOIN sums e ON e.workspace_id = u.workspace_id
    WHERE u.month = %(month)s AND u.cost > COALESCE(e.cents, 0) * 10000 AND e.is_foreign IS NOT TRUE
        AND (e.cents > 0 OR NOT %(paying)s)
    ORDER BY loss DESC, u.workspace_id LIMIT %(count)s
"""

NAMES = f"""
    SELECT w.id, w.name, COALESCE(s.plan_id, {DEFAULT_PLAN}) AS plan
    FROM accounts_workspace w LEFT JOIN billing_subscription s ON s.workspace_id = w.id AND {SUBSCRIBED}
    WHERE w.id = ANY(%(workspaces)s::uuid[])
"""
