"""What an operator wants to know of a workspace at a glance: of many in as many queries as of one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import F

from analytics import margins
from analytics.kpis import Money
from analytics.margins import Margin
from analytics.moments import Moment
from billing.models import Plan, RecurringRevenue, Subscription
from quotas.models import Bucket


@dataclass(frozen=True)
class Gauge:
    """How much of a limit is used, as it stood at the last request."""

    policy: str
    used: int
    limit: int

    @property
    def percent(self) -> int:
        """No more than a hundred; of a limit that allows nothing, all of it is used."""
        return min(100, self.used * 100 // self.limit) if self.limit else 100


@dataclass(frozen=True)
class Figures:
    """`status` is that of what was subscribed, blank without; `pays` a month, None of who pays nothing; `margin` that
    of the running month; `tightest` of the limits that are open, None where nothing was asked yet."""

    plan: str
    status: str
    pays: Money | None
    margin: Margin
    tightest: Gauge | None


def of_workspaces(ids: Collection[UUID], moment: Moment) -> dict[UUID, Figures]:
    """Of every one of them."""
    default = Plan.objects.filter(is_default=True).values_list("slug", flat=True).first() or ""
    open_ones = {one.workspace_id: one for one in Subscription.objects.filter(workspace__in=ids).open()}
    paid, gauges = _paid(ids, moment), _tightest(ids, moment)
    earned = margins.of_workspaces(ids, moment.months(1), moment)
    return {
        pk: Figures(
            plan=_plan(open_ones.get(pk), default, moment),
            status=open_ones[pk].status if pk in open_ones else "",
            pays=paid.get(pk),
            margin=earned.get(pk) or Margin(str(pk), 0, 0, []),
            tightest=gauges.get(pk),
        )
        for pk in ids
    }


def _plan(subscription: Subscription | None, default: str, moment: Moment) -> str:
    return subscription.plan_id if subscription and subscription.is_entitled(moment.at) else default


def _paid(ids: Collection[UUID], moment: Moment) -> dict[UUID, Money]:
    running = RecurringRevenue.objects.at(moment.at).filter(workspace__in=ids, gateway=moment.gateway)
    return {one.workspace_id: Money(one.currency, one.amount) for one in running}


def _tightest(ids: Collection[UUID], moment: Moment) -> dict[UUID, Gauge]:
    """Of the workspaces' own limits: those of keys, members and credits are told on their pages."""
    own = Bucket.objects.filter(workspace__in=ids, holder_id=F("workspace_id"))
    found = own.filter(starts_at__lte=moment.at, ends_at__gt=moment.at).order_by()
    gauges: dict[UUID, Gauge] = {}
    for bucket in found:
        gauge = Gauge(f"{bucket.meter}-{bucket.window}", bucket.used + bucket.reserved, bucket.limit)
        known = gauges.setdefault(bucket.workspace_id, gauge)
        if gauge.percent > known.percent:
            gauges[bucket.workspace_id] = gauge
    return gauges
