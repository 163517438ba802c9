"""A crew's work: every step once, charged once, whoever does it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.utils.timezone import now

from accounts import api_keys
from accounts.audit import SYSTEM
from accounts.models import ApiKey
from accounts.tests.factories import Person
from assistants.crew import claims, jobs, leaving, roles, work
from assistants.crew.claims import Claimed
from assistants.errors import InvalidRequest, JobEnded
from assistants.models import Job, Step
from assistants.tests.crews import (
    BRIEF,
    ROLES,
    begin,
    claimed,
    die_after_a_step,
    let_claim_run_out,
    steps,
    took,
    work_on,
)
from assistants.tests.crews import at_once as at_once
from conftest import Run
from quotas.errors import QuotaExceeded
from quotas.models import Reservation
from quotas.sweeping import sweep_reservations
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import charged, let_lease_run_out
from quotas.tests.plans import put_on_plan


@pytest.fixture
def alice(alice: Person) -> Person:
    put_on_plan(alice, tokens_day=1_000_000, requests_day=100, operations_month=2)
    return alice


def test_it_goes_through_every_role_and_is_charged_what_they_took(run: Run[Any], alice: Person) -> None:
    job_id = run(begin(alice))

    run(work_on(job_id))

    job = Job.objects.get(id=job_id)
    assert (job.state, job.error, steps(job_id)) == ("completed", "", ROLES)
    assert roles.misfit(job.result, roles.find("strategy", "strategy").output) == ""
    assert charged(alice) == took(job_id) > 0
    assert charged(alice, "requests") == 1


def test_who_takes_it_over_repeats_no_step_and_charges_none_twice(run: Run[Any], alice: Person) -> None:
    job_id = run(begin(alice))
    run(die_after_a_step(job_id))
    kept = Step.objects.get(job=job_id).pk
    let_claim_run_out(job_id)

    run(work_on(job_id))

    assert (Job.objects.get(id=job_id).state, steps(job_id)) == ("completed", ROLES)
    assert Step.objects.get(job=job_id, position=0).pk == kept
    assert charged(alice) == took(job_id)
    assert charged(alice, "requests") == 1
    assert not Reservation.objects.filter(workspace=alice.workspace, state="pending").exists()


def test_what_expired_with_who_died_is_put_right_by_who_takes_over(run: Run[Any], alice: Person) -> None:
    job_id = run(begin(alice))
    run(die_after_a_step(job_id))
    let_lease_run_out(workspace=alice.workspace)
    sweep_reservations()
    first = took(job_id)
    assert charged(alice) == first > 0
    let_claim_run_out(job_id)

    run(work_on(job_id))

    assert charged(alice) == took(job_id) > first


def test_who_has_lost_it_keeps_and_charges_nothing_more(run: Run[Any], alice: Person) -> None:
    job_id = run(begin(alice))
    lost = run(claimed(job_id))
    let_claim_run_out(job_id)
    run(work_on(job_id))
    before = charged(alice)

    run(work.work_on(lost, now()))

    assert (steps(job_id), charged(alice)) == (ROLES, before)


def test_one_is_worked_on_by_one(run: Run[Any], alice: Person) -> None:
    job_id = run(begin(alice))

    async def twenty() -> list[Claimed | None]:
        return await asyncio.gather(*(claims.claim(job_id) for _ in range(20)))

    assert len([job for job in run(twenty()) if job]) == 1


def test_one_that_waited_too_long_is_held_for_anew(run: Run[Any], alice: Person) -> None:
    job_id = run(begin(alice))
    let_lease_run_out(workspace=alice.workspace)
    sweep_reservations()

    run(work_on(job_id))

    assert Job.objects.get(id=job_id).state == "completed"
    assert (charged(alice), charged(alice, "requests")) == (took(job_id), 1)


def test_one_that_waits_is_cancelled_at_once_and_charged_nothing(run: Run[Any], alice: Person) -> None:
    job_id = run(begin(alice))

    run(jobs.cancel(job_id, now()))

    assert (Job.objects.get(id=job_id).state, charged(alice)) == ("cancelled", 0)
    with pytest.raises(JobEnded):
        run(jobs.cancel(job_id, now()))


def test_one_that_runs_is_cancelled_and_what_it_finished_is_kept(run: Run[Any], alice: Person) -> None:
    job_id = run(begin(alice))
    run(die_after_a_step(job_id))
    run(jobs.cancel(job_id, now()))
    let_claim_run_out(job_id)

    run(work_on(job_id))

    assert (Job.objects.get(id=job_id).state, steps(job_id)) == ("cancelled", ROLES[:1])
    assert charged(alice) == took(job_id) > 0


def test_one_there_is_no_room_for_is_refused_and_leaves_nothing(run: Run[Any], alice: Person) -> None:
    put_on_plan(alice, tokens_day=3000)

    with pytest.raises(QuotaExceeded):
        run(begin(alice))

    assert not Job.objects.filter(workspace=alice.workspace).exists()


def test_a_small_allowance_suffices_where_the_provider_counts_the_prompts(run: Run[Any], alice: Person) -> None:
    put_on_plan(alice, tokens_day=10_000)
    job_id = run(begin(alice))

    run(work_on(job_id))

    assert Job.objects.get(id=job_id).state == "completed"


def test_who_is_not_let_in_any_more_gets_no_more_of_it(run: Run[Any], alice: Person) -> None:
    job_id = run(begin(alice))
    api_keys.revoke(ApiKey.objects.get(user=alice.user), by=SYSTEM, at=now())

    run(work_on(job_id))

    job = Job.objects.get(id=job_id)
    assert (job.state, job.error, charged(alice)) == ("failed", "invalid_credentials", 0)


def test_nor_does_one_whose_key_may_only_read_by_now(run: Run[Any], alice: Person) -> None:
    job_id = run(begin(alice))
    ApiKey.objects.filter(user=alice.user).update(scopes=["read"])

    run(work_on(job_id))

    assert Job.objects.get(id=job_id).error == "insufficient_scope"


def test_one_whose_crew_is_gone_fails_and_frees_its_hold(run: Run[Any], alice: Person) -> None:
    job_id = run(begin(alice))
    Job.objects.filter(id=job_id).update(crew="gone")

    run(work_on(job_id))

    assert (Job.objects.get(id=job_id).state, Job.objects.get(id=job_id).error) == ("failed", "unknown_type")
    assert not Reservation.objects.filter(workspace=alice.workspace, state="pending").exists()


def test_one_that_is_taken_out_frees_its_hold(run: Run[Any], alice: Person) -> None:
    waiting, begun = run(begin(alice)), run(begin(alice))
    run(die_after_a_step(begun))
    done = took(begun)

    assert leaving.let_go(Job.objects.filter(id__in=[waiting, begun])) == 2
    sweep_reservations()

    assert charged(alice) == done > 0
    assert not Reservation.objects.filter(workspace=alice.workspace, state="pending").exists()


def test_a_workspace_with_many_at_work_leaves_others_their_turn(run: Run[Any], alice: Person, settings: Any) -> None:
    settings.JOBS_OF_A_WORKSPACE = 0
    job_id = run(begin(alice))

    async def found() -> set[Any]:
        jobs_found = [await claims.claim() for _ in range(3)]
        return {job.id for job in jobs_found if job}

    assert run(found()) == set()
    assert run(claimed(job_id)).id == job_id


def test_given_up_after_too_many_deaths(run: Run[Any], alice: Person) -> None:
    job_id = run(begin(alice))
    Job.objects.filter(id=job_id).update(tries=work.MOST_TRIES)

    run(work_on(job_id))

    job = Job.objects.get(id=job_id)
    assert (job.state, job.error, charged(alice)) == ("failed", "given_up", 0)


@pytest.mark.parametrize(
    ("brief", "fields"),
    [
        ({}, list(BRIEF)),
        ({**BRIEF, "goal": "", "audience": "a" * 301}, ["goal", "audience"]),
        ({**BRIEF, "goal": 1}, ["goal"]),
        ({**BRIEF, "more": 1}, ["more"]),
        ({**BRIEF, "platforms": ["a", 1]}, ["platforms.1"]),
    ],
)
def test_a_brief_that_does_not_fit_is_refused_with_every_field(
    run: Run[Any], alice: Person, brief: Any, fields: list[str]
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        run(begin(alice, brief=brief))

    assert set(refused.value.extra["errors"]) == {f"brief.{name}" for name in fields}
    assert not Reservation.objects.filter(workspace=alice.workspace).exists()
