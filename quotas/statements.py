"""The ledger's SQL: each verb of `quotas.metering` is one statement, so that each is one round trip and atomic.

Locks are taken in one order everywhere: a reservation first, then its buckets by id.
"""

from billing.overage import NOTE_OVERAGE
from billing.subscriptions import CURRENT_PLAN

# Every limit of the current plan in the windows that are open, whether its bucket exists yet or not.
PLAN_LIMITS = f"""
    plan AS ({CURRENT_PLAN}),
    periods AS (
        SELECT * FROM unnest(%(windows)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
            AS period ("window", starts_at, ends_at)
    ),
    plan_limits AS (
        SELECT l.meter, "window", l."limit", l.overage_price IS NULL AS hard, l.overage_price, p.starts_at, p.ends_at,
            'workspace' AS holder, %(workspace_id)s::uuid AS holder_id
        FROM plan JOIN billing_planlimit l ON l.plan_id = plan.slug JOIN periods p USING ("window")
    )
"""

# And those that the key and the member have of their own, which are always hard.
LIMITS = f"""{PLAN_LIMITS},
    limits AS (
        SELECT * FROM plan_limits
        UNION ALL
        SELECT own.meter, "window", own."limit", true, NULL, p.starts_at, p.ends_at, own.holder, own.holder_id
        FROM unnest(
            %(own_meters)s::text[], %(own_windows)s::text[], %(own_limits)s::bigint[], %(own_holders)s::text[],
            %(own_holder_ids)s::uuid[]
        ) AS own (meter, "window", "limit", holder, holder_id) JOIN periods p USING ("window")
    )
"""

OPEN_BUCKETS = f"""
    WITH {LIMITS}
    INSERT INTO quotas_bucket
        (workspace_id, key_id, member_id, meter, "window", starts_at, ends_at, "limit", hard, used, reserved)
    SELECT %(workspace_id)s, CASE holder WHEN 'key' THEN holder_id END, CASE holder WHEN 'member' THEN holder_id END,
        meter, "window", starts_at, ends_at, "limit", hard, 0, 0
    FROM limits WHERE meter = ANY(%(meters)s::text[])
    ORDER BY meter, "window", holder_id
    ON CONFLICT DO NOTHING
"""

# Asks for `least` to `most` of each meter and gets as much as the tightest hard limit has room for. All or nothing:
# when one meter cannot give its least, nothing is held and the decision says so. Answers `complete` = false, having
# done nothing, when a bucket is not open yet.
_RESERVE = """
    WITH {limits},
    asked AS (
        SELECT * FROM unnest(%(meters)s::text[], %(least)s::bigint[], %(most)s::bigint[]) AS ask (meter, least, most)
    ),
    wanted AS (
        SELECT * FROM limits JOIN asked USING (meter)
    ),
    buckets AS MATERIALIZED (
        SELECT b.id, b.used, b.reserved, w.*
        FROM wanted w JOIN quotas_bucket b ON b.workspace_id = %(workspace_id)s
            AND b.meter = w.meter AND b."window" = w."window" AND b.starts_at = w.starts_at
            AND b.holder_id = w.holder_id
        ORDER BY b.id
        FOR UPDATE OF b
    ),
    amounts AS (
        SELECT meter, least, LEAST(most, min("limit" - used - reserved) FILTER (WHERE hard)) AS amount
        FROM buckets GROUP BY meter, least, most
    ),
    verdict AS (
        SELECT
            (SELECT count(*) FROM wanted) = (SELECT count(*) FROM buckets) AS complete,
            NOT EXISTS (SELECT FROM amounts WHERE amount < least) AS fits,
            cardinality(allowed_models) = 0 OR %(model)s = '' OR %(model)s = ANY(allowed_models) AS permitted
        FROM plan
    ),
    reservation AS (
        INSERT INTO quotas_reservation
            (id, workspace_id, request_id, plan, price, state, basis, checkpoint, created_at, lease_until)
        SELECT %(reservation_id)s, %(workspace_id)s, %(request_id)s, plan.slug, %(price)s, 'pending', '', '{{}}',
            now(), now() + %(lease)s
        FROM plan, verdict WHERE complete AND fits AND permitted
        RETURNING id
    ),
    held AS (
        UPDATE quotas_bucket b SET reserved = b.reserved + a.amount, "limit" = k."limit", hard = k.hard
        FROM reservation, buckets k JOIN amounts a USING (meter)
        WHERE b.id = k.id
    ),
    holds AS (
        INSERT INTO quotas_hold (reservation_id, bucket_id, amount, overage_price)
        SELECT r.id, k.id, a.amount, k.overage_price FROM reservation r, buckets k JOIN amounts a USING (meter)
    ),
    looked_at AS (
        SELECT COALESCE(jsonb_agg(jsonb_build_object(
            'meter', meter, 'window', "window", 'limit', "limit", 'used', used, 'reserved', reserved, 'hard', hard,
            'holder', holder, 'resets_at', ends_at, 'hold', CASE WHEN fits THEN amount ELSE a.least END
        ) ORDER BY ends_at, meter, holder DESC), '[]') AS limits
        FROM buckets JOIN amounts a USING (meter), verdict
    ),
    decision AS (
        INSERT INTO quotas_decision (request_id, workspace_id, admitted, plan, limits, created_at)
        SELECT %(request_id)s, %(workspace_id)s, fits, plan.slug, limits, now()
        FROM plan, verdict, looked_at WHERE complete AND permitted
        ON CONFLICT (request_id) DO UPDATE SET admitted = EXCLUDED.admitted, limits = EXCLUDED.limits
    )
    SELECT complete, fits, permitted, plan.slug AS plan, limits FROM plan, verdict, looked_at
"""

