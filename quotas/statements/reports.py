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

# Of rollups. A workspace's own clock names the day; `model` null: all of them.
_USED = "sum(amount)::bigint AS used, sum(works)::bigint AS works"
_ROLLUPS = """
    FROM quotas_rollup
    WHERE workspace_id = %(workspace_id)s AND hour >= %(starts_at)s AND hour < %(ends_at)s
        AND (%(model)s::text IS NULL OR model = %(model)s)
"""
DAILY = f"""
    SELECT (hour AT TIME ZONE %(zone)s)::date AS date, meter, {_USED} {_ROLLUPS} GROUP BY 1, 2
"""
MONTHLY = f"""
    SELECT date_trunc('month', hour AT TIME ZONE %(zone)s)::date AS date, meter, {_USED} {_ROLLUPS} GROUP BY 1, 2
"""

# Three ways to divide the same rollups, in one look at them. `divided_by` is 3 for models, 5 for hours, 6 for weekdays.
PATTERNS = f"""
    SELECT GROUPING(model, hour_of_day, weekday) AS divided_by, model, hour_of_day, weekday, meter, {_USED}
    FROM (
        SELECT *, extract(hour FROM hour AT TIME ZONE %(zone)s)::int AS hour_of_day,
            extract(isodow FROM hour AT TIME ZONE %(zone)s)::int AS weekday
        {_ROLLUPS}
    ) AS rollups
    GROUP BY GROUPING SETS ((model, meter), (hour_of_day, meter), (weekday, meter))
"""

TREND = """
    SELECT meter, COALESCE(sum(amount) FILTER (WHERE hour >= %(middle)s AND hour < %(ends_at)s), 0)::bigint AS last,
        COALESCE(sum(amount) FILTER (WHERE hour < %(middle)s), 0)::bigint AS before,
        COALESCE(sum(amount) FILTER (WHERE hour >= %(lately)s), 0)::bigint AS lately
    FROM quotas_rollup
    WHERE workspace_id = %(workspace_id)s AND hour >= LEAST(%(starts_at)s, %(lately)s)
    GROUP BY meter
"""
