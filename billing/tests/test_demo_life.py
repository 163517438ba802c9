"""The life of a simulated subscription: choose, pay, use, fail, recover, cancel."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils.timezone import now

from accounts.models import Letter
from accounts.tests.factories import Person
from billing import demo_clock, subscriptions
from billing.errors import GatewayRejected, PaymentRefused
from billing.gateways import Card
from billing.gateways.demo import coupons
from billing.gateways.demo.cards import TestNumber
from billing.models import Overage, Simulated, Subscription
from billing.tests.demo import (
    ASKS,
    BEGIN,
    DAY,
    DECLINED,
    EMPTY,
    FAILS_LATER,
    GOOD,
    MASTERCARD,
    Buyer,
    a_price,
    amounts,
)

FEBRUARY = datetime(2027, 2, 28, 10, 30, tzinfo=UTC)
MARCH = datetime(2027, 3, 31, 10, 30, tzinfo=UTC)


@pytest.fixture
def buyer(alice: Person) -> Buyer:
    return Buyer(alice)


def letters_to(buyer: Buyer) -> list[str]:
    return list(
        Letter.objects.filter(to=buyer.person.workspace.email).order_by("created_at").values_list("kind", flat=True)
    )


# Choosing and paying


def test_who_pays_is_on_the_plan_and_has_an_invoice(buyer: Buyer) -> None:
    price = a_price(2900)

    buyer.buy(price)

    subscription, [bill] = buyer.subscription(), buyer.bills()
    assert (subscription.status, subscription.plan, subscription.price) == ("active", price.plan, price)
    assert (subscription.current_period_start, subscription.current_period_end) == (BEGIN, FEBRUARY)
    assert subscription.is_simulated
    assert (bill.status, bill.total, bill.amount_paid, bill.amount_due) == ("paid", 2900, 2900, 2900)
    assert (bill.subscription, bill.paid_at, amounts(bill.lines)) == (subscription, BEGIN, [2900])
    assert bill.number.startswith("DEMO-")
    assert bill.number.endswith("-0001")


def test_a_plan_that_was_paid_counts(alice: Person) -> None:
    buyer = Buyer(alice, now())
    price = a_price()

    buyer.buy(price)

    assert subscriptions.current_plan(alice.workspace.pk).slug == price.plan_id


@pytest.mark.parametrize(
    ("card", "code"), [(DECLINED, "generic_decline"), (EMPTY, "insufficient_funds"), (ASKS, "authentication_required")]
)
def test_a_card_that_does_not_pay_leaves_nothing_behind(buyer: Buyer, card: TestNumber, code: str) -> None:
    with pytest.raises(PaymentRefused) as refused:
        buyer.buy(a_price(), card)

    assert refused.value.extra == {"decline_code": code, "needs_action": card is ASKS}
    assert not Subscription.objects.filter(workspace=buyer.person.workspace).exists()
    assert (buyer.bills(), buyer.gateway.cards(buyer.id)) == ([], [])


def test_a_card_that_asks_pays_once_it_was_answered_and_ever_after(buyer: Buyer) -> None:
    buyer.buy(a_price(), ASKS, authenticated=True)

    buyer.wait_until(FEBRUARY)

    assert [bill.status for bill in buyer.bills()] == ["paid", "paid"]


def test_the_promotion_code_takes_a_fifth_off_the_first_payment_alone(buyer: Buyer) -> None:
    buyer.buy(a_price(2999), code=f" {coupons.CODE.lower()} ")

    buyer.wait_until(FEBRUARY)

    assert [(bill.subtotal, bill.discount, bill.amount_paid) for bill in buyer.bills()] == [
        (2999, 600, 2399),
        (2999, 0, 2999),
    ]


def test_an_unknown_promotion_code_is_refused(buyer: Buyer) -> None:
    with pytest.raises(GatewayRejected, match="no such promotion code"):
        buyer.buy(a_price(), code="FREE")


def test_a_saved_card_begins_a_subscription_without_a_page(buyer: Buyer) -> None:
    buyer.gateway.add_card(buyer.id, GOOD, authenticated=False)

    begun = buyer.gateway.subscribe(buyer.purchase(a_price()))

    assert begun["status"] == "active"


def test_without_a_card_nothing_begins(buyer: Buyer) -> None:
    with pytest.raises(PaymentRefused, match="no card"):
        buyer.gateway.subscribe(buyer.purchase(a_price()))

    assert list(buyer.gateway.subscriptions(buyer.id)) == []


def test_a_second_subscription_beside_the_first_is_refused_before_it_is_paid(buyer: Buyer) -> None:
    buyer.buy(a_price())

    with pytest.raises(GatewayRejected, match="already"):
        buyer.buy(a_price())

    assert len(buyer.bills()) == 1


def test_invoices_are_numbered_without_a_gap(buyer: Buyer) -> None:
    buyer.buy(a_price())

    buyer.wait_until(FEBRUARY + 60 * DAY)

    assert [bill.number[-4:] for bill in buyer.bills()] == ["0001", "0002", "0003"]


# Trials


def test_a_trial_costs_nothing_and_is_paid_when_it_ends(buyer: Buyer) -> None:
    buyer.buy(a_price(2900, trial_days=14))
    assert (buyer.subscription().status, buyer.subscription().trial_end) == ("trialing", BEGIN + 14 * DAY)

    buyer.wait_until(BEGIN + 14 * DAY)

    assert buyer.subscription().status == "active"
    assert buyer.subscription().current_period_end == datetime(2027, 3, 14, 10, 30, tzinfo=UTC)
    assert [bill.amount_paid for bill in buyer.bills()] == [0, 2900]


def test_a_trial_s_end_is_told_three_days_before_and_once(buyer: Buyer) -> None:
    buyer.buy(a_price(trial_days=14))

    buyer.wait_until(BEGIN + 11 * DAY - timedelta(seconds=1))
    assert letters_to(buyer) == []
    buyer.wait_until(BEGIN + 11 * DAY)
    buyer.wait_until(BEGIN + 12 * DAY)

    assert letters_to(buyer) == ["trial_will_end"]
    assert buyer.is_due_at() == BEGIN + 14 * DAY


def test_the_promotion_code_waits_for_the_first_payment_after_a_trial(buyer: Buyer) -> None:
    buyer.buy(a_price(1000, trial_days=14), code="DEMO20")

    buyer.wait_until(BEGIN + 14 * DAY)

    assert [bill.amount_paid for bill in buyer.bills()] == [0, 800]


def test_a_trial_with_a_card_that_fails_ends_in_debt(buyer: Buyer) -> None:
    buyer.buy(a_price(trial_days=14), FAILS_LATER)

    buyer.wait_until(BEGIN + 14 * DAY)

    assert buyer.subscription().status == "past_due"


# Overage


def used(buyer: Buyer, units: int, *, entry: int) -> Overage:
    return Overage(
        workspace=buyer.person.workspace, entry_id=entry, meter="operations", units=units, unit_price=8, used_at=BEGIN
    )


def test_what_was_used_beyond_the_plan_stands_on_the_next_invoice_once(buyer: Buyer) -> None:
    buyer.buy(a_price(2900))
    first, second = used(buyer, 10, entry=1), used(buyer, 5, entry=2)
    for overage in (first, second, first):
        buyer.gateway.report(buyer.id, overage)

    buyer.wait_until(MARCH)

    _, february, march = buyer.bills()
    assert amounts(february.lines) == [2900, 120]
    assert (february.lines[1]["quantity"], february.lines[1]["period_start"]) == (15, BEGIN.isoformat())
    assert amounts(march.lines) == [2900]


@pytest.mark.parametrize("at_once", [True, False])
def test_what_was_used_is_billed_when_it_ends_too(buyer: Buyer, at_once: bool) -> None:
    bought = buyer.buy(a_price(2900))
    buyer.gateway.report(buyer.id, used(buyer, 10, entry=1))

    with demo_clock.acting(buyer.id, at=BEGIN + DAY) as gateway:
        gateway.cancel(bought) if at_once else gateway.cancel_at_period_end(bought)
    buyer.wait_until(FEBRUARY)

    assert buyer.subscription().status == "canceled"
    assert [bill.amount_paid for bill in buyer.bills()] == [2900, 80]


# Failing and recovering


def test_a_renewal_that_is_not_paid_leaves_the_plan_in_debt_and_is_told(buyer: Buyer) -> None:
    buyer.buy(a_price(), FAILS_LATER)

    buyer.wait_until(FEBRUARY)

    subscription, bill = buyer.subscription(), buyer.bills()[-1]
    assert (subscription.status, subscription.past_due_since) == ("past_due", FEBRUARY)
    assert (bill.status, bill.attempts, bill.amount_paid) == ("open", 1, 0)
    assert bill.next_attempt_at == FEBRUARY + DAY
    assert letters_to(buyer) == ["payment_failed"]


def test_it_is_tried_again_after_one_three_and_five_days_and_then_ends(buyer: Buyer) -> None:
    buyer.buy(a_price(), FAILS_LATER)
    seen = []

    for days in (0, 1, 3, 5):
        buyer.wait_until(FEBRUARY + days * DAY)
        bill = buyer.bills()[-1]
        seen.append((bill.attempts, bill.next_attempt_at, buyer.subscription().status))

    assert seen == [
        (1, FEBRUARY + 1 * DAY, "past_due"),
        (2, FEBRUARY + 3 * DAY, "past_due"),
        (3, FEBRUARY + 5 * DAY, "past_due"),
        (4, None, "canceled"),
    ]
    assert buyer.subscription().canceled_at == FEBRUARY + 5 * DAY
    assert buyer.is_due_at() is None


def test_another_card_pays_what_is_owed_at_once(buyer: Buyer) -> None:
    buyer.buy(a_price(), FAILS_LATER)
    buyer.wait_until(FEBRUARY)

    with demo_clock.acting(buyer.id, at=FEBRUARY + DAY / 2) as gateway:
        gateway.add_card(buyer.id, MASTERCARD, authenticated=False)

    bill = buyer.bills()[-1]
    assert (buyer.subscription().status, buyer.subscription().past_due_since) == ("active", None)
    assert (bill.status, bill.attempts, bill.paid_at) == ("paid", 2, FEBRUARY + DAY / 2)
    assert (bill.next_attempt_at, buyer.is_due_at()) == (None, MARCH)
    assert letters_to(buyer) == ["payment_failed", "payment_recovered"]


def test_another_card_that_fails_too_moves_no_retry(buyer: Buyer) -> None:
    buyer.buy(a_price(), FAILS_LATER)
    buyer.wait_until(FEBRUARY)

    with demo_clock.acting(buyer.id, at=FEBRUARY + DAY / 2) as gateway:
        gateway.add_card(buyer.id, FAILS_LATER, authenticated=False)

    bill = buyer.bills()[-1]
    assert (buyer.subscription().status, bill.attempts) == ("past_due", 2)
    assert bill.next_attempt_at == FEBRUARY + DAY


def test_without_a_card_a_renewal_is_not_paid(buyer: Buyer) -> None:
    buyer.buy(a_price())
    [card] = buyer.gateway.cards(buyer.id)
    buyer.gateway.detach(card.id)

    buyer.wait_until(FEBRUARY)

    assert buyer.subscription().status == "past_due"


# Ending


def test_it_ends_with_its_period_and_not_before(buyer: Buyer) -> None:
    bought = buyer.buy(a_price())
    with demo_clock.acting(buyer.id, at=BEGIN + DAY) as gateway:
        gateway.cancel_at_period_end(bought)
    assert (buyer.subscription().status, buyer.subscription().cancel_at_period_end) == ("active", True)

    buyer.wait_until(FEBRUARY - timedelta(seconds=1))
    assert buyer.subscription().status == "active"
    buyer.wait_until(FEBRUARY)

    assert (buyer.subscription().status, buyer.subscription().canceled_at) == ("canceled", FEBRUARY)
    assert len(buyer.bills()) == 1


def test_taken_back_it_goes_on(buyer: Buyer) -> None:
    bought = buyer.buy(a_price())
    with demo_clock.acting(buyer.id, at=BEGIN + DAY) as gateway:
        gateway.cancel_at_period_end(bought)
        gateway.resume(bought)

    buyer.wait_until(FEBRUARY)

    assert (buyer.subscription().status, buyer.subscription().cancel_at_period_end) == ("active", False)
    assert len(buyer.bills()) == 2


def test_it_ends_at_once(buyer: Buyer) -> None:
    bought = buyer.buy(a_price())

    with demo_clock.acting(buyer.id, at=BEGIN + DAY) as gateway:
        gateway.cancel(bought)

    assert (buyer.subscription().status, buyer.subscription().canceled_at) == ("canceled", BEGIN + DAY)
    assert buyer.is_due_at() is None


def test_who_ends_it_in_debt_is_not_asked_again(buyer: Buyer) -> None:
    bought = buyer.buy(a_price(), FAILS_LATER)
    buyer.wait_until(FEBRUARY)

    with demo_clock.acting(buyer.id, at=FEBRUARY + DAY / 2) as gateway:
        gateway.cancel(bought)
    buyer.wait_until(FEBRUARY + 10 * DAY)

    bill = buyer.bills()[-1]
    assert (bill.status, bill.attempts, bill.next_attempt_at) == ("open", 1, None)


def test_what_has_ended_does_nothing_more(buyer: Buyer) -> None:
    bought, other = buyer.buy(a_price()), a_price()
    with demo_clock.acting(buyer.id, at=BEGIN + DAY) as gateway:
        gateway.cancel(bought)

    assert buyer.gateway.cancel(bought) == buyer.gateway.subscription(bought)
    for verb in (buyer.gateway.cancel_at_period_end, buyer.gateway.resume):
        with pytest.raises(GatewayRejected, match="ended"):
            verb(bought)
    with pytest.raises(GatewayRejected, match="ended"):
        buyer.gateway.change_price(bought, other, at=BEGIN + DAY)


def test_who_left_may_come_back(buyer: Buyer) -> None:
    bought = buyer.buy(a_price())
    with demo_clock.acting(buyer.id, at=BEGIN + DAY) as gateway:
        gateway.cancel(bought)

    buyer.then(BEGIN + 2 * DAY).buy(a_price(500))

    assert (buyer.subscription().status, len(buyer.bills())) == ("active", 2)


def test_a_customer_who_is_deleted_leaves_no_name_and_no_card(buyer: Buyer) -> None:
    bought = buyer.buy(a_price())

    buyer.gateway.delete_customer(buyer.id)
    buyer.gateway.delete_customer(buyer.id)

    kept = Simulated.objects.filter(customer_id=buyer.id)
    assert buyer.gateway.subscription(bought)["status"] == "canceled"
    assert sorted(kept.values_list("kind", flat=True)) == ["customer", "invoice", "subscription"]
    assert not [row for row in kept if buyer.person.workspace.email in str(row.data)]
    assert buyer.gateway.cards(buyer.id) == []


def test_a_customer_who_never_was_is_deleted_without_a_word(buyer: Buyer) -> None:
    buyer.gateway.delete_customer("demo_cus_nobody")


# Cards


def test_cards_are_kept_by_what_may_be_shown(buyer: Buyer) -> None:
    for number in (GOOD, MASTERCARD):
        buyer.gateway.add_card(buyer.id, number, authenticated=False)

    shown = [(card.brand, card.last4, card.exp_month, card.exp_year, card.is_default) for card in _cards(buyer)]

    assert shown == [("mastercard", "4444", 12, 2031, True), ("visa", "4242", 12, 2031, False)]
    assert not [row for row in Simulated.objects.filter(customer_id=buyer.id) if GOOD.number in str(row.data)]


def test_another_card_becomes_the_default(buyer: Buyer) -> None:
    for number in (GOOD, MASTERCARD):
        buyer.gateway.add_card(buyer.id, number, authenticated=False)
    _, first = _cards(buyer)

    buyer.gateway.make_default(buyer.id, first.id)

    assert [card.is_default for card in _cards(buyer)] == [False, True]


def test_another_s_card_becomes_nobody_s_default(buyer: Buyer, charlie: Person) -> None:
    other = Buyer(charlie)
    other.gateway.add_card(other.id, GOOD, authenticated=False)
    [card] = _cards(other)

    with pytest.raises(GatewayRejected, match="another customer's"):
        buyer.gateway.make_default(buyer.id, card.id)


def _cards(buyer: Buyer) -> list[Card]:
    return buyer.gateway.cards(buyer.id)


# The catalogue


@pytest.fixture
def undone(database: None) -> Iterator[None]:
    """Other tests count what was pushed."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_what_was_pushed_is_remembered(undone: None, buyer: Buyer) -> None:
    price, gateway = a_price(), buyer.gateway
    meter = price.plan_id

    assert [gateway.push_plan(price.plan), gateway.push_plan(price.plan)] == [True, False]
    assert gateway.push_price(price) == gateway.push_price(price) == f"demo_price_{price.lookup_key}"
    assert [gateway.push_meter(meter, 8), gateway.push_meter(meter, 8)] == [True, False]
    price.plan.name = "Another name"
    assert gateway.push_plan(price.plan)


@pytest.mark.parametrize("verb", ["subscription", "invoice", "cancel", "resume", "cancel_at_period_end", "detach"])
def test_what_is_not_there_is_said_to_be_so(buyer: Buyer, verb: str) -> None:
    with pytest.raises(GatewayRejected, match="has no"):
        getattr(buyer.gateway, verb)("demo_nothing")
