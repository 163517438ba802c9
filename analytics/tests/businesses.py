"""Businesses as they might have gone: who began, changed and ended what, and when; and what they paid."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.db import transaction
from hypothesis import strategies as st

from accounts.models import User, Workspace
from accounts.tests.factories import UserFactory
from analytics.moments import Moment
from billing import revenue
from billing.models import Invoice, Plan, Price, Subscription

ZONES = ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Auckland"]
CURRENCIES = ["INR", "USD"]
PERIODS = [("month", 1), ("year", 1), ("day", 30), ("month", 3)]
INDUSTRIES = ["", "Food", "food ", "Law"]
A_YEAR = {"day": 365, "month": 12, "year": 1}
HOUR = timedelta(hours=1)

Terms = tuple[str, int, str, int]
"""Currency, amount, interval and how many of them."""


@dataclass(frozen=True)
class Change:
    """`terms` None: the subscription ends; `owing`: it goes on past due."""

    customer: int
    hours_before: int
    terms: Terms | None
    owing: bool


@dataclass(frozen=True)
class Payment:
    customer: int
    hours_before: int
    currency: str
    amount: int
    refunded: int


@dataclass(frozen=True)
class Business:
    """`industries` of its customers, one each."""

    at: datetime
    zone: str
    industries: list[str]
    changes: list[Change]
    payments: list[Payment]
    sign_ups: list[int]


def nearly_any_moment() -> st.SearchStrategy[datetime]:
    """Often about a month's end, which is another moment in every zone."""
    months = st.builds(
        lambda year, month: datetime(year, month, 1, tzinfo=UTC), st.integers(2031, 2033), st.integers(1, 12)
    )
    return st.builds(
        lambda month, hours: month + hours * HOUR, months, st.one_of(st.integers(-15, 15), st.integers(0, 743))
    )


CUSTOMERS = 3
terms = st.tuples(st.sampled_from(CURRENCIES), st.integers(1, 5000)).flatmap(
    lambda money: st.sampled_from(PERIODS).map(lambda period: (*money, *period))
)
whose = st.integers(0, CUSTOMERS - 1)
hours = st.one_of(st.integers(0, 30), st.integers(0, 900))
businesses = st.builds(
    Business,
    at=nearly_any_moment(),
    zone=st.sampled_from(ZONES),
    industries=st.lists(st.sampled_from(INDUSTRIES), min_size=CUSTOMERS, max_size=CUSTOMERS),
    changes=st.lists(st.builds(Change, whose, hours, st.one_of(st.none(), terms, terms), st.booleans()), max_size=12),
    payments=st.lists(
        st.builds(Payment, whose, hours, st.sampled_from(CURRENCIES), st.integers(100, 999), st.integers(0, 99)),
        max_size=6,
    ),
    sign_ups=st.lists(hours, max_size=6),
)


@dataclass
class Played:
    """What is in the database now, and what was paid a month since when, as it was noted beside it."""

    moment: Moment
    workspaces: list[Workspace]
    paid: list[tuple[datetime, UUID, tuple[str, Fraction] | None]] = field(default_factory=list)

    def paying_at(self, at: datetime) -> dict[UUID, tuple[str, int]]:
        """Currency and amount a month of each that paid."""
        found: dict[UUID, tuple[str, int]] = {}
        for since, workspace, money in self.paid:
            if since <= at:
                found.pop(workspace, None)
                if money:
                    found[workspace] = (money[0], half_up(money[1]))
        return found

    def day_of(self, at: datetime) -> date:
        return at.astimezone(self.moment.zone).date()

    def month_began_at(self) -> datetime:
        return datetime.combine(self.day_of(self.moment.at).replace(day=1), datetime.min.time(), self.moment.zone)


@contextmanager
def played(business: Business) -> Iterator[Played]:
    """It is gone afterwards. Its money has a gateway of its own, so that it stands apart from that of other tests."""
    with transaction.atomic():
        yield _play(business)
        transaction.set_rollback(True)


def half_up(amount: Fraction) -> int:
    return int(amount + Fraction(1, 2))


def _play(business: Business) -> Played:
    moment = Moment(business.at, ZoneInfo(business.zone), uuid4().hex[:10])
    users = [UserFactory.create(industry=industry) for industry in business.industries]
    result = Played(moment, [Workspace.objects.get(personal_to=user) for user in users])
    for change in sorted(business.changes, key=lambda change: -change.hours_before):
        _change(result, change)
    for payment in business.payments:
        _pay(result, payment)
    for hours_before in business.sign_ups:
        somebody = UserFactory.create()
        User.objects.filter(pk=somebody.pk).update(created_at=business.at - hours_before * HOUR)
    return result


def _change(played: Played, change: Change) -> None:
    workspace, at = played.workspaces[change.customer], played.moment.at - change.hours_before * HOUR
    running = Subscription.objects.filter(workspace=workspace).open()
    if change.terms is None:
        running.update(status="canceled", canceled_at=at)
        money = None
    else:
        price = _price(*change.terms)
        status = "past_due" if change.owing else "active"
        if not running.update(price=price, plan=price.plan, status=status):
            Subscription.objects.create(
                workspace=workspace, plan=price.plan, price=price, gateway=played.moment.gateway, status=status
            )
        money = (price.currency, Fraction(price.amount * A_YEAR[price.interval], 12 * price.interval_count))
    revenue.follow([workspace.pk], at=at)
    played.paid.append((at, workspace.pk, money))


def _price(currency: str, amount: int, interval: str, count: int) -> Price:
    slug = f"kpi-{uuid4().hex[:12]}"
    plan = Plan.objects.create(slug=slug, name=slug, rank=210, is_offered=False)
    return Price.objects.create(plan=plan, currency=currency, amount=amount, interval=interval, interval_count=count)


def _pay(played: Played, payment: Payment) -> None:
    at = played.moment.at - payment.hours_before * HOUR
    Invoice.objects.create(
        workspace=played.workspaces[payment.customer],
        gateway=played.moment.gateway,
        stripe_id=f"in_{uuid4().hex}",
        status="paid",
        currency=payment.currency,
        refunded=payment.refunded,
        country="DE" if payment.refunded % 2 else "",
        paid_at=at,
        **dict.fromkeys(["subtotal", "total", "amount_paid", "amount_due"], payment.amount),
        **dict.fromkeys(["period_start", "period_end", "created_at"], at),
    )
