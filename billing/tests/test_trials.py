"""A trial is one owner's, once, whichever workspace they have it in."""

from __future__ import annotations

import pytest
from django.utils.timezone import now

from accounts import workspaces
from accounts.audit import Actor
from accounts.models import Workspace
from accounts.tests.factories import Person
from billing import purchases
from billing.errors import NothingToChange
from billing.gateways.demo import DemoGateway
from billing.models import Plan, Subscription
from billing.tests.demo import a_price

WAYS = {"success_url": "https://app.example/", "cancel_url": "https://app.example/"}


def buy(person: Person, workspace: Workspace, plan: Plan) -> Subscription:
    purchases.save_test_card(DemoGateway(), workspace)
    by = Actor(person.user.pk)
    return purchases.subscribe(DemoGateway(), workspace, plan, **WAYS, by=by, at=now())


@pytest.fixture
def plan(database: None) -> Plan:
    return a_price(2900, trial_days=14).plan


def another(person: Person) -> Workspace:
    return workspaces.create(person.user.pk, name="Another", by=Actor(person.user.pk), at=now()).workspace


def test_the_first_begins_with_a_trial(alice: Person, plan: Plan) -> None:
    assert buy(alice, alice.workspace, plan).status == "trialing"


def test_another_workspace_has_none(alice: Person, plan: Plan) -> None:
    buy(alice, alice.workspace, plan)

    assert buy(alice, another(alice), plan).status == "active"


def test_nor_has_one_after_a_deleted_one(alice: Person, plan: Plan) -> None:
    first = another(alice)
    buy(alice, first, plan)
    workspaces.delete(first.pk, owner_id=alice.user.pk, by=Actor(alice.user.pk), at=now())

    assert buy(alice, another(alice), plan).status == "active"


def test_somebody_else_has_theirs(alice: Person, charlie: Person, plan: Plan) -> None:
    buy(alice, alice.workspace, plan)

    assert buy(charlie, charlie.workspace, plan).status == "trialing"


def test_a_trial_does_not_turn_into_a_plan_that_has_none(alice: Person, plan: Plan) -> None:
    trial = buy(alice, alice.workspace, plan)

    with pytest.raises(NothingToChange, match="no trial"):
        purchases.change(
            DemoGateway(), trial, a_price(59900).plan, previewed_at=None, by=Actor(alice.user.pk), at=now()
        )
