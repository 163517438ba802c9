"""What becomes of windows that are open: another plan counts, or what is used is forgotten."""

from quotas.statements.limits import PLAN_LIMITS

RESET = """
    WITH former AS MATERIALIZED (
        SELECT id, meter, "window", plan, used FROM quotas_bucket
        WHERE workspace_id = %(workspace_id)s AND holder_id = workspace_id AND meter = ANY(%(meters)s::text[])
            AND "window" = ANY(%(reset_windows)s::text[]) AND starts_at <= %(at)s AND ends_at > %(at)s AND used > 0
        ORDER BY id
        FOR UPDATE
    ),
    emptied AS (
        UPDATE quotas_bucket b SET used = b.used - f.used FROM former f WHERE b.id = f.id
    ),
    posted AS (
        INSERT INTO quotas_entry (bucket_id, kind, amount, overrun, basis, plan, price, actor, reason, created_at)
        SELECT id, 'reset', -used, 0, '', plan, '{}', %(actor)s, %(reason)s, now() FROM former
    )
    SELECT id AS bucket_id, meter, "window", used AS amount FROM former ORDER BY meter, "window"
"""

# A plan that has counted in a window leaves a line there, though nothing was used or carried over.
_BEEN = "SELECT FROM quotas_entry e WHERE e.bucket_id = b.id AND e.plan = {plan} AND e.kind <> 'reset'"

# Brings the open windows of a workspace from its former plan to the present one. A higher plan begins at nothing used,
# and what was left of the former is carried over. Within one window it does so once: who comes back to it finds it as
# it was left. A lower plan's limit counts as it is, and what is used stays used. Where the new plan has a period of
# its own, the former's is left behind, and what was left of it is carried from its bucket to the new one's.
MOVE_TO_PLAN = f"""
    WITH {PLAN_LIMITS},
    former AS MATERIALIZED (
        SELECT b.*, now.slug AS new_plan, now.rank > COALESCE(was.rank, now.rank) AS is_higher,
            b."window" = 'period' AND b.starts_at <> p.starts_at AS is_behind,
            GREATEST(COALESCE(l."limit" + b.carried, 0) - b.used, 0) AS rest,
            EXISTS ({_BEEN.format(plan="now.slug")}) AS is_back, EXISTS ({_BEEN.format(plan="b.plan")}) AS has_trace
        FROM plan JOIN billing_plan now ON now.slug = plan.slug
            JOIN quotas_bucket b ON b.workspace_id = %(workspace_id)s AND b.holder_id = b.workspace_id
                AND b.ends_at > %(at)s AND b.plan <> now.slug
            JOIN periods p ON p."window" = b."window"
            LEFT JOIN billing_plan was ON was.slug = b.plan
            LEFT JOIN billing_planlimit l ON l.plan_id = b.plan AND l.meter = b.meter AND l."window" = b."window"
        ORDER BY b.id
        FOR UPDATE OF b
    ),
    ahead AS (
        SELECT b.id, f.id AS former_id, GREATEST(f.rest - f.reserved, 0) AS taken, f.new_plan
        FROM former f JOIN periods p ON p."window" = 'period'
            JOIN quotas_bucket b ON b.workspace_id = %(workspace_id)s AND b.holder_id = b.workspace_id
                AND b."window" = 'period' AND b.meter = f.meter AND b.starts_at = p.starts_at
        WHERE f.is_behind AND f.is_higher
    ),
    latter AS (
        SELECT f.id, f.plan AS former_plan, f.new_plan, has_trace, f.used AS former_used, f.carried AS former_carried,
            CASE WHEN is_higher AND NOT is_back AND NOT is_behind THEN 0 ELSE used END AS used,
            CASE
                WHEN is_behind THEN carried - COALESCE(ahead.taken, 0)
                WHEN is_higher AND is_back THEN (
                    SELECT COALESCE(sum(e.amount), 0) FROM quotas_entry e
                    WHERE e.bucket_id = f.id AND e.kind = 'carry_over' AND e.id <= (
                        SELECT max(last.id) FROM quotas_entry last
                        WHERE last.bucket_id = f.id AND last.kind = 'carry_over' AND last.plan = f.new_plan
                    )
                )
                WHEN is_higher THEN rest
                ELSE LEAST(carried, 0)
            END AS carried
        FROM former f LEFT JOIN ahead ON ahead.former_id = f.id
    ),
    moved AS (
        UPDATE quotas_bucket b SET plan = l.new_plan, used = l.used, carried = l.carried
        FROM latter l WHERE b.id = l.id
    ),
    brought AS (
        UPDATE quotas_bucket b SET carried = b.carried + a.taken FROM ahead a WHERE b.id = a.id
    )
    INSERT INTO quotas_entry (bucket_id, kind, amount, overrun, basis, plan, price, actor, reason, created_at)
    SELECT id, kind, amount, 0, '', plan, '{{}}', '', '', now()
    FROM (
        SELECT id, posted.* FROM latter, LATERAL (VALUES
            (1, 'carry_over', 0::bigint, former_plan, NOT has_trace),
            (2, 'reset', used - former_used, new_plan, used <> former_used),
            (3, 'carry_over', carried - former_carried, new_plan, true)
        ) AS posted (place, kind, amount, plan, is_due)
        UNION ALL
        SELECT id, 4, 'carry_over', taken, new_plan, taken > 0 FROM ahead
    ) AS entries
    WHERE is_due
    ORDER BY id, place
"""
