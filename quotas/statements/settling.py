"""Settling: a reservation is resolved once, its holds are given back, and what was spent is posted."""

from billing.overage import NOTE_OVERAGE

_SPENT = """
    spent AS (
        SELECT * FROM unnest(%(meters)s::text[], %(amounts)s::bigint[]) AS spent (meter, amount)
    )
"""

# What each held bucket is charged, behind `held`: a key's and a member's all that was spent; a grant its share of it,
# in its turn; the workspace's own the rest.
_CHARGED = """
    of_grants AS (
        SELECT bucket_id, meter, LEAST(GREATEST(spent - begins, 0), held) AS amount FROM held WHERE grant_id IS NOT NULL
    ),
    charged AS (
        SELECT h.*, CASE
            WHEN h.is_own THEN h.spent
            WHEN h.grant_id IS NOT NULL THEN (SELECT amount FROM of_grants g WHERE g.bucket_id = h.bucket_id)
            ELSE h.spent - COALESCE((SELECT sum(amount) FROM of_grants g WHERE g.meter = h.meter), 0)::bigint
        END AS amount
        FROM held h
    )
"""

# Behind `posted` and `entries`: what they brought beyond a limit that is billed beyond.
_BEYOND = f"""
    beyond AS (
        SELECT p.workspace_id, e.id AS entry_id, p.meter, p.overage_price AS unit_price,
            GREATEST(p.used - p."limit", 0) - GREATEST(p.used - e.amount - p."limit", 0) AS units
        FROM entries e JOIN posted p ON p.id = e.bucket_id
        WHERE p.overage_price IS NOT NULL
    ),
    overage AS ({NOTE_OVERAGE})
"""

# Of each limit of the plan, once in a window, that four fifths, or all of it, are used.
_NOTICED = """
    noticed AS (
        INSERT INTO quotas_notice (bucket_id, percent, created_at)
        SELECT p.id, percent, now() FROM posted p, unnest(ARRAY[80, 100]) AS percent
        WHERE p.holder_id = p.workspace_id AND p."limit" > 0 AND p.used * 100 >= p."limit" * percent
        ORDER BY p.id, percent
        ON CONFLICT DO NOTHING
    )
"""

# By the hour of the workspace's own clock in which the work began. `{before}` was spent when it was looked at before.
_ROLLED = """
    rolled AS (
        INSERT INTO quotas_rollup (workspace_id, hour, meter, model, amount, works)
        SELECT r.workspace_id, date_trunc('hour', r.created_at, w.time_zone), s.meter, r.model, s.amount - {before},
            CASE WHEN {before} = 0 THEN 1 WHEN s.amount = 0 THEN -1 ELSE 0 END
        FROM {work} r JOIN accounts_workspace w ON w.id = r.workspace_id, spent s
        WHERE s.amount <> {before}
        ORDER BY s.meter
        ON CONFLICT (workspace_id, hour, meter, model) DO UPDATE
            SET amount = quotas_rollup.amount + EXCLUDED.amount, works = quotas_rollup.works + EXCLUDED.works
    )
"""

# Moves a reservation out of `pending`, once. `state` is settled, released (nothing spent) or expired (the checkpoint
# spent). No row: it was resolved before.
RESOLVE = f"""
    WITH {_SPENT},
    resolved AS (
        UPDATE quotas_reservation SET state = %(state)s, basis = %(basis)s, resolved_at = now(),
            spent = (SELECT COALESCE(jsonb_object_agg(meter, amount) FILTER (WHERE amount <> 0), '{{}}') FROM spent)
        WHERE id = %(reservation_id)s AND state = 'pending'
        RETURNING id, workspace_id, model, plan, price, created_at
    ),
    held AS MATERIALIZED (
        SELECT b.id AS bucket_id, b.meter, b.grant_id, COALESCE(b.key_id, b.member_id) IS NOT NULL AS is_own,
            h.amount AS held, h.begins, h.overage_price, COALESCE(s.amount, 0) AS spent
        FROM resolved r JOIN quotas_hold h ON h.reservation_id = r.id JOIN quotas_bucket b ON b.id = h.bucket_id
            LEFT JOIN spent s ON s.meter = b.meter
        ORDER BY b.id
        FOR UPDATE OF b
    ),
    {_CHARGED},
    posted AS (
        UPDATE quotas_bucket b SET used = b.used + c.amount, reserved = b.reserved - c.held
        FROM charged c WHERE b.id = c.bucket_id
        RETURNING b.id, b.workspace_id, b.holder_id, b.meter, b.used, b."limit", c.overage_price
    ),
    entries AS (
        INSERT INTO quotas_entry
            (bucket_id, reservation_id, kind, amount, overrun, basis, plan, price, actor, reason, created_at)
        SELECT c.bucket_id, r.id, 'settlement', c.amount, GREATEST(c.amount - c.held, 0), %(basis)s, r.plan, r.price,
            '', '', now()
        FROM charged c, resolved r WHERE c.amount <> 0
        RETURNING id, bucket_id, amount
    ),
    {_BEYOND},
    {_NOTICED},
    {_ROLLED.format(work="resolved", before="0")}
    SELECT id FROM resolved
"""

