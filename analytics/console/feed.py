"""What the live feed's script has to know."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from analytics.console import links
from analytics.moments import Moment
from billing import money

ANY: Final = UUID(int=0)
"""Where the script puts a workspace's id."""


def told(moment: Moment) -> dict[str, Any]:
    return {
        "socket": "/ws/admin/activity",
        "rows": "/api/v1/analytics/activity",
        "list": links.rows("analytics.event"),
        "workspace": links.row("accounts.workspace", ANY),
        "money": {
            "signs": money.SIGNS,
            "decimals": {currency: money.decimals(currency) for currency in money.ZERO_DECIMAL | money.THREE_DECIMAL},
        },
    }
