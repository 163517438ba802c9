"""A customer of the simulated Stripe, at a moment that a test chooses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import uuid4

from accounts.tests.factories import Person
from billing import customers, demo_clock
from billing.gateways import Purchase
from billing.gateways.demo import DemoGateway
from billing.gateways.demo.cards import TestNumber, typed
from billing.models import Invoice, Plan, Price, Simulated, Subscription

GOOD = typed("4242 4242 4242 4242")
MASTERCARD = typed("5555-5555-5555-4444")
DECLINED = typed("4000 0000 0000 0002")
EMPTY = typed("4000 0000 0000 9995")
FAILS_LATER = typed("4000 0000 0000 0341")
ASKS = typed("4000 0025 0000 3155")
ALWAYS_ASKS = typed("4000 0027 6000 3184")

BEGIN = datetime(2027, 1, 31, 10, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def a_price(amount: int = 2900, *, interval: str = "month", count: int = 1, trial_days: int = 0) -> Price:
    """Of a plan that is nobody else's."""
    slug = f"demo-{uuid4().hex[:12]}"
    plan = Plan.objects.create(slug=slug, name=f"Plan {amount}", rank=90, is_offered=False, trial_days=trial_days)
    return Price.objects.create(plan=plan, currency="USD", amount=amount, interval=interval, interval_count=count)


@dataclass(frozen=True)
class Buyer:
    """Somebody, and what time it is for them."""

    person: Person
    at: datetime = BEGIN

    @cached_property
    def gateway(self) -> DemoGateway:
        return DemoGateway(clock=lambda: self.at)

    @cached_property
    def id(self) -> str:
        return customers.customer_of(self.person.workspace, self.gateway).stripe_id

    def then(self, at: datetime) -> Buyer:
        return replace(self, at=at)

    def purchase(self, price: Price) -> Purchase:
        return Purchase(
            customer_id=self.id,
            workspace_id=self.person.workspace.pk,
            price=price,
            trial_days=price.plan.trial_days,
            success_url="https://shop.example/done",
            cancel_url="https://shop.example/left",
        )

    def buy(self, price: Price, card: TestNumber = GOOD, *, code: str = "", authenticated: bool = False) -> str:
        """By the checkout; the subscription's id."""
        page = self.gateway.start_checkout(self.purchase(price))
        with demo_clock.acting(self.id, at=self.at) as gateway:
            session = gateway.complete_checkout(page.id, card, code=code, authenticated=authenticated)
        return str(session["subscription"])

    def wait_until(self, at: datetime) -> Buyer:
        """Time passes, for this customer alone."""
        demo_clock.play(at, customer_id=self.id)
        return self.then(at)

    def subscription(self) -> Subscription:
        return Subscription.objects.filter(workspace=self.person.workspace).latest("created_at")

    def bills(self) -> list[Invoice]:
        """The oldest first."""
        return list(Invoice.objects.filter(workspace=self.person.workspace).order_by("created_at", "number"))

    def balance(self) -> int:
        balance: int = Simulated.objects.get(pk=self.id).data["balance"]
        return balance

    def is_due_at(self) -> datetime | None:
        return Simulated.objects.get(pk=self.subscription().stripe_id).due_at


def amounts(lines: list[dict[str, Any]]) -> list[int]:
    return [line["amount"] for line in lines]
