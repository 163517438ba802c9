"""Which limits speak of a workspace at one moment, and how much of each is used."""

from billing.subscriptions import CURRENT_PLAN

# Every limit of the current plan in the windows that are open, whether its bucket exists yet or not. The period is the
# subscription's own; where news of its renewal is late, the next one is taken to be as long as the last.
PLAN_LIMITS = f"""
    plan AS ({CURRENT_PLAN}),
    paid AS (
        SELECT current_period_start + passed * length AS starts_at,
            current_period_start + (passed + 1) * length AS ends_at
        FROM plan,
            LATERAL (SELECT current_period_end - current_period_start AS length) AS its,
            LATERAL (SELECT GREATEST(
                floor(extract(epoch FROM %(at)s - current_period_start) / extract(epoch FROM length)), 0
            ) AS passed) AS since
        WHERE current_period_end > current_period_start
    ),
    periods AS (
        SELECT "window", COALESCE(paid.starts_at, period.starts_at) AS starts_at,
            COALESCE(paid.ends_at, period.ends_at) AS ends_at
        FROM unnest(%(windows)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
            AS period ("window", starts_at, ends_at) LEFT JOIN paid ON "window" = 'period'
    ),
    plan_limits AS (
        SELECT l.meter, "window", l."limit", l.overage_price IS NULL AND NOT l.soft AS hard, l.soft, l.overage_price,
            p.starts_at, p.ends_at, 'workspace' AS holder, %(workspace_id)s::uuid AS holder_id
        FROM plan JOIN billing_planlimit l ON l.plan_id = plan.slug JOIN periods p USING ("window")
    )
"""

# Those that the key and the member have of their own, which are always hard.
OWN_LIMITS = """
    own_limits AS (
        SELECT own.meter, "window", own."limit", true AS hard, false AS soft, NULL::bigint AS overage_price,
            p.starts_at, p.ends_at, own.holder, own.holder_id
        FROM unnest(
            %(own_meters)s::text[], %(own_windows)s::text[], %(own_limits)s::bigint[], %(own_holders)s::text[],
            %(own_holder_ids)s::uuid[]
        ) AS own (meter, "window", "limit", holder, holder_id) JOIN periods p USING ("window")
    )
"""

LIMITS = f"""{PLAN_LIMITS}, {OWN_LIMITS},
    limits AS (SELECT * FROM plan_limits UNION ALL SELECT * FROM own_limits)
"""

OPEN_BUCKETS = f"""
    WITH {LIMITS}
    INSERT INTO quotas_bucket
        (workspace_id, key_id, member_id, meter, "window", starts_at, ends_at, plan, "limit", hard, carried, used,
            reserved)
    SELECT %(workspace_id)s, CASE holder WHEN 'key' THEN holder_id END, CASE holder WHEN 'member' THEN holder_id END,
        meter, "window", starts_at, ends_at, plan.slug, "limit", hard, 0, 0, 0
    FROM limits, plan
    ORDER BY meter, "window", holder_id
    ON CONFLICT DO NOTHING
"""

# `on_plan` is false where a window that is open counts for a former plan still.
USAGE = f"""
    WITH {LIMITS},
    credits AS (
        SELECT b.meter, sum(b."limit" - b.used - b.reserved)::bigint AS remaining
        FROM quotas_bucket b
        WHERE b.workspace_id = %(workspace_id)s AND b.grant_id IS NOT NULL AND b.starts_at <= %(at)s
            AND b.ends_at > %(at)s AND b."limit" > b.used + b.reserved
        GROUP BY b.meter
    )
    SELECT plan.slug AS plan, plan.current_period_end, COALESCE(jsonb_agg(jsonb_build_object(
            'meter', l.meter, 'window', l."window", 'limit', l."limit" + COALESCE(b.carried, 0), 'hard', l.hard,
            'soft', l.soft, 'holder', l.holder, 'resets_at', l.ends_at, 'used', COALESCE(b.used, 0),
            'reserved', COALESCE(b.reserved, 0),
            'credits', CASE l.holder WHEN 'workspace' THEN COALESCE(c.remaining, 0) ELSE 0 END
        ) ORDER BY l.ends_at, l.meter, l.holder DESC) FILTER (WHERE l.meter IS NOT NULL), '[]') AS limits,
        NOT EXISTS (
            SELECT FROM quotas_bucket f WHERE f.workspace_id = %(workspace_id)s AND f.holder_id = f.workspace_id
                AND f.ends_at > %(at)s AND f.plan <> plan.slug
        ) AS on_plan
    FROM plan LEFT JOIN limits l ON true
        LEFT JOIN quotas_bucket b ON b.workspace_id = %(workspace_id)s
            AND b.meter = l.meter AND b."window" = l."window" AND b.starts_at = l.starts_at
            AND b.holder_id = l.holder_id
        LEFT JOIN credits c ON c.meter = l.meter
    GROUP BY plan.slug, plan.current_period_end
"""
