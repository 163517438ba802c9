"""What a preview promises cannot be turned into money."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from accounts.audit import SYSTEM
from accounts.tests.factories import Person
from billing import purchases, subscriptions
from billing.errors import PreviewStale
from billing.gateways.demo import DemoGateway
from billing.models import Customer, Plan, Price, Simulated, Subscription
from billing.tests.demo import Buyer, a_price


def plan_at(amount: int) -> Plan:
    price: Price = a_price(amount)
    return price.plan


@pytest.fixture
def old(alice: Person) -> Subscription:
    """Begun ten days ago."""
    buyer = Buyer(alice, now() - timedelta(days=10))
    buyer.buy(plan_at(2900).prices.get())
    return buyer.subscription()


def test_going_up_and_down_with_early_moments_gives_no_credit(old: Subscription) -> None:
    starter, large = old.plan, plan_at(59900)
    early = now() - timedelta(minutes=14)

    for plan in (large, starter, large, starter):
        old = purchases.open_subscription(old.workspace_id)
        try:
            purchases.change(DemoGateway(), old, plan, previewed_at=early, by=SYSTEM, at=now())
        except PreviewStale:
            purchases.change(DemoGateway(), old, plan, previewed_at=None, by=SYSTEM, at=now())

    customer = Customer.objects.get(workspace=old.workspace_id)
    assert Simulated.objects.get(pk=customer.stripe_id).data["balance"] == 0
    assert subscriptions.current_plan(old.workspace_id).slug == large.slug


def test_a_preview_of_the_last_minutes_holds(old: Subscription) -> None:
    large = plan_at(59900)
    promised = purchases.preview(DemoGateway(), old, large, at=now() - timedelta(minutes=10))

    purchases.change(DemoGateway(), old, large, previewed_at=promised.at, by=SYSTEM, at=now())

    newest = old.invoices.latest("created_at")
    assert newest.total == promised.total


@pytest.mark.parametrize("off", [timedelta(minutes=-16), timedelta(minutes=1), timedelta(days=-11)])
def test_any_other_moment_is_refused(old: Subscription, off: timedelta) -> None:
    with pytest.raises(PreviewStale):
        purchases.change(DemoGateway(), old, plan_at(59900), previewed_at=now() + off, by=SYSTEM, at=now())
