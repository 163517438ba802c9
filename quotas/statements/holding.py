"""Holding: what work asks is kept for it in every bucket that counts it, or the work is refused."""

from billing.subscriptions import CURRENT_PLAN
from quotas.statements.limits import OWN_LIMITS, PLAN_LIMITS

# Credits that are left: each grant is a limit of its own, beside the plan's.
CREDITS = """
    credits AS (
        SELECT b.meter, b."window", b."limit", true AS hard, false AS soft, NULL::bigint AS overage_price,
            b.starts_at, b.ends_at, 'grant' AS holder, b.grant_id AS holder_id, g.priority
        FROM quotas_bucket b JOIN quotas_grant g ON g.id = b.grant_id
        WHERE b.workspace_id = %(workspace_id)s AND b.grant_id IS NOT NULL
            AND b.starts_at <= %(at)s AND b.ends_at > %(at)s AND b.used + b.reserved < b."limit"
    )
"""

# Asks for `least` to `most` of each meter and gets as much as there is room for: in the tightest of the plan's hard
# limits with the credits beside them, and in every own limit. What the plan has comes first, then credits, then what is
# billed beyond. All or nothing: when one meter cannot give its least, nothing is held and the decision says so.
# Answers `complete` = false, having done nothing, when a bucket is not open yet, or counts for a former plan still.
_HOLD = """
    WITH {limits},
    asked AS (
        SELECT * FROM unnest(%(meters)s::text[], %(least)s::bigint[], %(most)s::bigint[]) AS ask (meter, least, most)
    ),
    wanted AS (
        SELECT * FROM limits JOIN asked USING (meter)
    ),
    {mine}
    buckets AS MATERIALIZED (
        SELECT b.id, b.used, b.reserved - {held} AS reserved, {held} AS held, b.plan, w.meter, w."window",
            {limit} AS "limit", w.hard, w.soft,
            w.overage_price, w.ends_at, w.holder, w.priority, w.least, w.most
        FROM wanted w JOIN quotas_bucket b ON b.workspace_id = %(workspace_id)s
            AND b.meter = w.meter AND b."window" = w."window" AND b.starts_at = w.starts_at
            AND b.holder_id = w.holder_id {joined}
        ORDER BY b.id
        FOR UPDATE OF b
    ),
    rooms AS (
        SELECT *, GREATEST("limit" - used - reserved, 0) AS room FROM buckets
    ),
    meters AS (
        SELECT meter, least, most,
            min(room) FILTER (WHERE holder = 'workspace' AND NOT soft) AS in_plan,
            min(room) FILTER (WHERE holder = 'workspace' AND hard) AS before_wall,
            min(room) FILTER (WHERE holder IN ('key', 'member')) AS own,
            COALESCE(sum(room) FILTER (WHERE holder = 'grant'), 0)::bigint AS credits
        FROM rooms GROUP BY meter, least, most
    ),
    amounts AS (
        SELECT meter, least, credits, amount, LEAST(amount, in_plan) AS from_plan,
            LEAST(GREATEST(amount - in_plan, 0), credits) AS from_credits
        FROM (SELECT *, LEAST(most, own, before_wall + credits) AS amount FROM meters) AS given
    ),
    verdict AS (
        SELECT
            {complete} AS complete,
            {alive} AND NOT EXISTS (SELECT FROM amounts WHERE amount < least) AS fits,
            cardinality(allowed_models) = 0 OR %(model)s = '' OR %(model)s = ANY(allowed_models) AS permitted
        FROM plan
    ),
    shares AS (
        SELECT *,
            CASE holder
                WHEN 'grant' THEN LEAST(GREATEST(from_credits - before, 0), room)
                WHEN 'workspace' THEN amount - from_credits
                ELSE amount
            END AS share,
            CASE holder WHEN 'grant' THEN from_plan + before ELSE 0 END AS begins
        FROM (
            SELECT *, COALESCE(sum(room) OVER (
                PARTITION BY meter, holder ORDER BY priority, ends_at, id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), 0)::bigint AS before
            FROM rooms
        ) AS ordered JOIN amounts USING (meter, least)
    ),
    reservation AS ({reservation}),
    reserved AS (
        UPDATE quotas_bucket b SET reserved = b.reserved + s.share - s.held, "limit" = s."limit", hard = s.hard
        FROM reservation, shares s WHERE b.id = s.id
    ),
    holds AS (
        INSERT INTO quotas_hold (reservation_id, bucket_id, amount, begins, overage_price)
        SELECT r.id, s.id, s.share, s.begins, s.overage_price FROM reservation r, shares s
        WHERE s.holder <> 'grant' OR s.share + s.held > 0
        ON CONFLICT (reservation_id, bucket_id) DO UPDATE SET amount = EXCLUDED.amount, begins = EXCLUDED.begins
    ),
    looked_at AS (
        SELECT COALESCE(jsonb_agg(jsonb_build_object(
            'meter', meter, 'window', "window", 'limit', "limit", 'used', used, 'reserved', reserved, 'hard', hard,
            'soft', soft, 'holder', holder, 'resets_at', ends_at, 'hold', CASE WHEN fits THEN share ELSE least END,
            'credits', CASE holder WHEN 'workspace' THEN credits ELSE 0 END,
            'from_credits', CASE WHEN fits AND holder = 'workspace' THEN from_credits ELSE 0 END
        ) ORDER BY ends_at, meter, holder DESC), '[]') AS limits
        FROM shares, verdict WHERE holder <> 'grant'
    ),
    {decision}
    given AS (
        SELECT COALESCE(jsonb_object_agg(meter, amount), '{{}}') AS amounts FROM amounts
    )
    SELECT complete, fits, permitted, plan.slug AS plan, limits, amounts FROM plan, verdict, looked_at, given
"""