# A result that came after its reservation had expired: posts, once, what expiry did not.
# Its hold is gone, so all of it is an overrun.
CORRECT = f"""
    WITH {_SPENT},
    late AS (
        UPDATE quotas_reservation r SET corrected_at = now(), basis = %(basis)s, spent = former.spent || (
                SELECT COALESCE(jsonb_object_agg(meter, amount), '{{}}') FROM spent
            )
        FROM (SELECT id, spent FROM quotas_reservation WHERE id = %(reservation_id)s FOR UPDATE) AS former
        WHERE r.id = former.id AND r.state = 'expired' AND r.corrected_at IS NULL
        RETURNING r.id, r.workspace_id, r.model, r.plan, r.price, r.created_at, former.spent
    ),
    held AS MATERIALIZED (
        SELECT b.id AS bucket_id, b.meter, b.grant_id, COALESCE(b.key_id, b.member_id) IS NOT NULL AS is_own,
            h.amount AS held, h.begins, h.overage_price, s.amount AS spent
        FROM late JOIN quotas_hold h ON h.reservation_id = late.id JOIN quotas_bucket b ON b.id = h.bucket_id
            JOIN spent s ON s.meter = b.meter
        ORDER BY b.id
        FOR UPDATE OF b
    ),
    {_CHARGED},
    missing AS (
        SELECT c.bucket_id, c.overage_price, c.amount - COALESCE(e.amount, 0) AS amount, e.id AS entry_id
        FROM late, charged c LEFT JOIN quotas_entry e
            ON e.reservation_id = %(reservation_id)s AND e.bucket_id = c.bucket_id AND e.kind = 'settlement'
    ),
    posted AS (
        UPDATE quotas_bucket b SET used = b.used + m.amount FROM missing m WHERE b.id = m.bucket_id
        RETURNING b.id, b.workspace_id, b.holder_id, b.meter, b.used, b."limit", m.overage_price
    ),
    entries AS (
        INSERT INTO quotas_entry
            (bucket_id, reservation_id, kind, amount, overrun, basis, plan, price, corrects_id, actor, reason,
                created_at)
        SELECT m.bucket_id, late.id, 'correction', m.amount, GREATEST(m.amount, 0), %(basis)s, late.plan, late.price,
            m.entry_id, '', '', now()
        FROM missing m, late WHERE m.amount <> 0
        RETURNING id, bucket_id, amount
    ),
    {_BEYOND},
    {_NOTICED},
    {_ROLLED.format(work="late", before="COALESCE((r.spent ->> s.meter)::bigint, 0)")}
    SELECT id FROM late
"""

# What is still to be settled is another model's work from here on.
REASSIGN = """
    UPDATE quotas_reservation SET model = %(model)s, price = %(price)s
    WHERE id = %(reservation_id)s AND state = 'pending'
"""

RENEW = """
    UPDATE quotas_reservation r SET lease_until = now() + %(lease)s, checkpoint = alive.checkpoint
    FROM unnest(%(reservation_ids)s::uuid[], %(checkpoints)s::jsonb[]) AS alive (id, checkpoint)
    WHERE r.id = alive.id AND r.state = 'pending'
    RETURNING r.id
"""

EXPIRED = """
    SELECT id, checkpoint FROM quotas_reservation
    WHERE state = 'pending' AND lease_until < now()
    ORDER BY lease_until
    LIMIT 1
    FOR UPDATE SKIP LOCKED
"""
