"""What the figures are computed by. The operator's clock is %(zone)s."""

PAYING_NOW = "r.gateway = %(gateway)s AND r.starts_at <= %(at)s AND (r.ends_at IS NULL OR r.ends_at > %(at)s)"
# What a workspace is entitled to; and the plan of who is entitled to nothing.
SUBSCRIBED = """
    s.status IN ('trialing', 'active', 'past_due') AND (s.entitled_until IS NULL OR s.entitled_until > %(at)s)
"""
DEFAULT_PLAN = "COALESCE((SELECT slug FROM billing_plan WHERE is_default), '')"
_PAYING_BEFORE = """
    r.gateway = %(gateway)s AND r.starts_at <= %(month_began_at)s
        AND (r.ends_at IS NULL OR r.ends_at > %(month_began_at)s)
"""

PAYING = f"""
    SELECT currency, sum(amount)::bigint AS amount, count(*) AS paying FROM billing_recurringrevenue r
    WHERE {PAYING_NOW} GROUP BY currency ORDER BY currency
"""

GROWTH = f"""
    WITH before AS (SELECT workspace_id, currency, amount FROM billing_recurringrevenue r WHERE {_PAYING_BEFORE}),
    after AS (SELECT workspace_id, currency, amount FROM billing_recurringrevenue r WHERE {PAYING_NOW})
    SELECT currency, COALESCE(sum(b.amount), 0)::bigint AS before, COALESCE(sum(a.amount), 0)::bigint AS after,
        COALESCE(sum(a.amount) FILTER (WHERE b.amount IS NULL), 0)::bigint AS new,
        COALESCE(sum(a.amount - b.amount) FILTER (WHERE a.amount > b.amount), 0)::bigint AS expansion,
        COALESCE(sum(b.amount - a.amount) FILTER (WHERE a.amount < b.amount), 0)::bigint AS contraction,
        COALESCE(sum(b.amount) FILTER (WHERE a.amount IS NULL), 0)::bigint AS churned
    FROM before b FULL JOIN after a USING (workspace_id, currency)
    GROUP BY currency ORDER BY currency
"""

# Who changed the price went on paying. One look at every row that was paid in this month.
CHURN = f"""
    WITH customer AS (
        SELECT workspace_id, bool_or({_PAYING_BEFORE}) AS before, bool_or({PAYING_NOW}) AS now,
            bool_or(r.ends_at <= %(at)s AND r.ends_at > r.starts_at) AS stopped
        FROM billing_recurringrevenue r
        WHERE r.gateway = %(gateway)s AND (r.ends_at IS NULL OR r.ends_at > %(month_began_at)s)
        GROUP BY 1
    )
    SELECT count(*) FILTER (WHERE before AND NOT now) AS cancelled, count(*) FILTER (WHERE before) AS paying_before,
        count(*) FILTER (WHERE stopped AND NOT now) AS stopped,
        (SELECT count(*) FROM accounts_user WHERE is_active AND erased_at IS NULL) AS users
    FROM customer
"""

# What began by a moment less what ended by it, so that every row is looked at once and not once for each moment.
MRR_AT = """
    WITH change AS (
        SELECT width_bucket(at - interval '1 microsecond', %(moments)s::timestamptz[]) + 1 AS number, currency,
            sum(amount) AS amount, sum(paying) AS paying
        FROM (
            SELECT starts_at, currency, amount, 1 FROM billing_recurringrevenue WHERE gateway = %(gateway)s
            UNION ALL
            SELECT ends_at, currency, -amount, -1 FROM billing_recurringrevenue
            WHERE gateway = %(gateway)s AND ends_at IS NOT NULL
        ) AS changed (at, currency, amount, paying)
        GROUP BY 1, 2
    )
    SELECT m.at, c.currency, sum(c.amount)::bigint AS amount
    FROM unnest(%(moments)s::timestamptz[]) WITH ORDINALITY AS m (at, number) JOIN change c ON c.number <= m.number
    GROUP BY 1, 2 HAVING sum(c.paying) > 0
"""

REVENUE = """
    WITH paid AS (
        SELECT paid_at, currency, amount_paid - refunded AS amount FROM billing_invoice
        WHERE gateway = %(gateway)s AND paid_at >= %(starts_at)s AND paid_at < %(ends_at)s
        UNION ALL
        SELECT paid_at, currency, price - refunded FROM billing_packpurchase
        WHERE gateway = %(gateway)s AND paid_at >= %(starts_at)s AND paid_at < %(ends_at)s
    )
    SELECT (paid_at AT TIME ZONE %(zone)s)::date AS day, currency, sum(amount)::bigint AS amount
    FROM paid GROUP BY 1, 2
"""

SIGN_UPS = """
    SELECT (created_at AT TIME ZONE %(zone)s)::date AS day, count(*) AS users FROM accounts_user
    WHERE created_at >= %(starts_at)s AND created_at < %(ends_at)s
    GROUP BY 1
"""


def _grouped(name: str, joins: str) -> str:
    """Every workspace, those that are gone only as long as they pay, by its name and by what it pays in."""
    return f"""
        SELECT {name} AS name, r.currency, count(*) AS workspaces, count(r.id) AS paying,
            COALESCE(sum(r.amount), 0)::bigint AS amount
        FROM accounts_workspace w
            LEFT JOIN billing_recurringrevenue r ON r.workspace_id = w.id AND {PAYING_NOW}
            {joins}
        WHERE w.deleted_at IS NULL OR r.id IS NOT NULL
        GROUP BY 1, 2
    """


BY_PLAN = _grouped(
    f"COALESCE(r.plan_id, s.plan_id, {DEFAULT_PLAN})",
    f"LEFT JOIN billing_subscription s ON s.workspace_id = w.id AND {SUBSCRIBED}",
)
# A strategy is looked for only where the owner says nothing.
BY_INDUSTRY = _grouped(
    """
    lower(trim(CASE WHEN u.industry <> '' THEN u.industry ELSE COALESCE((
        SELECT brief ->> 'industry' FROM assistants_job
        WHERE workspace_id = w.id AND kind = 'strategy' AND deleted_at IS NULL
        ORDER BY created_at DESC LIMIT 1
    ), '') END))
    """,
    """
    LEFT JOIN accounts_membership m ON m.workspace_id = w.id AND m.role = 'owner'
    LEFT JOIN accounts_user u ON u.id = m.user_id
    """,
)
BY_COUNTRY = _grouped(
    "COALESCE(i.country, '')",
    """
    LEFT JOIN (
        SELECT DISTINCT ON (workspace_id) workspace_id, country FROM billing_invoice
        WHERE country <> '' ORDER BY workspace_id, created_at DESC
    ) i ON i.workspace_id = w.id
    """,
)
