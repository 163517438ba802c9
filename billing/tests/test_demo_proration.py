"""A change of plan in the simulation, to the cent; and what a preview promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from accounts.tests.factories import Person
from billing import demo_clock
from billing.errors import GatewayRejected, PaymentRefused
from billing.gateways.demo.periods import share
from billing.models import Price
from billing.projections import project_invoice
from billing.tests.demo import DAY, FAILS_LATER, Buyer, a_price, amounts

BEGIN = datetime(2027, 4, 1, tzinfo=UTC)
END = datetime(2027, 5, 1, tzinfo=UTC)
HALF = BEGIN + 15 * DAY
MONTH = 30 * 86_400


@pytest.fixture
def buyer(alice: Person) -> Buyer:
    return Buyer(alice, BEGIN)


def change(buyer: Buyer, bought: str, price: Price, at: datetime) -> None:
    with demo_clock.acting(buyer.id, at=at) as gateway:
        gateway.change_price(bought, price, at=at)


# By the second


def test_a_share_is_rounded_to_the_nearest_minor_unit_and_half_of_one_up() -> None:
    assert [share(100, part, 8) for part in range(9)] == [0, 13, 25, 38, 50, 63, 75, 88, 100]
    assert (share(1, 1, 2), share(1, 1, 3), share(2900, 1, MONTH)) == (1, 0, 0)


@given(amount=some.integers(0, 10**12), whole=some.integers(1, 400 * 86_400), data=some.data())
def test_two_shares_make_the_whole_within_a_minor_unit(amount: int, whole: int, data: some.DataObject) -> None:
    left = data.draw(some.integers(0, whole))

    assert 0 <= share(amount, left, whole) <= amount
    assert 0 <= share(amount, left, whole) + share(amount, whole - left, whole) - amount <= 1


# Up, down, and there and back


def test_half_a_period_before_its_end_half_of_each_price_counts(buyer: Buyer) -> None:
    bought = buyer.buy(a_price(2900))

    change(buyer, bought, a_price(7900), HALF)

    bill, subscription = buyer.bills()[-1], buyer.subscription()
    assert amounts(bill.lines) == [-1450, 3950]
    assert [line["period_start"] for line in bill.lines] == [HALF.isoformat()] * 2
    assert (bill.total, bill.amount_paid, bill.status) == (2500, 2500, "paid")
    assert (subscription.current_period_end, subscription.price and subscription.price.amount) == (END, 7900)


def test_each_line_is_rounded_by_itself(buyer: Buyer) -> None:
    bought = buyer.buy(a_price(1000))

    change(buyer, bought, a_price(2000), BEGIN + 20 * DAY)  # A third is left.

    assert amounts(buyer.bills()[-1].lines) == [-333, 667]


def test_in_the_first_second_all_of_it_counts_and_in_the_last_nothing(buyer: Buyer) -> None:
    first, second = a_price(2900), a_price(7900)
    bought = buyer.buy(first)

    change(buyer, bought, second, BEGIN)
    change(buyer, bought, first, END - timedelta(seconds=1))

    _, up, down = buyer.bills()
    assert (amounts(up.lines), amounts(down.lines)) == ([-2900, 7900], [0, 0])


def test_who_changes_to_a_cheaper_plan_has_the_rest_to_their_credit(buyer: Buyer) -> None:
    bought = buyer.buy(a_price(7900))

    change(buyer, bought, a_price(1000), HALF)
    assert (buyer.bills()[-1].total, buyer.bills()[-1].amount_due, buyer.balance()) == (-3450, 0, -3450)

    buyer.wait_until(datetime(2027, 8, 1, tzinfo=UTC))
    renewals = buyer.bills()[2:]
    assert [(bill.total, bill.amount_paid) for bill in renewals] == [(1000, 0), (1000, 0), (1000, 0), (1000, 550)]
    assert buyer.balance() == 0


def test_there_and_back_in_one_second_costs_nothing(buyer: Buyer) -> None:
    first = a_price(2900)
    bought = buyer.buy(first)
    at = BEGIN + timedelta(seconds=1_234_567)

    change(buyer, bought, a_price(9999), at)
    change(buyer, bought, first, at)

    assert sum(bill.total for bill in buyer.bills()[1:]) == 0
    assert sum(bill.amount_paid for bill in buyer.bills()[1:]) + buyer.balance() == 0


def test_another_interval_begins_a_period_at_once(buyer: Buyer) -> None:
    bought = buyer.buy(a_price(3000))

    change(buyer, bought, a_price(30_000, interval="year"), HALF)

    subscription = buyer.subscription()
    assert amounts(buyer.bills()[-1].lines) == [-1500, 30_000]
    assert (subscription.current_period_start, subscription.current_period_end) == (HALF, HALF.replace(year=2028))


def test_a_change_in_a_trial_costs_nothing_and_keeps_its_end(buyer: Buyer) -> None:
    bought = buyer.buy(a_price(2900, trial_days=10))

    change(buyer, bought, a_price(7900), BEGIN + DAY)

    assert (buyer.bills()[-1].total, buyer.subscription().trial_end) == (0, BEGIN + 10 * DAY)
    buyer.wait_until(BEGIN + 10 * DAY)
    assert buyer.bills()[-1].amount_paid == 7900


def test_a_change_that_is_not_paid_is_not_made(buyer: Buyer) -> None:
    price = a_price(2900)
    bought = buyer.buy(price, FAILS_LATER)

    with pytest.raises(PaymentRefused):
        change(buyer, bought, a_price(7900), HALF)

    with demo_clock.acting(buyer.id, at=HALF):
        pass
    assert buyer.subscription().price == price
    assert len(buyer.bills()) == 1


def test_another_currency_is_refused(buyer: Buyer) -> None:
    bought, euros = buyer.buy(a_price()), a_price()
    Price.objects.filter(pk=euros.pk).update(currency="EUR")
    euros.refresh_from_db()

    with pytest.raises(GatewayRejected, match="currency"):
        change(buyer, bought, euros, HALF)


# The preview


@pytest.mark.parametrize("seconds", [0, 1, 777_777, MONTH - 1])
@pytest.mark.parametrize("amount", [100, 7999])
def test_a_preview_is_exactly_what_the_change_bills(buyer: Buyer, seconds: int, amount: int) -> None:
    bought, price = buyer.buy(a_price(2900)), a_price(amount)
    at = BEGIN + timedelta(seconds=seconds)

    promised = project_invoice(buyer.gateway.preview_change(bought, price, at=at))
    change(buyer, bought, price, at)

    billed = buyer.bills()[-1]
    assert (promised.total, promised.amount_due, promised.lines) == (billed.total, billed.amount_due, billed.lines)


def test_a_preview_changes_nothing(buyer: Buyer) -> None:
    bought = buyer.buy(a_price(2900))
    before = buyer.gateway.subscription(bought)

    buyer.gateway.preview_change(bought, a_price(7900), at=HALF)

    assert buyer.gateway.subscription(bought) == before
    assert len(list(buyer.gateway.invoices(buyer.id))) == 1
