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
        (workspace_id, key_id, member_id, meter, "window", starts_at, ends_at, plan, "limit", hard, carried, used,
            reserved)
    SELECT %(workspace_id)s, CASE holder WHEN 'key' THEN holder_id END, CASE holder WHEN 'member' THEN holder_id END,
        meter, "window", starts_at, ends_at, plan.slug, "limit", hard, 0, 0, 0
    FROM limits, plan WHERE meter = ANY(%(meters)s::text[])
    ORDER BY meter, "window", holder_id
    ON CONFLICT DO NOTHING
"""

RESET_TOKENS = """
    WITH former AS MATERIALIZED (
        SELECT id, plan, used FROM quotas_bucket
        WHERE workspace_id = %(workspace_id)s AND holder_id = workspace_id AND meter = 'tokens' AND ends_at > %(at)s
            AND used > 0
        ORDER BY id
        FOR UPDATE
    ),
    emptied AS (
        UPDATE quotas_bucket b SET used = b.used - f.used FROM former f WHERE b.id = f.id
    )
    INSERT INTO quotas_entry (bucket_id, kind, amount, overrun, basis, plan, price, created_at)
    SELECT id, 'reset', -used, 0, '', plan, '{}', now() FROM former
"""

# A plan that has counted in a window leaves a line there, though nothing was used or carried over.
_BEEN = "SELECT FROM quotas_entry e WHERE e.bucket_id = b.id AND e.plan = {plan} AND e.kind <> 'reset'"

# Brings the open windows of a workspace from its former plan to the present one. A higher plan begins at nothing used,
# and what was left of the former is carried over. Within one window it does so once: who comes back to it finds it as
# it was left. A lower plan's limit counts as it is, and what is used stays used.
MOVE_TO_PLAN = f"""
    WITH plan AS ({CURRENT_PLAN}),
    former AS MATERIALIZED (
        SELECT b.*, now.slug AS new_plan, now.rank > COALESCE(was.rank, now.rank) AS is_higher,
            GREATEST(COALESCE(l."limit" + b.carried, 0) - b.used, 0) AS rest,
            EXISTS ({_BEEN.format(plan="now.slug")}) AS is_back, EXISTS ({_BEEN.format(plan="b.plan")}) AS has_trace
        FROM plan JOIN billing_plan now ON now.slug = plan.slug
            JOIN quotas_bucket b ON b.workspace_id = %(workspace_id)s AND b.holder_id = b.workspace_id
                AND b.ends_at > %(at)s AND b.plan <> now.slug
            LEFT JOIN billing_plan was ON was.slug = b.plan
            LEFT JOIN billing_planlimit l ON l.plan_id = b.plan AND l.meter = b.meter AND l."window" = b."window"
        ORDER BY b.id
        FOR UPDATE OF b
    ),
    latter AS (
        SELECT id, plan AS former_plan, new_plan, has_trace, used AS former_used, carried AS former_carried,
            CASE WHEN is_higher AND NOT is_back THEN 0 ELSE used END AS used,
            CASE
                WHEN is_higher AND is_back THEN (
                    SELECT COALESCE(sum(e.amount), 0) FROM quotas_entry e
                    WHERE e.bucket_id = former.id AND e.kind = 'carry_over' AND e.id <= (
                        SELECT max(last.id) FROM quotas_entry last
                        WHERE last.bucket_id = former.id AND last.kind = 'carry_over' AND last.plan = new_plan
                    )
                )
                WHEN is_higher THEN rest
                ELSE 0
            END AS carried
        FROM former
    ),
    moved AS (
        UPDATE quotas_bucket b SET plan = l.new_plan, used = l.used, carried = l.carried
        FROM latter l WHERE b.id = l.id
    )
    INSERT INTO quotas_entry (bucket_id, kind, amount, overrun, basis, plan, price, created_at)
    SELECT id, kind, amount, 0, '', plan, '{{}}', now()
    FROM latter, LATERAL (VALUES
        (1, 'carry_over', 0::bigint, former_plan, NOT has_trace),
        (2, 'reset', used - former_used, new_plan, used <> former_used),
        (3, 'carry_over', carried - former_carried, new_plan, true)
    ) AS posted (place, kind, amount, plan, is_due)
    WHERE is_due
    ORDER BY id, place
"""

# Asks for `least` to `most` of each meter and gets as much as the tightest hard limit has room for. All or nothing:
# when one meter cannot give its least, nothing is held and the decision says so. Answers `complete` = false, having
# done nothing, when a bucket is not open yet, or counts for a former plan still.
_RESERVE = """
    WITH {limits},
    asked AS (
        SELECT * FROM unnest(%(meters)s::text[], %(least)s::bigint[], %(most)s::bigint[]) AS ask (meter, least, most)
    ),
    wanted AS (
        SELECT * FROM limits JOIN asked USING (meter)
    ),
    buckets AS MATERIALIZED (
        SELECT b.id, b.used, b.reserved, b.plan, w.meter, w."window", w."limit" + b.carried AS "limit", w.hard,
            w.overage_price, w.ends_at, w.holder, w.least, w.most
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
            (SELECT count(*) FROM wanted) = (SELECT count(*) FROM buckets)
                AND NOT EXISTS (SELECT FROM buckets WHERE holder = 'workspace' AND plan <> slug) AS complete,
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
            'meter', l.meter, 'window', l."window", 'limit', l."limit" + COALESCE(b.carried, 0), 'hard', l.hard,
            'holder', l.holder, 'resets_at', l.ends_at, 'used', COALESCE(b.used, 0), 'reserved', COALESCE(b.reserved, 0)
        ) ORDER BY l.ends_at, l.meter, l.holder DESC) FILTER (WHERE l.meter IS NOT NULL), '[]') AS limits,
        COALESCE(bool_and(b.plan = plan.slug) FILTER (WHERE l.holder = 'workspace' AND b.id IS NOT NULL), true)
            AS on_plan
    FROM plan LEFT JOIN limits l ON true
        LEFT JOIN quotas_bucket b ON b.workspace_id = %(workspace_id)s
            AND b.meter = l.meter AND b."window" = l."window" AND b.starts_at = l.starts_at
            AND b.holder_id = l.holder_id
    GROUP BY plan.slug, plan.current_period_end
"""

# What was charged between two moments, as the ledger has it, and what of that was beyond the plan.
STATEMENT = """
    SELECT b.meter, b."window", sum(e.amount)::bigint AS used, count(*) AS entries,
        COALESCE(sum(o.units), 0)::bigint AS beyond, COALESCE(sum(o.units * o.unit_price), 0)::bigint AS amount
    FROM quotas_bucket b JOIN quotas_entry e ON e.bucket_id = b.id
        LEFT JOIN billing_overage o ON o.entry_id = e.id
    WHERE b.workspace_id = %(workspace_id)s AND b.holder_id = b.workspace_id
        AND b.ends_at > %(starts_at)s AND b.starts_at < %(ends_at)s
        AND e.created_at >= %(starts_at)s AND e.created_at < %(ends_at)s
        AND e.kind IN ('settlement', 'correction')
    GROUP BY b.meter, b."window"
    ORDER BY b.meter, b."window"
"""
