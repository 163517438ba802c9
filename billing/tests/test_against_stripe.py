"""Stripe itself, in its test mode: what no stand-in can show. Skipped without a key.

    STRIPE_TEST_KEY=sk_test_… make test args=billing/tests/test_against_stripe.py

It makes customers, products and prices of its own and deletes what Stripe lets go: customers, and with them their
subscriptions. Products and prices stay, archived. Save the portal's settings in Stripe's dashboard once, or that test
fails with Stripe's own words. Webhooks: `stripe listen --forward-to localhost:8000/api/v1/billing/webhooks/stripe`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import stripe
from django.utils.timezone import now
from pytest_django import Settings

from accounts.models import Workspace
from accounts.tests.factories import Person
from billing.errors import PaymentRefused
from billing.gateways import Purchase
from billing.gateways.stripe import StripeGateway
from billing.gateways.stripe.calls import client
from billing.models import Overage, Plan, PlanLimit, Price
from billing.projections import project_invoice, project_subscription
from billing.tests.shapes import misfits

KEY = os.environ.get("STRIPE_TEST_KEY", "")
BACK = "https://example.com/billing"

pytestmark = [
    pytest.mark.skipif(not KEY.startswith(("sk_test_", "rk_test_")), reason="STRIPE_TEST_KEY names no test key"),
]


@dataclass
class Buyer:
    gateway: StripeGateway
    workspace: Workspace
    customer_id: str

    def give(self, card: str) -> str:
        """One of Stripe's own test cards, by name; it becomes the default."""
        method = client(KEY).v1.payment_methods.attach(card, {"customer": self.customer_id})
        self.gateway.make_default(self.customer_id, method.id)
        return method.id

    def purchase(self, price: Price, *, trial_days: int = 0) -> Purchase:
        return Purchase(self.customer_id, self.workspace.pk, price, trial_days, BACK, BACK)

    def subscribe(self, price: Price) -> Any:
        self.give("pm_card_visa")
        return self.gateway.subscribe(self.purchase(price))


@pytest.fixture
def buyer(alice: Person, settings: Settings) -> Iterator[Buyer]:
    # The tests' database is asked beside a network that may be slow.
    settings.STRIPE_SECONDS = 30.0
    gateway = StripeGateway(KEY)
    email = "alice@example.com"
    customer_id = gateway.create_customer(alice.workspace.pk, name="Alice", email=email)
    yield Buyer(gateway, alice.workspace, customer_id)
    gateway.delete_customer(customer_id)


@pytest.fixture
def prices(database: None, settings: Settings) -> Iterator[tuple[Price, Price]]:
    """A cheap one and a dear one, pushed, both of which bill overage. Their products are archived afterwards."""
    settings.STRIPE_SECONDS = 30.0
    gateway = StripeGateway(KEY)
    made = a_price(gateway, 2000), a_price(gateway, 5000)
    yield made
    for price in made:
        price.plan.is_offered = False
        gateway.push_plan(price.plan)


def a_price(gateway: StripeGateway, amount: int) -> Price:
    slug = f"test-{uuid4().hex[:12]}"
    plan = Plan.objects.create(slug=slug, name="Test", description="Made by a test", rank=99)
    Plan.objects.filter(pk=slug).update(is_offered=False)  # In our own catalogue alone.
    PlanLimit.objects.create(plan=plan, meter="operations", window="month", limit=10, overage_price=8)
    price = Price.objects.create(plan=plan, currency="USD", amount=amount)
    assert gateway.push_plan(plan)
    price_id = gateway.push_price(price)
    assert not gateway.push_plan(plan)
    assert gateway.push_price(price) == price_id
    return price


def test_what_stripe_says_has_the_shape_its_sdk_declares(buyer: Buyer, prices: tuple[Price, Price]) -> None:
    begun = buyer.subscribe(prices[0])

    assert misfits(buyer.gateway.subscription(begun["id"]), stripe.Subscription) == []
    for invoice in buyer.gateway.invoices(buyer.customer_id):
        assert misfits(invoice, stripe.Invoice) == []


