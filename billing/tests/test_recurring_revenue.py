"""What a workspace pays a month is noted as it changes, so that any moment before can be told."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module

from django.db import connection, transaction

from accounts.audit import SYSTEM
from accounts.tests.factories import Person
from billing import revenue, subscriptions
from billing.models import RecurringRevenue
from billing.tests.demo import BEGIN, DAY, FAILS_LATER, Buyer, a_price


def noted(person: Person) -> list[tuple[int, datetime, datetime | None]]:
    """The oldest first."""
    found = RecurringRevenue.objects.filter(workspace=person.workspace).order_by("starts_at", "pk")
    return list(found.values_list("amount", "starts_at", "ends_at"))


def test_it_begins_when_it_is_paid_and_ends_when_staff_give_a_plan(alice: Person) -> None:
    Buyer(alice).buy(a_price(2900))
    subscriptions.put_on_plan(alice.workspace, "scale", by=SYSTEM, at=BEGIN + DAY)

    assert noted(alice) == [(2900, BEGIN, BEGIN + DAY)]


def test_a_trial_pays_nothing_and_who_owes_still_does(alice: Person) -> None:
    buyer = Buyer(alice)
    buyer.buy(a_price(2900, trial_days=7), FAILS_LATER)
    assert noted(alice) == []

    buyer = buyer.wait_until(BEGIN + 7 * DAY)
    assert buyer.subscription().status == "past_due"
    assert noted(alice) == [(2900, BEGIN + 7 * DAY, None)]

    buyer.wait_until(BEGIN + 30 * DAY)
    assert [ends_at is None for _, _, ends_at in noted(alice)] == [False]


def test_a_yearly_price_is_a_twelfth_and_thirty_days_are_a_month_of_365(alice: Person, charlie: Person) -> None:
    Buyer(alice).buy(a_price(10_006, interval="year"))
    Buyer(charlie).buy(a_price(1200, interval="day", count=30))

    assert [noted(person)[0][0] for person in (alice, charlie)] == [834, 1217]


def test_another_price_ends_the_former_in_the_same_moment(alice: Person) -> None:
    buyer = Buyer(alice)
    buyer.buy(a_price(2900))
    subscription = buyer.subscription()
    subscription.price = dearer = a_price(9900)
    subscription.save()

    for days in (1, 2):
        revenue.follow([alice.workspace.pk], at=BEGIN + days * DAY)

    assert noted(alice) == [(2900, BEGIN, BEGIN + DAY), (9900, BEGIN + DAY, None)]
    assert RecurringRevenue.objects.at(BEGIN + DAY).get(workspace=alice.workspace).price == dearer


def test_what_was_before_it_was_noted_is_told_alike(alice: Person, charlie: Person) -> None:
    migration = import_module("billing.migrations.0008_revenue_before")
    for person, price in (
        (alice, a_price(10_006, interval="year")),
        (charlie, a_price(1200, interval="day", count=30)),
    ):
        Buyer(person).buy(price)
    before = [noted(alice), noted(charlie)]

    with transaction.atomic(), connection.cursor() as cursor:
        RecurringRevenue.objects.all().delete()
        cursor.execute(migration.NOTE)
        after = [noted(alice), noted(charlie)]
        transaction.set_rollback(True)

    assert after == before
