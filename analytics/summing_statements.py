"""How one day is summed up. An hour belongs to the day in which it begins."""

from analytics.statements import DEFAULT_PLAN, SUBSCRIBED

ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('analytics.summing', 0))"

FORGET_DAYS = (
    "DELETE FROM analytics_usageday WHERE day = %(day)s",
    "DELETE FROM analytics_kindday WHERE day = %(day)s",
)

_USED = """
    COALESCE(sum(o.works) FILTER (WHERE o.meter = 'tokens'), 0)::bigint AS works,
    COALESCE(sum(o.amount) FILTER (WHERE o.meter = 'tokens'), 0)::bigint AS tokens,
    COALESCE(sum(o.amount) FILTER (WHERE o.meter = 'cost'), 0)::bigint AS cost
"""
_OF_THE_DAY = "o.hour >= %(starts_at)s AND o.hour < %(ends_at)s AND o.meter IN ('tokens', 'cost')"

# On the plan that was paid for as that hour ended. Of plans that cost nothing it is known who is on them, not who was.
USAGE = f"""
    INSERT INTO analytics_usageday (day, plan, model, works, tokens, cost)
    SELECT %(day)s, COALESCE(r.plan_id, s.plan_id, {DEFAULT_PLAN}), o.model, {_USED}
    FROM quotas_rollup o
        LEFT JOIN billing_recurringrevenue r ON r.workspace_id = o.workspace_id AND r.gateway = %(gateway)s
            AND r.starts_at < o.hour + interval '1 hour'
            AND (r.ends_at IS NULL OR r.ends_at >= o.hour + interval '1 hour')
        LEFT JOIN billing_subscription s ON s.workspace_id = o.workspace_id AND {SUBSCRIBED}
            AND s.created_at < o.hour + interval '1 hour'
    WHERE {_OF_THE_DAY}
    GROUP BY 2, 3
"""

_TOKENS = """
    {0}.input_tokens, {0}.cache_write_5m_tokens + {0}.cache_write_1h_tokens, {0}.cache_read_tokens, {0}.output_tokens
"""
KINDS = f"""
    INSERT INTO analytics_kindday
        (day, kind, calls, input_tokens, cache_write_tokens, cache_read_tokens, output_tokens, cost)
    SELECT %(day)s, kind, count(*), sum(input), sum(written), sum(read), sum(output), sum(cost)
    FROM (
        SELECT t.road, {_TOKENS.format("t")}, t.cost FROM assistants_turn t
        WHERE t.created_at >= %(starts_at)s AND t.created_at < %(ends_at)s
        UNION ALL
        SELECT j.kind, {_TOKENS.format("s")}, s.cost FROM assistants_step s JOIN assistants_job j ON j.id = s.job_id
        WHERE s.finished_at >= %(starts_at)s AND s.finished_at < %(ends_at)s
    ) AS called (kind, input, written, read, output, cost)
    GROUP BY kind
"""

# What differs from what was said before is added to the month, so that a month is never summed up as a whole.
CUSTOMERS = f"""
    WITH used AS (
        SELECT o.workspace_id, {_USED} FROM quotas_rollup o WHERE {_OF_THE_DAY} GROUP BY 1
    ),
    said AS (SELECT workspace_id, works, tokens, cost FROM analytics_customerday WHERE day = %(day)s),
    differ AS (
        SELECT workspace_id, COALESCE(u.works, 0) AS works, COALESCE(u.tokens, 0) AS tokens,
            COALESCE(u.cost, 0) AS cost,
            COALESCE(u.works, 0) - COALESCE(s.works, 0) AS more_works,
            COALESCE(u.tokens, 0) - COALESCE(s.tokens, 0) AS more_tokens,
            COALESCE(u.cost, 0) - COALESCE(s.cost, 0) AS more_cost
        FROM used u FULL JOIN said s USING (workspace_id)
        WHERE (u.works, u.tokens, u.cost) IS DISTINCT FROM (s.works, s.tokens, s.cost)
    ),
    days AS (
        INSERT INTO analytics_customerday (day, workspace_id, works, tokens, cost)
        SELECT %(day)s, workspace_id, works, tokens, cost FROM differ
        ON CONFLICT (workspace_id, day) DO UPDATE
            SET works = EXCLUDED.works, tokens = EXCLUDED.tokens, cost = EXCLUDED.cost
    )
    INSERT INTO analytics_customermonth (month, workspace_id, works, tokens, cost)
    SELECT %(month)s, workspace_id, more_works, more_tokens, more_cost FROM differ
    ON CONFLICT (workspace_id, month) DO UPDATE
        SET works = analytics_customermonth.works + EXCLUDED.works,
            tokens = analytics_customermonth.tokens + EXCLUDED.tokens,
            cost = analytics_customermonth.cost + EXCLUDED.cost
"""
