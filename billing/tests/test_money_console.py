"""What staff do about money in the console, by the actions of its lists."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.models import AuditEntry, User
from accounts.tests.factories import Person, person
from accounts.tests.ways_in import in_console
from billing.models import Overage, StripeEvent, Subscription
from billing.tests.demo import Buyer, a_price


@pytest.fixture(scope="module")
def staff(database: None) -> User:
    made = person("Staff").user
    User.objects.filter(pk=made.pk).update(is_staff=True, is_superuser=True)
    made.refresh_from_db()
    return made


@pytest.fixture
def console(staff: User) -> Client:
    return in_console(staff)


def act(console: Client, model: str, action: str, pk: object) -> str:
    """What the page says afterwards."""
    page = console.post(f"/admin/billing/{model}/", {"action": action, "_selected_action": [str(pk)]}, follow=True)
    assert page.status_code == 200
    return page.content.decode()


@pytest.fixture
def bought(alice: Person) -> Subscription:
    buyer = Buyer(alice, now())
    buyer.buy(a_price(4_321))
    return buyer.subscription()


def test_a_subscription_is_ended_with_its_period_and_that_is_taken_back(
    console: Client, staff: User, bought: Subscription
) -> None:
    assert "1 will end." in act(console, "subscription", "cancel_at_period_end", bought.pk)
    bought.refresh_from_db()
    assert bought.cancel_at_period_end

    assert "1 go on." in act(console, "subscription", "resume", bought.pk)
    bought.refresh_from_db()
    assert not bought.cancel_at_period_end
    done = AuditEntry.objects.filter(workspace=bought.workspace, actor=staff).values_list("action", flat=True)
    assert sorted(done) == ["subscription.cancel_asked", "subscription.resume_asked"]


def test_what_cannot_be_is_told(console: Client, bought: Subscription) -> None:
    said = act(console, "subscription", "resume", bought.pk)

    assert "neither about to end nor paused" in said
    assert "0 go on." in said


def test_the_gateway_is_asked_anew(console: Client, bought: Subscription) -> None:
    Subscription.objects.filter(pk=bought.pk).update(status="canceled")

    assert "1 asked for anew." in act(console, "subscription", "refresh", bought.pk)

    bought.refresh_from_db()
    assert bought.status == "active"


def test_the_list_begins_with_what_comes_in_a_month(console: Client, bought: Subscription) -> None:
    page = console.get("/admin/billing/subscription/").content.decode()

    assert "Monthly recurring revenue by plan" in page
    assert bought.plan_id in page
    assert "$43.21" in page


def test_an_event_that_failed_is_tried_again(console: Client) -> None:
    event = StripeEvent.objects.create(
        id=f"evt_{uuid4().hex}", type="invoice.paid", payload={}, created_at=now(), tries=12, error="away"
    )

    assert "1 will be handled again" in act(console, "stripeevent", "try_again", event.pk)

    event.refresh_from_db()
    assert event.tries == 0


def test_overage_that_was_given_up_is_reported_again(console: Client, alice: Person) -> None:
    noted = Overage.objects.create(
        workspace=alice.workspace,
        entry_id=uuid4().int % 2**60,
        meter="operations",
        units=1,
        unit_price=8,
        used_at=now(),
        state="given_up",
    )

    assert "1 will be reported again" in act(console, "overage", "try_again", noted.pk)

    noted.refresh_from_db()
    assert noted.state == "waiting"
    noted.delete()  # It stands in no ledger.


def test_the_ids_of_open_pages_are_not_shown(console: Client, alice: Person) -> None:
    buyer = Buyer(alice, now())
    page = buyer.gateway.start_checkout(buyer.purchase(a_price()))

    assert page.id not in console.get("/admin/billing/simulated/", {"q": buyer.id}).content.decode()
    assert console.get(f"/admin/billing/simulated/{page.id}/change/").status_code == 302