# Most callers have no limits of their own, and asking for an empty list of them would cost a twentieth more.
RESERVE = _RESERVE.format(limits=f"{PLAN_LIMITS}, limits AS (SELECT * FROM plan_limits)")
RESERVE_WITHIN_OWN_LIMITS = _RESERVE.format(limits=LIMITS)

# Moves a reservation out of `pending`, once, gives its holds back and posts what was spent. `state` is settled,
# released (nothing spent) or expired (the checkpoint spent). No row: it was resolved before. Every bucket of a meter
# is charged alike, whoever holds it. What goes beyond a limit that is billed beyond is noted for billing.
RESOLVE = f"""
    WITH resolved AS (
        UPDATE quotas_reservation SET state = %(state)s, basis = %(basis)s, resolved_at = now()
        WHERE id = %(reservation_id)s AND state = 'pending'
        RETURNING id, plan, price
    ),
    spent AS (
        SELECT * FROM unnest(%(meters)s::text[], %(amounts)s::bigint[]) AS spent (meter, amount)
    ),
    held AS MATERIALIZED (
        SELECT b.id AS bucket_id, h.amount AS held, h.overage_price, COALESCE(s.amount, 0) AS amount
        FROM resolved r JOIN quotas_hold h ON h.reservation_id = r.id JOIN quotas_bucket b ON b.id = h.bucket_id
            LEFT JOIN spent s ON s.meter = b.meter
        ORDER BY b.id
        FOR UPDATE OF b
    ),
    posted AS (
        UPDATE quotas_bucket b SET used = b.used + h.amount, reserved = b.reserved - h.held
        FROM held h WHERE b.id = h.bucket_id
        RETURNING b.id, b.workspace_id, b.meter, b.used, b."limit"
    ),
    entries AS (
        INSERT INTO quotas_entry
            (bucket_id, reservation_id, kind, amount, overrun, basis, plan, price, created_at)
        SELECT h.bucket_id, r.id, 'settlement', h.amount, GREATEST(h.amount - h.held, 0), %(basis)s, r.plan, r.price,
            now()
        FROM held h, resolved r WHERE h.amount > 0
        RETURNING id, bucket_id
    ),
    beyond AS (
        SELECT b.workspace_id, e.id AS entry_id, b.meter, held.overage_price AS unit_price,
            GREATEST(b.used - b."limit", 0) - GREATEST(b.used - held.amount - b."limit", 0) AS units
        FROM entries e JOIN posted b ON b.id = e.bucket_id JOIN held ON held.bucket_id = b.id
        WHERE held.overage_price IS NOT NULL
    ),
    overage AS ({NOTE_OVERAGE})
    SELECT id FROM resolved
"""

