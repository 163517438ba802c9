"""Who leaves pays no more, and is forgotten where the money was taken."""

from __future__ import annotations

from django.utils.timezone import now

from accounts import erasure
from accounts.audit import SYSTEM
from accounts.models import Workspace
from accounts.tests.factories import Person
from billing import leaving
from billing.gateways.demo import DemoGateway
from billing.models import Customer, Invoice, Simulated, Subscription
from billing.tests.demo import Buyer, a_price


def test_an_erased_customer_pays_no_more_and_leaves_no_trace_there(alice: Person) -> None:
    buyer = Buyer(alice, now())
    buyer.buy(a_price())

    erasure.erase(alice.user.pk, by=SYSTEM, at=now())

    assert buyer.subscription().status == "canceled"
    assert not Simulated.objects.filter(customer_id=buyer.id).exists()
    [bill] = Invoice.objects.filter(workspace=alice.workspace)
    assert (bill.amount_paid, bill.hosted_url, bill.pdf_url) == (2900, "", "")


def test_the_gateway_is_told_to_delete_them_once(alice: Person) -> None:
    buyer = Buyer(alice, now())
    buyer.buy(a_price())
    erasure.erase(alice.user.pk, by=SYSTEM, at=now())

    leaving.let_go(DemoGateway(), now())

    assert Customer.objects.get(stripe_id=buyer.id).left_at
    assert leaving.let_go(DemoGateway(), now()) == 0


def test_a_deleted_workspace_is_paid_for_no_more(alice: Person) -> None:
    buyer = Buyer(alice, now())
    bought = buyer.buy(a_price())
    Workspace.objects.filter(pk=alice.workspace.pk).update(deleted_at=now())

    leaving.let_go(DemoGateway(), now())

    assert Subscription.objects.get(stripe_id=bought).status == "canceled"
    assert DemoGateway().subscription(bought)["status"] == "canceled"
