"""What alerts count by. What a workspace spent is read from the coarsest sums that are exact for the window, so that no
rule reads the hours of a month; only a window of an hour reads the rollups, which an index has by their hour."""

from typing import Final

from analytics.models import AlertRule

Window = AlertRule.Window

SPENT: Final[dict[AlertRule.Window, str]] = {
    Window.HOUR: """
        SELECT workspace_id, sum(amount)::bigint AS cost FROM quotas_rollup
        WHERE hour >= %(starts_at)s AND meter = 'cost' GROUP BY 1
    """,
    Window.DAY: "SELECT workspace_id, cost FROM analytics_customerday WHERE day = %(day)s",
    Window.MONTH: "SELECT workspace_id, cost FROM analytics_customermonth WHERE month = %(day)s",
}


def cost(window: AlertRule.Window) -> str:
    return f"SELECT COALESCE(sum(cost), 0)::bigint AS value FROM ({SPENT[window]}) AS spent"


def workspace_cost(window: AlertRule.Window) -> str:
    return f"SELECT workspace_id, cost AS value FROM ({SPENT[window]}) AS spent WHERE cost > %(beyond)s"


# Ten thousand micro-USD are a cent, of which a hundredth is a percent.
def margin(window: AlertRule.Window) -> str:
    return f"""
        WITH spent AS ({SPENT[window]}),
        paid AS (
            SELECT workspace_id, sum(cents) AS cents FROM (
                SELECT workspace_id, amount AS cents FROM billing_recurringrevenue
                WHERE ends_at IS NULL AND currency = 'USD'
                UNION ALL
                SELECT workspace_id, price - refunded FROM billing_packpurchase
                WHERE paid_at >= %(starts_at)s AND state = 'paid' AND currency = 'USD'
            ) AS each GROUP BY 1
        ),
        shares AS (
            SELECT workspace_id, trunc(cost / (cents * 100))::bigint AS value
            FROM spent JOIN paid USING (workspace_id) WHERE cents > 0
        )
        SELECT * FROM shares WHERE value > %(beyond)s
    """


ERROR_RATE: Final = """
    SELECT COALESCE(sum((data ->> 'chats')::bigint), 0)::bigint AS chats,
        COALESCE(sum((data ->> 'failed')::bigint), 0)::bigint AS failed
    FROM analytics_event WHERE kind = 'chat_completed' AND created_at >= %(starts_at)s
"""