# A result that came after its reservation had expired: posts, once, what expiry did not.
# Its hold is gone, so all of it is an overrun.
CORRECT = f"""
    WITH late AS (
        UPDATE quotas_reservation SET corrected_at = now(), basis = %(basis)s
        WHERE id = %(reservation_id)s AND state = 'expired' AND corrected_at IS NULL
        RETURNING id, plan, price
    ),
    spent AS (
        SELECT * FROM unnest(%(meters)s::text[], %(amounts)s::bigint[]) AS spent (meter, amount)
    ),
    missing AS MATERIALIZED (
        SELECT b.id AS bucket_id, h.overage_price, s.amount - COALESCE(e.amount, 0) AS amount, e.id AS entry_id
        FROM late JOIN quotas_hold h ON h.reservation_id = late.id JOIN quotas_bucket b ON b.id = h.bucket_id
            JOIN spent s ON s.meter = b.meter
            LEFT JOIN quotas_entry e ON e.reservation_id = late.id AND e.bucket_id = b.id AND e.kind = 'settlement'
        ORDER BY b.id
        FOR UPDATE OF b
    ),
    posted AS (
        UPDATE quotas_bucket b SET used = b.used + m.amount FROM missing m WHERE b.id = m.bucket_id
        RETURNING b.id, b.workspace_id, b.meter, b.used, b."limit"
    ),
    entries AS (
        INSERT INTO quotas_entry
            (bucket_id, reservation_id, kind, amount, overrun, basis, plan, price, corrects_id, created_at)
        SELECT m.bucket_id, late.id, 'correction', m.amount, GREATEST(m.amount, 0), %(basis)s, late.plan, late.price,
            m.entry_id, now()
        FROM missing m, late WHERE m.amount <> 0
        RETURNING id, bucket_id
    ),
    beyond AS (
        SELECT b.workspace_id, e.id AS entry_id, b.meter, missing.overage_price AS unit_price,
            GREATEST(b.used - b."limit", 0) - GREATEST(b.used - missing.amount - b."limit", 0) AS units
        FROM entries e JOIN posted b ON b.id = e.bucket_id JOIN missing ON missing.bucket_id = b.id
        WHERE missing.overage_price IS NOT NULL
    ),
    overage AS ({NOTE_OVERAGE})
    SELECT id FROM late
"""

RENEW = """
    UPDATE quotas_reservation r SET lease_until = now() + %(lease)s, checkpoint = alive.checkpoint
    FROM unnest(%(reservation_ids)s::uuid[], %(checkpoints)s::jsonb[]) AS alive (id, checkpoint)
    WHERE r.id = alive.id AND r.state = 'pending'
"""

EXPIRED = """
    SELECT id, checkpoint FROM quotas_reservation
    WHERE state = 'pending' AND lease_until < now()
    ORDER BY lease_until
    LIMIT 1
    FOR UPDATE SKIP LOCKED
"""

USAGE = f"""
    WITH {LIMITS}
    SELECT plan.slug AS plan, plan.current_period_end, COALESCE(jsonb_agg(jsonb_build_object(
            'meter', l.meter, 'window', l."window", 'limit', l."limit", 'hard', l.hard, 'holder', l.holder,
            'resets_at', l.ends_at, 'used', COALESCE(b.used, 0), 'reserved', COALESCE(b.reserved, 0)
        ) ORDER BY l.ends_at, l.meter, l.holder DESC) FILTER (WHERE l.meter IS NOT NULL), '[]') AS limits
    FROM plan LEFT JOIN limits l ON true
        LEFT JOIN quotas_bucket b ON b.workspace_id = %(workspace_id)s
            AND b.meter = l.meter AND b."window" = l."window" AND b.starts_at = l.starts_at
            AND b.holder_id = l.holder_id
    GROUP BY plan.slug, plan.current_period_end
"""
