"""What is used beyond a plan that is billed beyond: each unit noted once, with its price."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from django.db.models import F, Sum
from django.utils.timezone import now

from accounts.tests.factories import Person
from billing import subscriptions
from billing.models import Overage
from conftest import Run
from quotas import metering, sweeping
from quotas.metering import Ask
from quotas.models import Basis, Entry
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, let_lease_run_out, request_id

PRICE = 8


async def operate(person: Person, units: int = 1, tries: int = 1) -> None:
    """One operation whose end is told as often as somebody is unsure whether it was heard."""
    asks = {"operations": Ask.exactly(units)}
    admission = await metering.reserve(person.caller, asks, request_id=request_id(), at=now())
    for _ in range(tries):
        await metering.settle(admission.reservation_id, {"operations": units}, basis=Basis.REPORTED)


def billed(person: Person) -> tuple[int, int]:
    """Units, and what they cost."""
    found = Overage.objects.filter(workspace=person.workspace)
    sums = found.aggregate(total=Sum("units"), amount=Sum(F("units") * F("unit_price")))
    return sums["total"] or 0, sums["amount"] or 0


@pytest.fixture
def starter(alice: Person) -> Person:
    """100 operations a month, and 8 cents for each beyond."""
    subscriptions.put_on_plan(alice.workspace, "starter", at=now())
    return alice


def test_the_last_of_the_plan_costs_nothing_and_the_next_eight_cents(run: Run[Any], starter: Person) -> None:
    run(operate(starter, 100))
    assert billed(starter) == (0, 0)

    run(operate(starter))
    assert billed(starter) == (1, PRICE)


def test_only_the_part_beyond_is_billed(run: Run[Any], starter: Person) -> None:
    run(operate(starter, 97))
    run(operate(starter, 10))

    assert billed(starter) == (7, 7 * PRICE)


def test_a_thousand_with_retries_cost_exactly_what_is_beyond(run: Run[Any], starter: Person) -> None:
    chance = random.Random(8)  # noqa: S311

    async def all_at_once() -> None:
        room = asyncio.Semaphore(8)

        async def one() -> None:
            async with room:
                await operate(starter, tries=chance.choice([1, 1, 2, 3]))

        await asyncio.gather(*(one() for _ in range(1_000)))

    run(all_at_once())

    assert bucket(starter, "operations").used == 1_000
    assert billed(starter) == (900, 900 * PRICE)


def test_it_names_the_entry_that_brought_it(run: Run[Any], starter: Person) -> None:
    run(operate(starter, 103))

    noted = Overage.objects.get(workspace=starter.workspace)
    entry = Entry.objects.get(id=noted.entry_id)
    assert (entry.amount, noted.units, noted.meter) == (103, 3, "operations")


def test_a_hard_limit_bills_nothing(run: Run[Any], alice: Person) -> None:
    run(operate(alice, 3))

    assert billed(alice) == (0, 0)


def test_what_is_given_back_is_not_billed(run: Run[Any], starter: Person) -> None:
    asks = {"operations": Ask.exactly(105)}
    admission = run(metering.reserve(starter.caller, asks, request_id=request_id(), at=now()))
    run(metering.release(admission.reservation_id))

    assert billed(starter) == (0, 0)


def test_the_price_is_that_of_the_moment_it_was_begun(run: Run[Any], starter: Person) -> None:
    asks = {"operations": Ask.exactly(101)}
    admission = run(metering.reserve(starter.caller, asks, request_id=request_id(), at=now()))
    subscriptions.put_on_plan(starter.workspace, "free", at=now())

    run(metering.settle(admission.reservation_id, {"operations": 101}, basis=Basis.REPORTED))

    assert billed(starter) == (1, PRICE)


def test_what_comes_after_expiry_is_billed_too(run: Run[Any], starter: Person) -> None:
    asks = {"operations": Ask.exactly(105)}
    admission = run(metering.reserve(starter.caller, asks, request_id=request_id(), at=now()))
    run(metering.renew({admission.reservation_id: {"operations": 102}}))
    let_lease_run_out(id=admission.reservation_id)
    sweeping.sweep_reservations()
    assert billed(starter) == (2, 2 * PRICE)

    run(metering.settle(admission.reservation_id, {"operations": 105}, basis=Basis.REPORTED))

    assert billed(starter) == (5, 5 * PRICE)
