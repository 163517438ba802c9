"""The simulated Stripe's clock: month ends, what was missed, two clocks at once, and what a person plays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connections
from django.utils.timezone import now
from pytest_django import Settings

from accounts.tests.factories import Person
from billing import demo_clock, subscriptions
from billing.gateways.demo.periods import end_of
from billing.models import Price, Simulated, Subscription
from billing.tests.demo import BEGIN, DAY, FAILS_LATER, Buyer, a_price

FEBRUARY = datetime(2027, 2, 28, 10, 30, tzinfo=UTC)


@pytest.fixture
def buyer(alice: Person) -> Buyer:
    return Buyer(alice)


@pytest.fixture
def today(alice: Person) -> Buyer:
    return Buyer(alice, now().replace(microsecond=0))


# Periods


def ends(begin: datetime, interval: str, count: int, periods: int) -> list[str]:
    found, start = [], begin
    for _ in range(periods):
        start = end_of(start, interval, count, anchor=begin)
        found.append(start.strftime("%Y-%m-%d %H:%M"))
    return found


def test_months_from_the_31st_end_on_short_months_last_days_and_come_back() -> None:
    assert ends(BEGIN, "month", 1, 5) == [
        "2027-02-28 10:30",
        "2027-03-31 10:30",
        "2027-04-30 10:30",
        "2027-05-31 10:30",
        "2027-06-30 10:30",
    ]


def test_a_leap_day_comes_back_after_four_years() -> None:
    leap_day = datetime(2028, 2, 29, tzinfo=UTC)

    assert [day[:10] for day in ends(leap_day, "year", 1, 4)] == [
        "2029-02-28",
        "2030-02-28",
        "2031-02-28",
        "2032-02-29",
    ]


def test_months_go_by_threes_over_the_year_s_end() -> None:
    assert [day[:10] for day in ends(datetime(2027, 11, 30, tzinfo=UTC), "month", 3, 2)] == ["2028-02-29", "2028-05-30"]


def test_thirty_days_are_thirty_days() -> None:
    assert [day[:10] for day in ends(BEGIN, "day", 30, 2)] == ["2027-03-02", "2027-04-01"]


# Renewals


def test_nothing_moves_before_its_time(buyer: Buyer) -> None:
    buyer.buy(a_price())

    assert demo_clock.play(FEBRUARY - timedelta(seconds=1), customer_id=buyer.id) == 0
    assert len(buyer.bills()) == 1


def test_a_renewal_comes_once_however_often_the_clock_does(buyer: Buyer) -> None:
    buyer.buy(a_price())

    moved = [demo_clock.play(FEBRUARY + hours * timedelta(hours=1), customer_id=buyer.id) for hours in range(3)]

    assert (moved, len(buyer.bills())) == ([1, 0, 0], 2)
    assert buyer.bills()[-1].created_at == FEBRUARY


def test_what_was_missed_comes_at_its_own_moments(buyer: Buyer) -> None:
    buyer.buy(a_price(500))

    buyer.wait_until(datetime(2027, 6, 1, tzinfo=UTC))

    assert [bill.created_at.strftime("%m-%d") for bill in buyer.bills()] == [
        "01-31",
        "02-28",
        "03-31",
        "04-30",
        "05-31",
    ]
    assert buyer.subscription().current_period_end == datetime(2027, 6, 30, 10, 30, tzinfo=UTC)


def test_days_renew_while_an_older_day_is_owed(buyer: Buyer) -> None:
    buyer.buy(a_price(interval="day"), FAILS_LATER)

    buyer.wait_until(BEGIN + 3 * DAY)
    assert [bill.status for bill in buyer.bills()] == ["paid", "open", "open", "open"]
    buyer.wait_until(BEGIN + 6 * DAY)

    assert buyer.subscription().status == "canceled"


def test_many_clocks_at_once_renew_once(buyer: Buyer) -> None:
    buyer.buy(a_price())
    together = Barrier(6)

    def tick(_: int) -> int:
        try:
            together.wait()
            return demo_clock.play(FEBRUARY, customer_id=buyer.id)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as clocks:
        moved = list(clocks.map(tick, range(6)))

    assert (sum(moved), len(buyer.bills())) == (1, 2)


def test_the_clock_and_staff_at_once_do_not_block_each_other(buyer: Buyer) -> None:
    """They take the same rows, in the same order."""
    together = Barrier(2)

    def at_once(act: str) -> None:
        try:
            together.wait()
            if act == "clock":
                demo_clock.play(FEBRUARY, customer_id=buyer.id)
            else:
                subscriptions.put_on_plan(buyer.person.workspace, "team", at=FEBRUARY)
        finally:
            connections.close_all()

    for _ in range(5):
        subscriptions.put_on_plan(buyer.person.workspace, "free", at=BEGIN)
        buyer.buy(a_price())
        with ThreadPoolExecutor(2) as both:
            list(both.map(at_once, ["clock", "staff"]))
        assert Subscription.objects.get(workspace=buyer.person.workspace, status="active").plan_id == "team"


def test_what_cannot_be_moved_holds_nobody_else_up(
    buyer: Buyer, charlie: Person, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, other = (
        Buyer(charlie, datetime(2020, 1, 31, tzinfo=UTC)),
        Buyer(buyer.person, datetime(2020, 2, 1, tzinfo=UTC)),
    )
    price = a_price(interval="year")
    stuck.buy(price)
    other.buy(a_price(interval="year"))
    Price.objects.filter(pk=price.pk).update(version=7)  # Nobody knows its name any more.

    demo_clock.play(datetime(2021, 2, 2, tzinfo=UTC))

    assert "could not be moved" in caplog.text
    assert (len(stuck.bills()), len(other.bills())) == (1, 2)
    assert stuck.is_due_at() == datetime(2021, 1, 31, tzinfo=UTC)
    Simulated.objects.filter(customer_id=stuck.id).delete()


def test_the_clock_stands_still_where_stripe_is_set_up(buyer: Buyer, settings: Settings) -> None:
    buyer.buy(a_price())
    settings.STRIPE_SECRET_KEY = "sk_test_" + "a" * 24

    assert demo_clock.play(FEBRUARY, customer_id=buyer.id) == 0


# What a person plays


def play(buyer: Buyer, verb: str) -> None:
    with demo_clock.acting(buyer.id, at=buyer.at) as gateway:
        getattr(gateway, verb)(buyer.subscription().stripe_id)


def test_the_next_renewal_comes_now_and_the_past_moves_back(today: Buyer) -> None:
    today.buy(a_price(2900))
    length = today.subscription().current_period_end - today.at  # type: ignore[operator]

    play(today, "play_renewal")

    subscription, [first, second] = today.subscription(), today.bills()
    assert (subscription.status, subscription.current_period_start) == ("active", today.at)
    assert subscription.current_period_end == end_of(today.at, "month", 1, anchor=today.at)
    assert (first.created_at, second.created_at) == (today.at - length, today.at)
    assert (first.lines[0]["period_end"], second.lines[0]["period_start"]) == (today.at.isoformat(),) * 2
    assert subscriptions.current_plan(today.person.workspace.pk).slug == subscription.plan_id


def test_a_renewal_can_be_played_again_and_again(today: Buyer) -> None:
    today.buy(a_price(2900))

    for _ in range(3):
        play(today, "play_renewal")

    assert len(today.bills()) == 4
    assert today.subscription().current_period_start == today.at


def test_a_trial_s_end_can_be_played(today: Buyer) -> None:
    today.buy(a_price(2900, trial_days=14))

    play(today, "play_renewal")

    assert (today.subscription().status, today.bills()[-1].amount_paid) == ("active", 2900)


def test_retries_can_be_played_to_the_end(today: Buyer) -> None:
    today.buy(a_price(2900), FAILS_LATER)
    play(today, "play_renewal")
    seen = []

    for _ in range(3):
        play(today, "play_retry")
        seen.append((today.bills()[-1].attempts, today.subscription().status))

    assert seen == [(2, "past_due"), (3, "past_due"), (4, "canceled")]


def test_a_retry_is_not_played_where_nothing_failed(today: Buyer) -> None:
    today.buy(a_price(2900))
    before = today.gateway.subscription(today.subscription().stripe_id)

    play(today, "play_retry")

    assert today.gateway.subscription(before["id"]) == before


def test_one_that_ends_with_its_period_ends_when_that_is_played(today: Buyer) -> None:
    bought = today.buy(a_price(2900))
    with demo_clock.acting(today.id, at=today.at) as gateway:
        gateway.cancel_at_period_end(bought)

    play(today, "play_renewal")

    assert today.subscription().status == "canceled"
    assert subscriptions.current_plan(today.person.workspace.pk).slug == "free"
