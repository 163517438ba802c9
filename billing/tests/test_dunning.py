"""A payment fails: a letter for each try, some days' grace, then the default plan; and back, once it is paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils.timezone import now

from accounts import letter_texts
from accounts.models import Letter
from accounts.tests.factories import Person
from billing import demo_clock, dunning, subscriptions
from billing.effects import once
from billing.models import Invoice, Price, Subscription
from billing.projections import project_subscription
from billing.subscriptions import entitled_until
from billing.tests.demo import FAILS_LATER, GOOD, Buyer, a_price

DAY = timedelta(days=1)


def letters_to(person: Person) -> list[str]:
    return list(Letter.objects.filter(to=person.workspace.email).order_by("id").values_list("kind", flat=True))


def plan_of(person: Person) -> str:
    return subscriptions.current_plan(person.workspace.pk).slug


@pytest.fixture
def owing(alice: Person) -> Buyer:
    """The second month's payment failed just now."""
    price: Price = a_price()
    begun = Buyer(alice, now() - timedelta(days=31))
    begun.buy(price, FAILS_LATER)
    return begun.wait_until(now())


def test_who_owes_keeps_the_plan_at_first(owing: Buyer) -> None:
    assert owing.subscription().status == "past_due"
    assert plan_of(owing.person) == owing.subscription().plan_id


def test_each_try_is_told_once(owing: Buyer) -> None:
    [bill] = [bill for bill in owing.bills() if bill.status == "open"]
    before = letters_to(owing.person).count("payment_failed")

    for _ in range(3):
        dunning.follow(bill, at=now())

    assert (before, letters_to(owing.person).count("payment_failed")) == (bill.attempts, bill.attempts)


def test_after_the_days_of_grace_the_plan_stops_and_that_is_told_once(owing: Buyer) -> None:
    Subscription.objects.filter(pk=owing.subscription().pk).update(entitled_until=now() - timedelta(seconds=1))
    assert plan_of(owing.person) == "free"

    dunning.end_grace(now())
    dunning.end_grace(now())

    assert letters_to(owing.person).count("downgraded") == 1


def test_a_card_that_pays_brings_the_plan_back_and_says_so(owing: Buyer) -> None:
    Subscription.objects.filter(pk=owing.subscription().pk).update(entitled_until=now() - timedelta(seconds=1))

    with demo_clock.acting(owing.id, at=now()) as gateway:
        gateway.add_card(owing.id, GOOD, authenticated=True)

    subscription = owing.subscription()
    assert (subscription.status, subscription.past_due_since) == ("active", None)
    assert plan_of(owing.person) == subscription.plan_id
    assert letters_to(owing.person).count("payment_recovered") == 1


def test_grace_counts_from_the_first_news_and_not_from_each(owing: Buyer) -> None:
    since = owing.subscription().past_due_since

    later = owing.wait_until(now() + DAY)

    assert later.subscription().past_due_since == since


@pytest.mark.parametrize("kind", ["payment_failed", "payment_recovered"])
def test_letters_name_the_amount_and_that_it_is_simulated(owing: Buyer, kind: str) -> None:

    [bill] = [bill for bill in owing.bills() if bill.status == "open"]
    Letter.objects.filter(to=owing.person.workspace.email).delete()
    if kind == "payment_failed":
        bill.attempts += 1
    else:
        bill.status = Invoice.Status.PAID
    dunning.follow(bill, at=now())

    written = letter_texts.written(Letter.objects.get(to=owing.person.workspace.email))

    assert written is not None
    html = written.alternatives[0][0]
    assert "simulation" in str(written.body)
    assert "simulation" in str(html)
    assert bill.number in str(written.body)
    assert ("$29.00" in str(written.subject)) == (kind == "payment_failed")


def test_an_effect_is_said_once(database: None) -> None:
    assert once("evt_1 of a test", "letter", at=now())
    assert not once("evt_1 of a test", "letter", at=now())
    assert once("evt_1 of a test", "other", at=now())


def test_who_owes_has_seven_days_from_the_first_news_and_who_pays_three_beyond_the_period(owing: Buyer) -> None:
    told = project_subscription(owing.gateway.subscription(owing.subscription().stripe_id))
    heard = told.current_period_start + DAY

    assert entitled_until(told, heard) == heard + 7 * DAY
    assert entitled_until(replace(told, status="active"), None) == told.current_period_end + 3 * DAY
    ending = replace(told, status="active", cancel_at_period_end=True)
    assert entitled_until(ending, None) == told.current_period_end
