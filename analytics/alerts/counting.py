"""What each kind of rule counts: subjects with their values, of which the rule says how much is too much."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Q

from accounts import database
from analytics.alerts import statements
from analytics.models import AlertRule, Event, Webhook
from billing.models import Subscription

LEAST_ANSWERS = 20

Kind = AlertRule.Kind


@dataclass(frozen=True)
class Counted:
    """`subject` is blank where it is about everybody."""

    value: int
    subject: str = ""
    workspace_id: UUID | None = None


@dataclass(frozen=True)
class Span:
    """A window, so far. Of many subjects those alone are asked for that have more than `beyond`."""

    window: AlertRule.Window
    starts_at: datetime
    at: datetime
    beyond: int = 0


def counted(rule: AlertRule, span: Span) -> Iterable[Counted]:
    """What is counted since the window began."""
    return COUNTS[Kind(rule.kind)](span)


def cost(span: Span) -> Iterator[Counted]:
    """Micro-USD. A piece of work counts for the hour in which it began; but for windows of an hour it is summed up
    every minute, so that it may be a minute late."""
    yield Counted(_asked(statements.cost(span.window), span)[0]["value"])


def workspace_cost(span: Span) -> Iterator[Counted]:
    return _of_workspaces(statements.workspace_cost(span.window), span)


def margin(span: Span) -> Iterator[Counted]:
    """Percent of what they pay a month in US dollars, packs of this window with it. Who pays nothing has no margin;
    who pays in another currency is left out, since nothing here knows rates."""
    return _of_workspaces(statements.margin(span.window), span)


def _of_workspaces(statement: str, span: Span) -> Iterator[Counted]:
    for row in _asked(statement, span):
        yield Counted(row["value"], str(row["workspace_id"]), row["workspace_id"])


def _asked(statement: str, span: Span) -> list[database.Row]:
    day = span.starts_at.astimezone(ZoneInfo(settings.STIPEND_TIME_ZONE)).date()
    return database.fetch_all_now(statement, {"starts_at": span.starts_at, "day": day, "beyond": span.beyond})


def error_rate(span: Span) -> Iterator[Counted]:
    """Percent of the answers, as the feed has them added up; none of a few."""
    [told] = _asked(statements.ERROR_RATE, span)
    if told["chats"] >= LEAST_ANSWERS:
        yield Counted(told["failed"] * 100 // told["chats"])


def provider(span: Span) -> Iterator[Counted]:
    """How often any process left it alone."""
    times: dict[str, int] = {}
    told = Event.objects.filter(kind=Event.Kind.PROVIDER_FAILING, created_at__gte=span.starts_at)
    for data in told.values_list("data", flat=True):
        for name in data["providers"]:
            times[name] = times.get(name, 0) + data["times"]
    for name, count in times.items():
        yield Counted(count, name)


def webhook(span: Span) -> Iterator[Counted]:
    """Hours since anything arrived there."""
    for failing in Webhook.objects.filter(is_active=True).exclude(failing_since=None):
        failed_for = span.at - (failing.failing_since or span.at)
        yield Counted(failed_for // timedelta(hours=1), str(failing.pk), failing.workspace_id)


def churn(span: Span) -> Iterator[Counted]:
    """Percent of what was paid for when the window began."""
    paid = Subscription.objects.exclude(price=None).filter(created_at__lt=span.starts_at)
    there = paid.filter(Q(canceled_at=None) | Q(canceled_at__gte=span.starts_at))
    found = there.order_by().aggregate(every=Count("pk"), ended=Count("pk", filter=Q(canceled_at__lte=span.at)))
    if found["every"]:
        yield Counted(found["ended"] * 100 // found["every"])


COUNTS: dict[AlertRule.Kind, Callable[[Span], Iterator[Counted]]] = {
    Kind.COST: cost,
    Kind.WORKSPACE_COST: workspace_cost,
    Kind.MARGIN: margin,
    Kind.ERROR_RATE: error_rate,
    Kind.PROVIDER: provider,
    Kind.WEBHOOK: webhook,
    Kind.CHURN: churn,
}
