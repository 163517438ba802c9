"""What the console's first page shows and the API tells: the same figures, put together once."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from analytics import kpis, margins, usage
from analytics.moments import Moment
from analytics.usage import TopCustomer, Usage
from assistants import providers
from assistants.providers import breaker
from billing.models.subscriptions import Gateway
from quotas.days import Days, whole_months
from quotas.periods import midnight

TOP: Final = 10


def dashboard(moment: Moment) -> dict[str, Any]:
    return {
        "kpis": kpis_of(moment),
        "usage": usage_of(moment),
        "margins": margins_of(moment.months(1), moment, paying=False, count=TOP),
        "top_users": top_users(moment),
        "providers": states_of_providers(),
    }


def kpis_of(moment: Moment) -> dict[str, Any]:
    told = {"at": moment.at, "time_zone": str(moment.zone), "simulated": is_simulated(moment)}
    return {**told, **kpis.every(moment), "grouped_at": kpis.grouped_at("industry", moment)}


def is_simulated(moment: Moment) -> bool:
    return moment.gateway == Gateway.DEMO


def usage_of(moment: Moment) -> Usage:
    """Of 30 days."""
    return usage.usage(moment.days(kpis.TREND_DAYS))


def margins_of(month: Days, moment: Moment, *, paying: bool, count: int) -> dict[str, Any]:
    return {
        "month": month.first,
        "at": margins.counted_at(month, moment),
        "plans": margins.by_plan(month, moment),
        "models": margins.by_model(month, moment),
        "losses": margins.losses(month, moment, paying=paying, count=count),
    }


def top_users(moment: Moment) -> list[TopCustomer]:
    """Of the running month, by tokens."""
    return usage.top_customers(moment.months(1).first, by="tokens", count=TOP)


def states_of_providers() -> dict[str, str]:
    """Whether this process asks each (`closed`), leaves it alone (`open`), or is seeing (`half-open`)."""
    return {known.name: breaker.of(known.name).state for known in providers.every()}


def month_of(named: date | None, moment: Moment) -> Days:
    """That which is named, else the running one."""
    return whole_months(midnight(named, moment.zone), 1, moment.zone) if named else moment.months(1)
