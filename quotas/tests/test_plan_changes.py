"""A change of plan in the middle of a window: what is left comes along, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connections
from django.utils.timezone import now

from accounts.tests.factories import Person
from billing import subscriptions
from billing.models import Plan, PlanLimit
from conftest import Run
from quotas import metering, reports, windows
from quotas.models import Basis, Entry
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, hold, spend

LIMITS = {"first-1000": 1_000, "second-10000": 10_000, "third-50000": 50_000}
FIRST, SECOND, THIRD = LIMITS


@pytest.fixture(scope="module", autouse=True)
def plans(database: None) -> None:
    """Tokens a month, as the described system has them."""
    for rank, (slug, limit) in enumerate(LIMITS.items()):
        plan = Plan.objects.create(slug=slug, name=slug, rank=100 + rank, is_offered=False)
        PlanLimit.objects.create(plan=plan, meter="tokens", window="month", limit=limit)


@dataclass
class Described:
    """What the described system does, by its own rules: quota and used, and a change of plan."""

    plan: str
    quota: int
    used: int = 0

    def move(self, plan: str) -> None:
        higher = list(LIMITS).index(plan) > list(LIMITS).index(self.plan)
        if higher:
            self.quota, self.used = LIMITS[plan] + self.quota - self.used, 0
        elif plan != self.plan:
            self.quota = LIMITS[plan]
        self.plan = plan


def begin(person: Person, plan: str) -> None:
    subscriptions.put_on_plan(person.workspace, plan, at=now())


def usage(run: Run[Any], person: Person) -> tuple[int, int, int]:
    """Quota, used, remaining."""
    tokens = run(reports.usage(person.caller, now())).tokens
    return tokens.limit, tokens.used, tokens.remaining


@pytest.mark.parametrize("spent", [0, 1, 700, 1_000])
@pytest.mark.parametrize("former", LIMITS)
@pytest.mark.parametrize("latter", LIMITS)
def test_it_comes_out_as_the_described_system_has_it(
    run: Run[Any], alice: Person, former: str, latter: str, spent: int
) -> None:
    begin(alice, former)
    described = Described(former, LIMITS[former], spent)
    if spent:
        spend(run, alice, spent)

    windows.begin_now(windows.limits_of(alice.caller, now()))
    begin(alice, latter)
    described.move(latter)

    assert usage(run, alice) == (described.quota, described.used, max(0, described.quota - described.used))


def test_two_steps_up_carry_over_twice(run: Run[Any], alice: Person) -> None:
    begin(alice, FIRST)
    spend(run, alice, 400)
    begin(alice, SECOND)
    spend(run, alice, 1_600)
    begin(alice, THIRD)

    assert usage(run, alice) == (50_000 + 9_000, 0, 59_000)


def test_nobody_gets_an_allowance_twice_by_going_down_and_up(run: Run[Any], alice: Person) -> None:
    begin(alice, FIRST)
    spend(run, alice, 400)
    begin(alice, SECOND)
    spend(run, alice, 10_600)

    for _ in range(3):
        begin(alice, FIRST)
        assert usage(run, alice) == (1_000, 10_600, 0)
        begin(alice, SECOND)
        assert usage(run, alice) == (10_600, 10_600, 0)


def test_who_began_on_the_higher_plan_finds_it_as_it_was_left(run: Run[Any], alice: Person) -> None:
    begin(alice, SECOND)
    spend(run, alice, 9_000)
    begin(alice, FIRST)
    begin(alice, SECOND)

    assert usage(run, alice) == (10_000, 9_000, 1_000)


def test_what_went_beyond_the_former_plan_is_not_carried_as_a_debt(run: Run[Any], alice: Person) -> None:
    begin(alice, FIRST)
    admission = run(hold(alice, 1_000))
    run(metering.settle(admission.reservation_id, {"tokens": 1_500}, basis=Basis.REPORTED))
    begin(alice, SECOND)

    assert usage(run, alice) == (10_000, 0, 10_000)


def test_work_under_way_is_charged_to_the_new_plan(run: Run[Any], alice: Person) -> None:
    begin(alice, FIRST)
    admission = run(hold(alice, 800))
    begin(alice, SECOND)
    assert usage(run, alice) == (11_000, 0, 10_200)

    run(metering.settle(admission.reservation_id, {"tokens": 800}, basis=Basis.REPORTED))

    assert usage(run, alice) == (11_000, 800, 10_200)


def test_a_request_brings_it_along_as_well_as_a_look(run: Run[Any], alice: Person) -> None:
    begin(alice, FIRST)
    spend(run, alice, 400)
    begin(alice, SECOND)

    spend(run, alice, 10_600)

    assert usage(run, alice) == (10_600, 10_600, 0)


def test_each_step_is_an_entry_that_names_the_plan(run: Run[Any], alice: Person) -> None:
    begin(alice, FIRST)
    spend(run, alice, 400)
    begin(alice, SECOND)
    usage(run, alice)

    posted = Entry.objects.filter(bucket=bucket(alice)).order_by("id").values_list("kind", "amount", "plan")
    assert list(posted) == [("settlement", 400, FIRST), ("reset", -400, SECOND), ("carry_over", 600, SECOND)]


def test_ten_at_once_carry_over_once(run: Run[Any], alice: Person) -> None:
    begin(alice, FIRST)
    spend(run, alice, 400)
    begin(alice, SECOND)

    def look(_: int) -> None:
        windows.begin_now(windows.limits_of(alice.caller, now()))
        connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(look, range(10)))

    assert usage(run, alice) == (10_600, 0, 10_600)


def test_who_uses_a_plan_up_to_its_last_token_gets_the_next_once_as_well(run: Run[Any], alice: Person) -> None:
    begin(alice, FIRST)
    spend(run, alice, 1_000)
    begin(alice, SECOND)
    assert usage(run, alice) == (10_000, 0, 10_000)

    spend(run, alice, 10_000)
    for _ in range(2):
        begin(alice, FIRST)
        usage(run, alice)
        begin(alice, SECOND)

        assert usage(run, alice) == (10_000, 10_000, 0)


def test_a_plan_that_was_had_and_not_used_is_had_once_as_well(run: Run[Any], alice: Person) -> None:
    begin(alice, SECOND)
    windows.begin_now(windows.limits_of(alice.caller, now()))
    begin(alice, FIRST)
    spend(run, alice, 1_000)

    begin(alice, SECOND)

    assert usage(run, alice) == (10_000, 1_000, 9_000)


def test_only_the_rest_of_the_last_plan_is_carried_over(run: Run[Any], alice: Person) -> None:
    begin(alice, THIRD)
    spend(run, alice, 18)
    begin(alice, FIRST)
    usage(run, alice)

    begin(alice, SECOND)

    assert usage(run, alice) == (10_000 + 982, 0, 10_982)