def test_a_subscription_begins_changes_ends_and_goes_on(buyer: Buyer, prices: tuple[Price, Price]) -> None:
    cheap, dear = prices
    begun = project_subscription(buyer.subscribe(cheap))
    assert (begun.status, begun.lookup_key) == ("active", cheap.lookup_key)

    at = now().replace(microsecond=0)
    preview = project_invoice(buyer.gateway.preview_change(begun.stripe_id, dear, at=at))
    changed = project_subscription(buyer.gateway.change_price(begun.stripe_id, dear, at=at))
    assert changed.lookup_key == dear.lookup_key
    billed = max(map(project_invoice, buyer.gateway.invoices(buyer.customer_id)), key=lambda bill: bill.created_at)
    assert (billed.total, billed.status) == (preview.total, "paid")

    assert project_subscription(buyer.gateway.cancel_at_period_end(begun.stripe_id)).cancel_at_period_end
    assert not project_subscription(buyer.gateway.resume(begun.stripe_id)).cancel_at_period_end
    assert project_subscription(buyer.gateway.cancel(begun.stripe_id)).status == "canceled"


def test_who_asks_again_gets_the_same(buyer: Buyer, prices: tuple[Price, Price]) -> None:
    begun = buyer.subscribe(prices[0])

    assert buyer.gateway.subscribe(buyer.purchase(prices[0]))["id"] == begun["id"]
    again = buyer.gateway.create_customer(buyer.workspace.pk, name="Bob", email="bob@example.com")
    assert again == buyer.customer_id


@pytest.mark.parametrize(
    ("card", "needs_action"),
    [("pm_card_chargeCustomerFail", False), ("pm_card_authenticationRequired", True)],
)
def test_a_card_that_does_not_pay_is_refused(
    buyer: Buyer, prices: tuple[Price, Price], card: str, needs_action: bool
) -> None:
    buyer.give(card)

    with pytest.raises(PaymentRefused) as refused:
        buyer.gateway.subscribe(buyer.purchase(prices[0]))

    assert refused.value.extra["needs_action"] is needs_action


def test_cards_are_listed_and_forgotten(buyer: Buyer) -> None:
    card_id = buyer.give("pm_card_visa")

    assert [(card.id, card.last4, card.is_default) for card in buyer.gateway.cards(buyer.customer_id)] == [
        (card_id, "4242", True)
    ]
    buyer.gateway.detach(card_id)
    assert buyer.gateway.cards(buyer.customer_id) == []


def test_a_refund_is_found_by_its_invoice(buyer: Buyer, prices: tuple[Price, Price]) -> None:
    buyer.subscribe(prices[0])
    invoice = next(buyer.gateway.invoices(buyer.customer_id))
    payments = client(KEY).v1.invoice_payments.list({"invoice": invoice["id"]}).data
    intent = str(payments[0].payment.payment_intent)

    client(KEY).v1.refunds.create({"payment_intent": intent, "amount": 500})

    assert buyer.gateway.refunds(invoice["id"]) == 500
    assert buyer.gateway.invoices_paid_by(intent) == [invoice["id"]]


def test_overage_is_taken_and_its_repetition_refused_without_a_word(buyer: Buyer, prices: tuple[Price, Price]) -> None:
    used = {"meter": "operations", "units": 3, "unit_price": 8, "used_at": now() - timedelta(minutes=1)}
    overage = Overage(workspace=buyer.workspace, entry_id=1, **used)

    for _ in range(2):
        buyer.gateway.report(buyer.customer_id, overage)


def test_the_pages_open(buyer: Buyer, prices: tuple[Price, Price]) -> None:
    page = buyer.gateway.start_checkout(buyer.purchase(prices[0], trial_days=7))
    portal = buyer.gateway.open_portal(buyer.customer_id, return_url=BACK)

    assert page.url.startswith("https://checkout.stripe.com/")
    assert page.expires_at
    assert portal.url.startswith("https://billing.stripe.com/")


def test_who_is_gone_may_be_deleted_again(buyer: Buyer) -> None:
    buyer.gateway.delete_customer(buyer.customer_id)
    buyer.gateway.delete_customer(buyer.customer_id)
