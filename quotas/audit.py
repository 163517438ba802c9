"""Proof of the ledger: its invariants, asked of the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

USE = "'settlement', 'correction', 'reset'"

CHECKS = {
    "used is the sum of its entries": f"""
        SELECT b.id, b.used, COALESCE(sum(e.amount), 0)
        FROM quotas_bucket b LEFT JOIN quotas_entry e ON e.bucket_id = b.id AND e.kind IN ({USE})
        GROUP BY b.id HAVING b.used <> COALESCE(sum(e.amount), 0)
    """,
    "carried is the sum of its carry-overs": """
        SELECT b.id, b.carried, COALESCE(sum(e.amount), 0)
        FROM quotas_bucket b LEFT JOIN quotas_entry e ON e.bucket_id = b.id AND e.kind = 'carry_over'
        GROUP BY b.id HAVING b.carried <> COALESCE(sum(e.amount), 0)
    """,
    "what a grant allows is what was given less what expired": """
        SELECT b.id, b."limit", COALESCE(sum(e.amount), 0)
        FROM quotas_bucket b LEFT JOIN quotas_entry e ON e.bucket_id = b.id AND e.kind IN ('grant', 'expiry')
        WHERE b.grant_id IS NOT NULL
        GROUP BY b.id HAVING b."limit" <> COALESCE(sum(e.amount), 0)
    """,
    "what is beyond a plan is noted once, and is no more than was used": """
        SELECT o.entry_id, o.units, COALESCE(e.amount, 0)
        FROM billing_overage o LEFT JOIN quotas_entry e ON e.id = o.entry_id
        WHERE e.id IS NULL OR o.units > e.amount
    """,
    "reserved is the sum of its pending holds": """
        SELECT b.id, b.reserved, COALESCE(sum(h.amount) FILTER (WHERE r.state = 'pending'), 0)
        FROM quotas_bucket b LEFT JOIN quotas_hold h ON h.bucket_id = b.id
            LEFT JOIN quotas_reservation r ON r.id = h.reservation_id
        GROUP BY b.id HAVING b.reserved <> COALESCE(sum(h.amount) FILTER (WHERE r.state = 'pending'), 0)
    """,
    "a hard limit is passed by overruns alone": """
        SELECT b.id, b.used + b.reserved, b."limit" FROM quotas_bucket b
        WHERE b.hard AND b.used + b.reserved - b."limit" > (
            SELECT COALESCE(sum(e.overrun), 0) FROM quotas_entry e WHERE e.bucket_id = b.id
        )
    """,
    "what is resolved says when, and what is pending does not": """
        SELECT id, 0, 0 FROM quotas_reservation WHERE (state = 'pending') <> (resolved_at IS NULL)
    """,
    "only what was settled, or expired with a checkpoint, has entries": """
        SELECT e.id, e.amount, 0 FROM quotas_entry e JOIN quotas_reservation r ON r.id = e.reservation_id
        WHERE r.state NOT IN ('settled', 'expired')
    """,
    "credits are held one after the other": """
        SELECT DISTINCT h.reservation_id, h.begins + h.amount, o.begins
        FROM quotas_hold h JOIN quotas_bucket b ON b.id = h.bucket_id AND b.grant_id IS NOT NULL
            JOIN quotas_hold o ON o.reservation_id = h.reservation_id AND o.id <> h.id AND o.amount > 0
            JOIN quotas_bucket ob ON ob.id = o.bucket_id AND ob.grant_id IS NOT NULL AND ob.meter = b.meter
        WHERE h.amount > 0 AND h.begins <= o.begins AND h.begins + h.amount > o.begins
    """,
    "what was spent is charged in every bucket that held for it, of the plan's less what credits paid": """
        WITH charges AS (
            SELECT h.reservation_id, b.meter, b.holder_id = b.workspace_id AS of_plan,
                b.grant_id IS NOT NULL AS of_grant, COALESCE(sum(e.amount), 0) AS charged
            FROM quotas_hold h JOIN quotas_bucket b ON b.id = h.bucket_id
                LEFT JOIN quotas_entry e ON e.reservation_id = h.reservation_id AND e.bucket_id = h.bucket_id
            GROUP BY h.reservation_id, h.bucket_id, b.id
        ),
        credit AS (
            SELECT reservation_id, meter, sum(charged) AS charged FROM charges WHERE of_grant GROUP BY 1, 2
        )
        SELECT r.id, c.charged, COALESCE((r.spent ->> c.meter)::bigint, 0)
        FROM charges c JOIN quotas_reservation r ON r.id = c.reservation_id
            LEFT JOIN credit USING (reservation_id, meter)
        WHERE NOT of_grant AND c.charged + CASE WHEN of_plan THEN COALESCE(credit.charged, 0) ELSE 0 END
            <> COALESCE((r.spent ->> c.meter)::bigint, 0)
    """,
    "rollups add up to what was spent": """
        WITH spent AS (
            SELECT r.workspace_id, meter, r.model, sum(amount::bigint) AS amount
            FROM quotas_reservation r, jsonb_each_text(r.spent) AS s (meter, amount)
            GROUP BY 1, 2, 3
        ),
        rolled AS (
            SELECT workspace_id, meter, model, sum(amount) AS amount FROM quotas_rollup GROUP BY 1, 2, 3
        )
        SELECT workspace_id || ' ' || meter || ' ' || model, COALESCE(rolled.amount, 0), COALESCE(spent.amount, 0)
        FROM spent FULL JOIN rolled USING (workspace_id, meter, model)
        WHERE COALESCE(rolled.amount, 0) <> COALESCE(spent.amount, 0)
    """,
    "each reservation is corrected once at most": """
        SELECT min(e.id), count(*), 1 FROM quotas_entry e WHERE e.kind = 'correction'
        GROUP BY e.reservation_id, e.bucket_id HAVING count(*) > 1
    """,
}


@dataclass(frozen=True)
class Broken:
    """One row that breaks an invariant: what stands there and what should."""

    invariant: str
    row: str
    found: int
    expected: int

    def __str__(self) -> str:
        return f"{self.invariant}: row {self.row} has {self.found}, not {self.expected}"


def audit_ledger() -> Iterator[Broken]:
    """Every broken invariant; nothing when the ledger is whole."""
    with connection.cursor() as cursor:
        for invariant, query in CHECKS.items():
            cursor.execute(query)
            for row, found, expected in cursor.fetchall():
                yield Broken(invariant, str(row), int(found), int(expected))
