"""Credits: given, rolled over from a window that ended, and taken back when they expire."""

from quotas.periods import NEVER
from quotas.statements.limits import PLAN_LIMITS

# Behind `given`, whose rows are grants to be: each with its bucket and the entry that says so. One that was given
# before, for the same purchase, promotion or window, is left out.
_GIVE = f"""
    grants AS (
        INSERT INTO quotas_grant
            (id, workspace_id, meter, amount, source, priority, starts_at, expires_at, reason, actor, purchase_id,
                promotion_id, rolled_from_id, created_at)
        SELECT gen_random_uuid(), workspace_id, meter, amount, source, priority, starts_at, expires_at, reason, actor,
            purchase_id, promotion_id, rolled_from_id, now()
        FROM given
        ON CONFLICT DO NOTHING
        RETURNING *
    ),
    opened AS (
        INSERT INTO quotas_bucket
            (workspace_id, grant_id, meter, "window", starts_at, ends_at, plan, "limit", hard, carried, used, reserved)
        SELECT workspace_id, id, meter, 'grant', starts_at, COALESCE(expires_at, '{NEVER.isoformat()}'), '', amount,
            true, 0, 0, 0
        FROM grants
        RETURNING id, grant_id, "limit"
    ),
    posted AS (
        INSERT INTO quotas_entry
            (bucket_id, kind, amount, overrun, basis, plan, price, actor, reason, created_at)
        SELECT o.id, 'grant', o."limit", 0, '', '', '{{}}', g.actor, g.reason, now()
        FROM opened o JOIN grants g ON g.id = o.grant_id
    )
    SELECT id FROM grants
"""

GIVE = f"""
    WITH given AS (
        SELECT %(workspace_id)s::uuid AS workspace_id, %(meter)s AS meter, %(amount)s::bigint AS amount,
            %(source)s AS source, %(priority)s::smallint AS priority, %(starts_at)s::timestamptz AS starts_at,
            %(expires_at)s::timestamptz AS expires_at, %(reason)s AS reason, %(actor)s AS actor,
            %(purchase_id)s::uuid AS purchase_id, %(promotion_id)s::text AS promotion_id, NULL::bigint AS rolled_from_id
    ),
    {_GIVE}
"""

# What is left of the windows that ended as the present ones began, as far as the plan lets it roll over; it is had
# until these end too.
ROLL_OVER = f"""
    WITH {PLAN_LIMITS},
    ended AS MATERIALIZED (
        SELECT b.id, b.workspace_id, b.meter, p.starts_at, p.ends_at,
            LEAST(l.rolls_over, b."limit" - b.used - b.reserved) AS rest
        FROM plan JOIN billing_planlimit l ON l.plan_id = plan.slug AND l.rolls_over > 0 JOIN periods p USING ("window")
            JOIN quotas_bucket b ON b.workspace_id = %(workspace_id)s AND b.holder_id = b.workspace_id
                AND b.meter = l.meter AND b."window" = l."window" AND b.ends_at = p.starts_at AND b.plan = plan.slug
        WHERE b."limit" > b.used + b.reserved
            AND NOT EXISTS (SELECT FROM quotas_grant g WHERE g.rolled_from_id = b.id)
        ORDER BY b.id
        FOR UPDATE OF b
    ),
    given AS (
        SELECT workspace_id, meter, rest AS amount, 'roll_over' AS source, 50 AS priority, starts_at,
            ends_at AS expires_at, '' AS reason, '' AS actor, NULL::uuid AS purchase_id, NULL::text AS promotion_id,
            id AS rolled_from_id
        FROM ended
    ),
    {_GIVE}
"""

# What work under way holds stays; what it gives back is taken when the expired are asked for next.
_TAKE_BACK = """
    WITH ended AS MATERIALIZED (
        SELECT id, GREATEST("limit" - used - reserved, 0) AS rest FROM quotas_bucket
        WHERE grant_id IS NOT NULL AND {which}
        ORDER BY id
        FOR UPDATE
    ),
    shrunk AS (
        UPDATE quotas_bucket b SET "limit" = b."limit" - e.rest{ending} FROM ended e WHERE b.id = e.id
    ),
    posted AS (
        INSERT INTO quotas_entry (bucket_id, kind, amount, overrun, basis, plan, price, actor, reason, created_at)
        SELECT id, 'expiry', -rest, 0, '', '', '{{}}', %(actor)s, %(reason)s, now() FROM ended WHERE rest > 0
    )
    SELECT rest AS amount FROM ended
"""

EXPIRE_GRANTS = _TAKE_BACK.format(which='ends_at <= %(at)s AND "limit" > used + reserved', ending="")
# One that has ended already is left to that.
REVOKE = _TAKE_BACK.format(
    which="grant_id = %(grant_id)s AND ends_at > %(at)s",
    ending=", ends_at = GREATEST(%(at)s, b.starts_at + interval '1 microsecond')",
)
