"""People who buy at localstripe, through the product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2
from django.test.utils import override_settings

from accounts.models import Letter
from accounts.tests.factories import Person
from billing import subscriptions
from billing.gateways.stripe import StripeGateway
from billing.models import Customer, Invoice, Plan, Subscription
from billing.tests.localstripe import client
from billing.tests.localstripe.client import WORKS, LocalStripe
from config.tests.product import Product, eventually

BILLING = "/api/v1/billing"
NEWS_TAKES = 15


@dataclass
class Customers:
    """Alice, who pays, between the product and Stripe."""

    person: Person
    product: Product
    stripe: LocalStripe

    def ask(self, method: str, path: str, **body: Any) -> httpx2.Response:
        return self.product.http.request(method, f"{BILLING}{path}", json=body or None, headers=self.person.headers)

    def begin(self, plan: str) -> str:
        """A checkout; its id."""
        answer = self.ask("POST", "/checkout", plan=plan)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["url"]).rpartition("/")[2]

    def buy(self, plan: str = "team", card: str = WORKS) -> Subscription:
        """On Stripe's page; known as soon as Stripe's news came."""
        self.stripe.pay_on_page(self.begin(plan), card)
        self.will_be_on(plan)
        return self.subscription

    def save_card(self, number: str) -> str:
        self.ask("POST", "/portal")
        return self.stripe.give_card(self.customer_id, number)

    def will_be_on(self, plan: str) -> None:
        eventually(lambda: self.plan == plan, within=NEWS_TAKES)

    @property
    def plan(self) -> str:
        return subscriptions.current_plan(self.person.workspace.pk).slug

    @property
    def subscription(self) -> Subscription:
        return Subscription.objects.filter(workspace=self.person.workspace).latest("created_at")

    @property
    def subscriptions(self) -> list[str]:
        """Their statuses."""
        return list(Subscription.objects.filter(workspace=self.person.workspace).values_list("status", flat=True))

    @property
    def invoices(self) -> list[Invoice]:
        return list(Invoice.objects.filter(workspace=self.person.workspace).order_by("created_at"))

    @property
    def customer_id(self) -> str:
        return Customer.objects.get(workspace=self.person.workspace).stripe_id

    @property
    def letters(self) -> list[str]:
        return list(Letter.objects.filter(to=self.person.user.email).values_list("kind", flat=True))


def catalogue(stripe: LocalStripe) -> None:
    """The plans that are bought, at Stripe."""
    with override_settings(STRIPE_API_HOST=stripe.url):
        gateway = StripeGateway(client.KEY)
        for plan in Plan.objects.filter(slug__in=["starter", "team"]):
            gateway.push_plan(plan)
            gateway.push_price(plan.prices.current().get())
