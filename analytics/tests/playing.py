"""A business is put into the database, and what was paid since when is noted beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import count
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.models import User, Workspace
from accounts.tests.factories import UserFactory
from analytics.moments import Moment
from analytics.tests.businesses import HOUR, ROADS, Beyond, Business, Call, Change, Pack, Payment, Strategy
from assistants.models import Job, Step, Turn
from billing import revenue
from billing.models import CreditPack, Invoice, Overage, PackPurchase, Plan, Price, Subscription
from quotas.models import Reservation, Rollup

A_YEAR = {"day": 365, "month": 12, "year": 1}
numbers = count(1)


@dataclass(frozen=True)
class Paid:
    """A month, not yet rounded."""

    plan: str
    currency: str
    amount: Fraction


@dataclass
class Played:
    business: Business
    moment: Moment
    workspaces: list[Workspace]
    paid: list[tuple[datetime, UUID, Paid | None]] = field(default_factory=list)

    def paying_at(self, at: datetime) -> dict[UUID, Paid]:
        found: dict[UUID, Paid] = {}
        for since, workspace, paid in self.paid:
            if since <= at:
                found.pop(workspace, None)
                if paid:
                    found[workspace] = paid
        return found

    def day_of(self, at: datetime) -> date:
        return at.astimezone(self.moment.zone).date()

    def midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self.moment.zone)

    def month_began_at(self) -> datetime:
        return self.midnight(self.day_of(self.moment.at).replace(day=1))


@contextmanager
def played(business: Business) -> Iterator[Played]:
    """It is gone afterwards. Its money has a gateway of its own, so that it stands apart from that of other tests."""
    with transaction.atomic():
        yield _play(business)
        transaction.set_rollback(True)


def _play(business: Business) -> Played:
    moment = Moment(business.at, ZoneInfo(business.zone), uuid4().hex[:10])
    users = [UserFactory.create(industry=industry) for industry in business.industries]
    result = Played(business, moment, [Workspace.objects.get(personal_to=user) for user in users])
    for workspace, clock in zip(result.workspaces, business.clocks, strict=True):
        Workspace.objects.filter(pk=workspace.pk).update(time_zone=clock)
    for change in sorted(business.changes, key=lambda change: -change.hours_before):
        _change(result, change)
    for payment in business.payments:
        _invoice(result, payment)
    for pack in business.packs:
        _buy(result, pack)
    for beyond in business.beyond:
        _go_beyond(result, beyond)
    for call in business.calls:
        _call(result, call)
    for strategy in business.strategies:
        _plan_ahead(result, strategy)
    _work(result)
    _pay_elsewhere(business, moment)
    for hours_before in business.sign_ups:
        somebody = UserFactory.create()
        User.objects.filter(pk=somebody.pk).update(created_at=business.at - hours_before * HOUR)
    for customer in business.gone:
        Workspace.objects.filter(pk=result.workspaces[customer].pk).update(deleted_at=business.at)
    return result


def _change(played: Played, change: Change) -> None:
    workspace, at = played.workspaces[change.customer], played.moment.at - change.hours_before * HOUR
    running = Subscription.objects.filter(workspace=workspace).open()
    price = None if change.how == "given" else _price(*change.terms)
    if change.how == "ended":
        running.update(status="canceled", canceled_at=at)
    elif price and (sold := running.exclude(price=None)):
        sold.update(price=price, plan=price.plan, status=change.how)
    else:
        running.update(status="canceled", canceled_at=at)
        Subscription.objects.create(
            workspace=workspace,
            plan=price.plan if price else _plan(),
            price=price,
            gateway=played.moment.gateway if price else "",
            status=change.how if price else "active",
            created_at=at,
            entitled_until=None if change.lasts is None else at + change.lasts * HOUR,
        )
    revenue.follow([workspace.pk], at=at)
    pays = price if change.how in ("active", "past_due") else None
    played.paid.append((at, workspace.pk, _paid(pays) if pays else None))


def _paid(price: Price) -> Paid:
    return Paid(
        price.plan_id, price.currency, Fraction(price.amount * A_YEAR[price.interval], 12 * price.interval_count)
    )


def _plan() -> Plan:
    slug = f"kpi-{uuid4().hex[:12]}"
    return Plan.objects.create(slug=slug, name=slug, rank=210, is_offered=False)


def _price(currency: str, amount: int, interval: str, count: int) -> Price:
    return Price.objects.create(plan=_plan(), currency=currency, amount=amount, interval=interval, interval_count=count)


def _invoice(played: Played, payment: Payment) -> None:
    """No two at one moment, so that one of them is the newest."""
    at = played.moment.at - payment.hours_before * HOUR + timedelta(microseconds=next(numbers))
    Invoice.objects.create(
        workspace=played.workspaces[payment.customer],
        gateway=played.moment.gateway,
        stripe_id=f"in_{uuid4().hex}",
        status="paid" if payment.paid else "open",
        currency=payment.currency,
        refunded=payment.refunded,
        country=payment.country,
        paid_at=at if payment.paid else None,
        **dict.fromkeys(["subtotal", "total", "amount_paid", "amount_due"], payment.amount),
        **dict.fromkeys(["period_start", "period_end", "created_at"], at),
    )


def _buy(played: Played, pack: Pack) -> None:
    at, slug = played.moment.at - pack.hours_before * HOUR, f"kpi-{uuid4().hex[:12]}"
    terms = {"meter": "tokens", "amount": 1, "price": pack.price, "currency": pack.currency}
    PackPurchase.objects.create(
        workspace=played.workspaces[pack.customer],
        pack=CreditPack.objects.create(slug=slug, name=slug, is_offered=False, **terms),
        gateway=played.moment.gateway,
        state="refunded" if pack.refunded else "paid",
        refunded=pack.refunded,
        created_at=at,
        paid_at=at,
        **terms,
    )


def _go_beyond(played: Played, beyond: Beyond) -> None:
    Overage.objects.create(
        workspace=played.workspaces[beyond.customer],
        entry_id=-next(numbers),
        meter="tokens",
        units=beyond.units,
        unit_price=beyond.unit_price,
        used_at=played.moment.at - beyond.hours_before * HOUR,
        state="given_up" if beyond.given_up else "waiting",
    )


def _pay_elsewhere(business: Business, moment: Moment) -> None:
    """Somebody whose money comes by another gateway."""
    elsewhere = Played(business, replace(moment, gateway="elsewhere"), [_somebody()])
    for ago in (3000, 1500):
        _change(elsewhere, Change(0, ago, "active", ("USD", ago, "month", 1), None))
    _invoice(elsewhere, Payment(0, 2, "USD", 1234, 0, "", True))


def _somebody() -> Workspace:
    return Workspace.objects.get(personal_to=UserFactory.create())


def _work(played: Played) -> None:
    """As the ledger adds it up: a row for each hour, meter and model."""
    sums: Counter[tuple[int, int, str, str]] = Counter()
    works: Counter[tuple[int, int, str, str]] = Counter()
    for work in played.business.works:
        for meter, amount in (("tokens", work.tokens), ("cost", work.cost), ("requests", 1)):
            of = (work.customer, work.hours_before, meter, work.model)
            sums[of] += amount
            works[of] += 1
    Rollup.objects.bulk_create(
        Rollup(
            workspace=played.workspaces[customer],
            hour=played.moment.at - ago * HOUR,
            meter=meter,
            model=model,
            amount=amount,
            works=works[customer, ago, meter, model],
        )
        for (customer, ago, meter, model), amount in sums.items()
    )


def _call(played: Played, call: Call) -> None:
    workspace, at = played.workspaces[call.customer], played.moment.at - call.hours_before * HOUR
    names = ["input_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "cache_read_tokens", "output_tokens"]
    took = {**dict(zip(names, call.tokens, strict=True)), "cost": call.cost, "duration_ms": 1}
    hold = Reservation.objects.create(
        workspace=workspace, plan="free", state="settled", created_at=at, lease_until=at, resolved_at=at
    )
    if call.kind in ROADS:
        Turn.objects.create(
            reservation=hold, workspace=workspace, road=call.kind, outcome="completed", created_at=at, **took
        )
    else:
        job = _job(workspace, call.kind, at, industry=call.kind)
        Step.objects.create(job=job, position=0, role="x", output={}, reservation=hold, tries=1, finished_at=at, **took)


def _plan_ahead(played: Played, strategy: Strategy) -> None:
    at = played.moment.at - strategy.hours_before * HOUR + timedelta(microseconds=next(numbers))
    job = _job(played.workspaces[strategy.customer], "strategy", at, industry=strategy.industry)
    Job.objects.filter(pk=job.pk).update(deleted_at=at if strategy.deleted else None)


def _job(workspace: Workspace, kind: str, at: datetime, *, industry: str) -> Job:
    owner = workspace.personal_to
    assert owner
    return Job.objects.create(
        workspace=workspace,
        user=owner,
        kind=kind,
        crew="x",
        title="x",
        brief={"industry": industry},
        state="completed",
        leased_until=at,
        created_at=at,
        finished_at=at,
    )
