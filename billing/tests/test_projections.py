"""Stripe's objects as we understand them, in today's shape and in the one before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from billing.errors import UnknownShape
from billing.models import Subscription
from billing.projections import project_invoice, project_subscription
from billing.tests import payloads
from billing.tests.payloads import DAY, MONTH

START = 1_800_000_000
TEAM = payloads.price("team_month_v1", price_id="price_team")
OVERAGE = payloads.price("operations_overage_8_month", 8, meter="mtr_1")


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def subscription(**others: Any) -> dict[str, Any]:
    return payloads.subscription("cus_1", TEAM, OVERAGE, start=START, subscription_id="sub_1", **others)


def invoice(**others: Any) -> dict[str, Any]:
    return payloads.invoice("cus_1", "sub_1", start=START, **others)


# Subscriptions


@pytest.mark.parametrize("status", Subscription.Status.values)
def test_a_subscription_is_understood_in_every_status(status: str) -> None:
    told = project_subscription(subscription(status=status))

    assert (told.stripe_id, told.customer_id, told.status) == ("sub_1", "cus_1", status)
    assert (told.price_id, told.lookup_key) == ("price_team", "team_month_v1")
    assert (told.current_period_start, told.current_period_end) == (at(START), at(START + MONTH))
    assert (told.cancel_at_period_end, told.trial_end, told.canceled_at) == (False, None, None)
    assert told.created_at == at(START)


def test_stripe_has_no_other_status() -> None:
    import stripe

    declared = stripe.Subscription.__annotations__["status"].__args__[0].__args__
    assert sorted(declared) == sorted(Subscription.Status.values)


def test_the_plans_price_is_found_wherever_it_stands() -> None:
    told = subscription()
    told["items"]["data"].reverse()

    assert project_subscription(told).price_id == "price_team"


def test_a_trial_and_an_end_have_their_moments() -> None:
    told = project_subscription(subscription(status="canceled", trial_end=START + DAY, ended_at=START + 2 * DAY))

    assert (told.trial_end, told.canceled_at) == (at(START + DAY), at(START + 2 * DAY))


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ({"cancel_at_period_end": True}, True),
        ({"cancel_at": START + MONTH}, True),
        ({"cancel_at": START + DAY}, True),
        ({"cancel_at": START + 2 * MONTH}, False),
    ],
)
def test_it_ends_with_its_period_by_a_flag_or_by_a_moment(said: dict[str, Any], ends: bool) -> None:
    assert project_subscription(subscription(**said)).cancel_at_period_end is ends


def test_the_period_is_read_where_it_stood_until_2025() -> None:
    old = subscription(current_period_start=START + DAY, current_period_end=START + 9 * DAY)
    for item in old["items"]["data"]:
        del item["current_period_start"], item["current_period_end"]

    told = project_subscription(old)

    assert (told.current_period_start, told.current_period_end) == (at(START + DAY), at(START + 9 * DAY))


def test_a_customer_may_stand_there_whole() -> None:
    assert project_subscription(subscription() | {"customer": payloads.customer("cus_1")}).customer_id == "cus_1"


@pytest.mark.parametrize("wrong", [{}, {"items": payloads.page()}, {"items": None}, {"created": None}, {"customer": 7}])
def test_what_is_no_subscription_is_said_so(wrong: dict[str, Any]) -> None:
    with pytest.raises(UnknownShape):
        project_subscription(subscription() | wrong if wrong else wrong)


# Invoices


@pytest.mark.parametrize("status", ["draft", "open", "paid", "uncollectible", "void"])
def test_an_invoice_is_understood_in_every_status(status: str) -> None:
    told = project_invoice(invoice(status=status))

    assert (told.status, told.customer_id, told.subscription_id) == (status, "cus_1", "sub_1")
    assert (told.currency, told.subtotal, told.total, told.amount_due) == ("USD", 7900, 7900, 7900)
    assert (told.amount_paid, told.paid_at) == ((7900, at(START)) if status == "paid" else (0, None))
    assert (told.period_start, told.period_end) == (at(START), at(START + MONTH))
    assert [(line["amount"], line["quantity"]) for line in told.lines] == [(7900, 1)]


def test_discount_tax_and_credit_are_read() -> None:
    discounts = [{"amount": 500, "discount": "di_1"}, {"amount": 250, "discount": "di_2"}]
    taxes = [{"amount": 190, "tax_behavior": "exclusive"}]
    credit = {"pre_payment_credit_notes_amount": 100, "post_payment_credit_notes_amount": 50}

    told = project_invoice(invoice(total_discount_amounts=discounts, total_taxes=taxes, **credit))

    assert (told.discount, told.tax, told.credited) == (750, 190, 150)


def test_an_invoice_that_waits_says_when_it_is_tried_next() -> None:
    told = project_invoice(invoice(status="open", attempt_count=2, next_payment_attempt=START + 3 * DAY))

    assert (told.attempts, told.next_attempt_at) == (2, at(START + 3 * DAY))


def test_the_subscription_is_read_where_it_stood_until_2025() -> None:
    assert project_invoice(invoice(parent=None, subscription="sub_2")).subscription_id == "sub_2"


def test_an_invoice_of_its_own_has_no_subscription() -> None:
    assert project_invoice(payloads.invoice("cus_1")).subscription_id == ""


@pytest.mark.parametrize("wrong", [{}, {"lines": None}, {"currency": None}, {"period_start": None}])
def test_what_is_no_invoice_is_said_so(wrong: dict[str, Any]) -> None:
    with pytest.raises(UnknownShape):
        project_invoice(invoice() | wrong if wrong else wrong)
