"""Which plan a workspace is on."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connections, transaction
from django.utils.timezone import now

from accounts.tests.factories import Person
from billing import subscriptions
from billing.errors import UnknownPlan
from billing.models import Plan, Subscription
from conftest import Run


def plan_of(person: Person) -> str:
    return subscriptions.current_plan(person.workspace.id).slug


def live(person: Person) -> list[str]:
    found = Subscription.objects.filter(workspace=person.workspace, status__in=Subscription.OPEN)
    return [subscription.plan_id for subscription in found]


def test_who_has_no_subscription_is_on_the_free_plan(alice: Person) -> None:
    current = subscriptions.current_plan(alice.workspace.id)

    assert (current.slug, current.current_period_end) == ("free", None)
    assert current.allowed_models == Plan.objects.get(slug="free").allowed_models


def test_a_workspace_that_does_not_exist_is_on_the_free_plan_too(database: None) -> None:
    assert subscriptions.current_plan(uuid.uuid4()).slug == "free"


def test_who_is_put_on_a_plan_is_on_it_at_once(alice: Person) -> None:
    at = now()

    subscription = subscriptions.put_on_plan(alice.workspace, "team", at=at)

    assert subscription is not None
    assert (subscription.status, subscription.current_period_start) == ("active", at)
    assert plan_of(alice) == "team"


def test_both_roads_to_the_database_find_the_same_plan(run: Run[Any], alice: Person) -> None:
    subscriptions.put_on_plan(alice.workspace, "team", at=now())

    assert run(subscriptions.acurrent_plan(alice.workspace.id)) == subscriptions.current_plan(alice.workspace.id)


def test_another_plan_ends_the_one_before(alice: Person) -> None:
    at = now()
    first = subscriptions.put_on_plan(alice.workspace, "team", at=at)
    subscriptions.put_on_plan(alice.workspace, "scale", at=at + timedelta(hours=1))

    assert first is not None
    first.refresh_from_db()
    assert (first.status, first.canceled_at) == ("canceled", at + timedelta(hours=1))
    assert live(alice) == ["scale"]


def test_the_free_plan_needs_no_subscription(alice: Person) -> None:
    subscriptions.put_on_plan(alice.workspace, "team", at=now())

    assert subscriptions.put_on_plan(alice.workspace, "free", at=now()) is None
    assert (live(alice), plan_of(alice)) == ([], "free")


def test_an_unknown_plan_is_refused_and_nothing_changed(alice: Person) -> None:
    subscriptions.put_on_plan(alice.workspace, "team", at=now())

    with pytest.raises(UnknownPlan):
        subscriptions.put_on_plan(alice.workspace, "nowhere", at=now())

    assert live(alice) == ["team"]


def test_one_workspace_s_plan_is_not_another_s(alice: Person, charlie: Person) -> None:
    subscriptions.put_on_plan(alice.workspace, "team", at=now())

    assert plan_of(charlie) == "free"


@pytest.mark.parametrize(
    ("status", "plan"), [("trialing", "team"), ("active", "team"), ("past_due", "team"), ("canceled", "free")]
)
def test_a_subscription_counts_as_long_as_it_lives(alice: Person, status: str, plan: str) -> None:
    subscriptions.put_on_plan(alice.workspace, "team", at=now())
    Subscription.objects.filter(workspace=alice.workspace).update(status=status)

    assert plan_of(alice) == plan


def test_its_end_is_the_plan_s_end(alice: Person) -> None:
    ends_at = now() + timedelta(days=30)
    subscriptions.put_on_plan(alice.workspace, "team", at=now())
    Subscription.objects.filter(workspace=alice.workspace).update(current_period_end=ends_at)

    assert subscriptions.current_plan(alice.workspace.id).current_period_end == ends_at


@pytest.mark.parametrize("status", Subscription.OPEN)
def test_two_live_subscriptions_cannot_be(alice: Person, status: str) -> None:
    subscriptions.put_on_plan(alice.workspace, "team", at=now())

    with pytest.raises(IntegrityError, match="one_open_subscription_per_workspace"), transaction.atomic():
        Subscription.objects.create(
            workspace=alice.workspace, plan_id="scale", status=status, current_period_start=now()
        )


def test_many_at_once_leave_one_live_subscription(alice: Person) -> None:
    def put(slug: str) -> None:
        try:
            subscriptions.put_on_plan(alice.workspace, slug, at=now())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as crowd:
        list(crowd.map(put, ["starter", "team", "scale", "enterprise"] * 3))

    assert len(live(alice)) == 1
    assert Subscription.objects.filter(workspace=alice.workspace).count() == 12


def test_the_command_puts_a_person_on_a_plan(alice: Person) -> None:
    call_command("set_plan", alice.user.email.upper(), "team", stdout=StringIO())

    assert plan_of(alice) == "team"


def test_the_command_says_what_it_does_not_know(alice: Person) -> None:
    with pytest.raises(CommandError, match="no plan nowhere"):
        call_command("set_plan", alice.user.email, "nowhere")
    with pytest.raises(CommandError, match="Nobody signed up"):
        call_command("set_plan", "nobody@example.com", "team")