_NEW = {
    "mine": "",
    "held": "0::bigint",
    "limit": """CASE w.holder WHEN 'grant' THEN b."limit" ELSE w."limit" + b.carried END""",
    "joined": "",
    "alive": "true",
    "complete": """(SELECT count(*) FROM wanted) = (SELECT count(*) FROM buckets)
                AND NOT EXISTS (SELECT FROM buckets WHERE holder = 'workspace' AND plan <> slug)""",
    "reservation": """
        INSERT INTO quotas_reservation
            (id, workspace_id, request_id, key_id, member_id, model, plan, price, state, basis, checkpoint, spent,
                created_at, lease_until)
        SELECT %(reservation_id)s, %(workspace_id)s, %(request_id)s, %(key_id)s, %(member_id)s, %(model)s, plan.slug,
            %(price)s, 'pending', '', '{}', '{}', %(at)s, now() + %(lease)s
        FROM plan, verdict WHERE complete AND fits AND permitted
        RETURNING id
    """,
    "decision": """
    decision AS (
        INSERT INTO quotas_decision (request_id, workspace_id, admitted, plan, limits, created_at)
        SELECT %(request_id)s, %(workspace_id)s, fits, plan.slug, limits, now()
        FROM plan, verdict, looked_at WHERE complete AND permitted
        ON CONFLICT (request_id) DO UPDATE SET admitted = EXCLUDED.admitted, limits = EXCLUDED.limits
    ),
    """,
}

# A hold grows by being taken anew, larger, as if the old one were free; where there is no room it stays as it is. It
# keeps to the buckets it has, as they stand, and may take more credits: a new period or plan is the next request's.
_GROWN = {
    "mine": """
    mine AS MATERIALIZED (
        SELECT id FROM quotas_reservation WHERE id = %(reservation_id)s AND state = 'pending' FOR UPDATE
    ),
    """,
    "held": """COALESCE((
            SELECT h.amount FROM quotas_hold h WHERE h.reservation_id = %(reservation_id)s AND h.bucket_id = b.id
        ), 0)""",
    "limit": 'b."limit"',
    "joined": "CROSS JOIN mine",
    "alive": "EXISTS (SELECT FROM mine)",
    "complete": "true",
    "reservation": "SELECT id FROM mine, verdict WHERE complete AND fits",
    "decision": "",
}

_IN_PLAN = """
    limits AS (
        SELECT *, 0::smallint AS priority FROM plan_limits UNION ALL SELECT * FROM credits
    )
"""
_WITHIN_OWN = """
    limits AS (
        SELECT *, 0::smallint AS priority FROM plan_limits UNION ALL SELECT * FROM credits
        UNION ALL SELECT *, 0::smallint FROM own_limits
    )
"""

_HELD = """
    held AS (
        SELECT b.id, b.meter, b."window", b."limit", b.hard, NOT b.hard AND h.overage_price IS NULL AS soft,
            h.overage_price, b.starts_at, b.ends_at,
            CASE
                WHEN b.grant_id IS NOT NULL THEN 'grant'
                WHEN b.key_id IS NOT NULL THEN 'key'
                WHEN b.member_id IS NOT NULL THEN 'member'
                ELSE 'workspace'
            END AS holder, b.holder_id, COALESCE(g.priority, 0)::smallint AS priority
        FROM quotas_hold h JOIN quotas_bucket b ON b.id = h.bucket_id LEFT JOIN quotas_grant g ON g.id = b.grant_id
        WHERE h.reservation_id = %(reservation_id)s
    ),
    limits AS (
        SELECT meter, "window", "limit", hard, soft, overage_price, starts_at, ends_at, holder, holder_id, priority
        FROM held
        UNION ALL SELECT * FROM credits WHERE holder_id NOT IN (SELECT holder_id FROM held)
    )
"""

# Most callers have no limits of their own, and asking for an empty list of them would cost a twentieth more.
RESERVE = _HOLD.format(limits=f"{PLAN_LIMITS}, {CREDITS}, {_IN_PLAN}", **_NEW)
RESERVE_WITHIN_OWN_LIMITS = _HOLD.format(limits=f"{PLAN_LIMITS}, {OWN_LIMITS}, {CREDITS}, {_WITHIN_OWN}", **_NEW)
GROW = _HOLD.format(limits=f"plan AS ({CURRENT_PLAN}), {CREDITS}, {_HELD}", **_GROWN)
