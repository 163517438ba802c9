"""The payloads that other tests are fed with have the shape that Stripe's own SDK declares."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from billing.tests import payloads
from billing.tests.shapes import misfits

TEAM = payloads.price("team_month_v1")
OVERAGE = payloads.price("operations_overage_8_month", 8, meter="mtr_1")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (TEAM, stripe.Price),
        (OVERAGE, stripe.Price),
        (payloads.subscription("cus_1", TEAM, OVERAGE), stripe.Subscription),
        (payloads.invoice("cus_1", "sub_1"), stripe.Invoice),
        (payloads.invoice("cus_1", status="open"), stripe.Invoice),
        (payloads.customer("cus_1"), stripe.Customer),
        (payloads.event("invoice.paid", payloads.invoice("cus_1")), stripe.Event),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_they_have_stripes_shape(said: dict[str, Any], kind: type) -> None:
    assert misfits(said, kind) == []


def test_a_checkout_session_has_no_field_that_stripe_does_not_know() -> None:
    said = payloads.checkout_session("cus_1", "sub_1", "in_1", "workspace")

    assert [wrong for wrong in misfits(said, stripe.checkout.Session) if "is missing" not in wrong] == []


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (payloads.payment_intent("cus_1", "purchase"), stripe.PaymentIntent),
        (payloads.charge("cus_1", "pi_1"), stripe.Charge),
        (payloads.pack_session("cus_1", "purchase"), stripe.checkout.Session),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_paid_once_has_no_field_that_stripe_does_not_know(said: dict[str, Any], kind: type) -> None:
    assert [wrong for wrong in misfits(said, kind) if "is missing" not in wrong] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"current_period_end": 1_790_000_000},
        {"cancel_at_period_end": None},
        {"items": []},
        {"created": "today"},
        {"latest_invoice": 7},
        {"items": payloads.page(payloads.item("sub_1", TEAM | {"product": None}, start=1, end=2))},
        {"items": payloads.page({"object": "subscription_item"})},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_another_shape_is_noticed(wrong: dict[str, Any]) -> None:
    assert misfits(payloads.subscription("cus_1", TEAM, **wrong), stripe.Subscription)
