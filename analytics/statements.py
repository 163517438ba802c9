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

# Who changed the price went on paying.
CHURN = f"""
    WITH before AS (SELECT workspace_id FROM billing_recurringrevenue r WHERE {_PAYING_BEFORE}),
    now AS (SELECT workspace_id FROM billing_recurringrevenue r WHERE {PAYING_NOW}),
    stopped AS (
        SELECT DISTINCT workspace_id FROM billing_recurringrevenue r
        WHERE r.gateway = %(gateway)s AND r.ends_at > %(month_began_at)s AND r.ends_at <= %(at)s
            AND r.ends_at > r.starts_at
    )
    SELECT (SELECT count(*) FROM before WHERE workspace_id NOT IN (SELECT workspace_id FROM now)) AS cancelled,
        (SELECT count(*) FROM before) AS paying_before,
        (SELECT count(*) FROM stopped WHERE workspace_id NOT IN (SELECT workspace_id FROM now)) AS stopped,
        (SELECT count(*) FROM accounts_user WHERE is_active AND erased_at IS NULL) AS users
"""

MRR_AT = """
    SELECT m.at, r.currency, sum(r.amount)::bigint AS amount
    FROM unnest(%(moments)s::timestamptz[]) AS m (at) JOIN billing_recurringrevenue r
        ON r.starts_at <= m.at AND (r.ends_at IS NULL OR r.ends_at > m.at)
    WHERE r.gateway = %(gateway)s
    GROUP BY 1, 2
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
BY_INDUSTRY = _grouped(
    "lower(trim(COALESCE(NULLIF(u.industry, ''), j.industry, '')))",
    """
    LEFT JOIN accounts_membership m ON m.workspace_id = w.id AND m.role = 'owner'
    LEFT JOIN accounts_user u ON u.id = m.user_id
    LEFT JOIN LATERAL (
        SELECT brief ->> 'industry' AS industry FROM assistants_job
        WHERE workspace_id = w.id AND kind = 'strategy' AND deleted_at IS NULL AND COALESCE(u.industry, '') = ''
        ORDER BY created_at DESC LIMIT 1
    ) j ON true
    """,
)
BY_COUNTRY = _grouped(
    "COALESCE(i.country, '')",
    """
    LEFT JOIN LATERAL (
        SELECT country FROM billing_invoice
        WHERE workspace_id = w.id AND country <> '' ORDER BY created_at DESC LIMIT 1
    ) i ON true
    """,
)
