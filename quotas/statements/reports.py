"""What the ledger says of a time that has passed."""

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
