"""What each kind of rule counts: subjects with their values, of which the rule says how much is too much."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, F, Q, Sum

from accounts.meters import Meter
from analytics.models import AlertRule, Event, Webhook
from billing import revenue
from billing.models import PackPurchase, Subscription
from quotas.models import Rollup

LEAST_ANSWERS = 20
MICRO_USD_A_CENT = 10_000

Kind = AlertRule.Kind


@dataclass(frozen=True)
class Counted:
    """`subject` is blank where it is about everybody."""

    value: int
    subject: str = ""
    workspace_id: UUID | None = None


@dataclass(frozen=True)
class Span:
    starts_at: datetime
    at: datetime


def counted(rule: AlertRule, span: Span) -> Iterable[Counted]:
    """All that is counted since the window began, whether it is too much or not."""
    return COUNTS[Kind(rule.kind)](span)


def cost(span: Span) -> Iterator[Counted]:
    yield Counted(sum(_costs(span).values()))


def workspace_cost(span: Span) -> Iterator[Counted]:
    for workspace_id, spent in _costs(span).items():
        yield Counted(spent, str(workspace_id), workspace_id)


def _costs(span: Span) -> dict[UUID, int]:
    """Micro-USD, by workspace. A rollup is of work that began within its hour, and all of the first hour is in."""
    rows = Rollup.objects.filter(meter=Meter.COST, hour__gte=span.starts_at.replace(minute=0, second=0, microsecond=0))
    summed = rows.order_by().values("workspace").annotate(spent=Sum("amount"))
    return {row["workspace"]: row["spent"] for row in summed}


def margin(span: Span) -> Iterator[Counted]:
    """Percent of what they pay a month in US dollars, packs of this window with it. Who pays nothing has no margin;
    who pays in another currency is left out, since nothing here knows rates."""
    costs = _costs(span)
    paid = _paid(list(costs), span)
    for workspace_id, cents in paid.items():
        if cents:
            yield Counted(costs[workspace_id] * 100 // (cents * MICRO_USD_A_CENT), str(workspace_id), workspace_id)


def _paid(workspace_ids: list[UUID], span: Span) -> dict[UUID, int]:
    """Cents."""
    live = Subscription.objects.filter(
        workspace__in=workspace_ids, status__in=["active", "past_due"], price__currency__iexact="usd"
    )
    paid = {each.workspace_id: revenue.a_month(each.price) for each in live.select_related("price") if each.price}
    packs = PackPurchase.objects.filter(
        workspace__in=workspace_ids, state="paid", paid_at__gte=span.starts_at, currency__iexact="usd"
    )
    for row in packs.order_by().values("workspace").annotate(cents=Sum(F("price") - F("refunded"))):
        paid[row["workspace"]] = paid.get(row["workspace"], 0) + row["cents"]
    return paid


def error_rate(span: Span) -> Iterator[Counted]:
    """Percent of the answers, as the feed has them added up; none of a few."""
    told = Event.objects.filter(kind=Event.Kind.CHAT_COMPLETED, created_at__gte=span.starts_at)
    every, failed = (sum(data[name] for data in told.values_list("data", flat=True)) for name in ("chats", "failed"))
    if every >= LEAST_ANSWERS:
        yield Counted(failed * 100 // every)


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


COUNTS: dict[Kind, Callable[[Span], Iterator[Counted]]] = {
    Kind.COST: cost,
    Kind.WORKSPACE_COST: workspace_cost,
    Kind.MARGIN: margin,
    Kind.ERROR_RATE: error_rate,
    Kind.PROVIDER: provider,
    Kind.WEBHOOK: webhook,
    Kind.CHURN: churn,
}
