"""What became of a month under other terms, from rollups. A workspace's own clock names its days and its month."""

from analytics.statements import DEFAULT_PLAN, PAYING_NOW, SUBSCRIBED

_ON_THE_PLAN = f"""
    customer AS (
        SELECT w.id, w.name, w.time_zone
        FROM accounts_workspace w LEFT JOIN billing_subscription s ON s.workspace_id = w.id AND {SUBSCRIBED}
        WHERE w.deleted_at IS NULL AND COALESCE(s.plan_id, {DEFAULT_PLAN}) = %(plan)s
    )
"""

CUSTOMERS = f"WITH {_ON_THE_PLAN} SELECT count(*) AS customers FROM customer"

PAYING = f"""
    SELECT currency, amount, count(*) AS customers FROM billing_recurringrevenue r
    WHERE {PAYING_NOW} AND r.plan_id = %(plan)s
    GROUP BY 1, 2 ORDER BY 1, 2
"""

# A day to either side holds every clock's month.
BEYOND = f"""
    WITH {_ON_THE_PLAN},
    windows AS (
        SELECT c.id, c.name, date_trunc(%(window)s, o.hour AT TIME ZONE c.time_zone) AS starts_at,
            sum(o.amount)::bigint AS used
        FROM quotas_rollup o JOIN customer c ON c.id = o.workspace_id
        WHERE o.meter = %(meter)s
            AND o.hour >= %(first)s::date - interval '1 day' AND o.hour < %(last)s::date + interval '2 days'
            AND (o.hour AT TIME ZONE c.time_zone)::date BETWEEN %(first)s AND %(last)s
        GROUP BY 1, 2, 3
    ),
    hit AS (
        SELECT id AS workspace, name, count(*) AS windows, max(used) AS most, sum(used - %(limit)s)::bigint AS beyond
        FROM windows WHERE used > %(limit)s GROUP BY 1, 2
    )
    SELECT *, count(*) OVER () AS customers, (sum(beyond) OVER ())::bigint AS total
    FROM hit ORDER BY beyond DESC, workspace LIMIT %(worst)s
"""
