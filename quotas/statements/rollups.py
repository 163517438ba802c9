"""Rollups compared with the work they add up, and put right."""

ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('rollups ' || %(workspace_id)s, 0))"

# Wide enough for hours that were counted on another clock.
ROLLED_SPAN = """
    SELECT LEAST(min(created_at), (SELECT min(hour) FROM quotas_rollup WHERE workspace_id = %(workspace_id)s))
            - interval '1 day' AS first,
        GREATEST(max(created_at), (SELECT max(hour) FROM quotas_rollup WHERE workspace_id = %(workspace_id)s)) AS last
    FROM quotas_reservation WHERE workspace_id = %(workspace_id)s
"""

# Both sides of one moment: a settlement changes its reservation and the rollup in one statement.
_DIFFER = """
    spent AS (
        SELECT rolled.hour, s.meter, r.model, sum(s.amount::bigint)::bigint AS amount, count(*) AS works
        FROM quotas_reservation r JOIN accounts_workspace w ON w.id = r.workspace_id,
            LATERAL (SELECT date_trunc('hour', r.created_at, w.time_zone) AS hour) AS rolled,
            jsonb_each_text(r.spent) AS s (meter, amount)
        WHERE r.workspace_id = %(workspace_id)s
            AND r.created_at >= %(starts_at)s AND r.created_at < %(ends_at)s + interval '2 hours'
            AND rolled.hour >= %(starts_at)s AND rolled.hour < %(ends_at)s AND s.amount <> '0'
        GROUP BY 1, 2, 3
    ),
    rolled AS (
        SELECT hour, meter, model, amount, works FROM quotas_rollup
        WHERE workspace_id = %(workspace_id)s AND hour >= %(starts_at)s AND hour < %(ends_at)s
    ),
    differ AS (
        SELECT hour, meter, model, COALESCE(r.amount, 0) AS found, COALESCE(r.works, 0) AS found_works,
            COALESCE(s.amount, 0) AS amount, COALESCE(s.works, 0) AS works
        FROM spent s FULL JOIN rolled r USING (hour, meter, model)
        WHERE (COALESCE(r.amount, 0), COALESCE(r.works, 0)) <> (COALESCE(s.amount, 0), COALESCE(s.works, 0))
    )
"""
_ALL = "SELECT * FROM differ ORDER BY hour, meter, model"

ROLLUPS_THAT_DIFFER = f"WITH {_DIFFER} {_ALL}"

# What is missing is added, as a settlement adds, so that what one brings meanwhile stays. In the order of its locks.
MEND_ROLLUPS = f"""
    WITH {_DIFFER},
    mended AS (
        INSERT INTO quotas_rollup (workspace_id, hour, meter, model, amount, works)
        SELECT %(workspace_id)s, hour, meter, model, amount - found, works - found_works FROM differ
        ORDER BY hour, model, meter
        ON CONFLICT (workspace_id, hour, meter, model) DO UPDATE
            SET amount = quotas_rollup.amount + EXCLUDED.amount, works = quotas_rollup.works + EXCLUDED.works
    )
    {_ALL}
"""

# Hours of a former clock. Those that a settlement is about to fill are let be.
FORGET_EMPTY_ROLLUPS = """
    DELETE FROM quotas_rollup WHERE id IN (
        SELECT id FROM quotas_rollup WHERE workspace_id = %(workspace_id)s AND amount = 0 AND works = 0
        FOR UPDATE SKIP LOCKED
    )
"""
