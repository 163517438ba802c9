"""Every verb of the gateway that is there without a key, and the clock: a program, for `test_demo_reaches_nobody`.

It ends well only where no verb was forgotten.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import django


class Counted:
    """A gateway that remembers which of its verbs were called."""

    def __init__(self, gateway: Any) -> None:
        self.gateway, self.called = gateway, set[str]()

    def __getattr__(self, verb: str) -> Any:
        self.called.add(verb)
        return getattr(self.gateway, verb)


def live(gateway: Any) -> None:
    from django.db import transaction

    from accounts.models import Workspace
    from billing import demo_clock, tasks
    from billing.gateways import PackOrder, Purchase
    from billing.models import Customer, Overage
    from billing.tests.demo import FAILS_LATER, GOOD, MASTERCARD, a_price

    workspace = Workspace.objects.create(name="Walled", email=f"{uuid4().hex}@example.com")
    customer_id = gateway.create_customer(workspace.pk, name=workspace.name, email=workspace.email)
    customer = Customer.objects.create(workspace=workspace, gateway=gateway.name, stripe_id=customer_id)
    price, dearer, at = a_price(2900), a_price(7900), datetime.now(UTC).replace(microsecond=0)
    with transaction.atomic():
        gateway.push_plan(price.plan)
        gateway.push_price(price)
        gateway.push_meter("walled", 8)
        transaction.set_rollback(True)  # Other tests count what was pushed.
    purchase = Purchase(customer_id, workspace.pk, price, 0, "https://example.com/done", "https://example.com/left")
    page = gateway.start_checkout(purchase)
    with demo_clock.acting(customer_id, at=at) as simulated:
        bought = simulated.complete_checkout(page.id, FAILS_LATER, code="DEMO20", authenticated=False)["subscription"]
    order = PackOrder(uuid4(), customer_id, workspace.pk, "Some tokens", 500, "USD")
    ways = {"success_url": purchase.success_url, "cancel_url": purchase.cancel_url}
    pack_page = gateway.start_pack_checkout(order, **ways)
    gateway.payment(pack_page.id)
    with demo_clock.acting(customer_id, at=at) as simulated:
        simulated.complete_checkout(pack_page.id, GOOD, code="", authenticated=False)
    gateway.open_portal(customer_id, return_url="https://example.com")
    entry_id = int(uuid4()) % 2**62
    gateway.report(
        customer_id,
        Overage(workspace=workspace, entry_id=entry_id, meter="operations", units=3, unit_price=8, used_at=at),
    )
    for days in (31, 32):
        demo_clock.play(at + timedelta(days=days), customer_id=customer_id)
    with demo_clock.acting(customer_id, at=at + timedelta(days=33)) as simulated:
        simulated.add_card(customer_id, MASTERCARD, authenticated=False)
        simulated.add_card(customer_id, GOOD, authenticated=False)
    payment = gateway.charge(replace(order, id=uuid4()), gateway.card_that_pays(customer_id))
    assert gateway.payment_of(customer_id, order.id)["id"] != payment["id"]
    gateway.pay_back(gateway.payment(payment["id"])["id"])
    gateway.preview_change(bought, dearer, at=at)
    gateway.change_price(bought, dearer, at=at)
    gateway.lower_price(bought, dearer)
    gateway.cancel_at_period_end(bought)
    gateway.resume(bought)
    gateway.cancel(bought)
    again = gateway.subscribe(purchase)
    *_, first = gateway.cards(customer_id)
    gateway.make_default(customer_id, first.id)
    gateway.detach(first.id)
    for invoice in gateway.invoices(customer_id):
        gateway.refunds(gateway.invoice(invoice["id"])["id"])
    assert {each["id"] for each in gateway.subscriptions(customer_id)} == {bought, again["id"]}
    assert gateway.subscription(bought)["status"] == "canceled"
    demo_clock.play(at + timedelta(days=100), customer_id=customer_id)
    gateway.delete_customer(customer.stripe_id)
    tasks.play_demo_clock()
    tasks.report_overage()
    tasks.end_grace()


def main() -> int:
    django.setup()
    from billing import gateways
    from billing.gateways.base import Gateway

    counted = Counted(gateways.gateway())
    live(counted)
    forgotten = {verb for verb in vars(Gateway) if not verb.startswith("_")} - counted.called - {"name"}
    print(f"simulated, forgotten: {sorted(forgotten)}")  # noqa: T201
    return 1 if forgotten or counted.gateway.name != "demo" else 0


if __name__ == "__main__":
    sys.exit(main())
