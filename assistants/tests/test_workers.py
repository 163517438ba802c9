"""Jobs with a real broker and real workers: lost messages, messages that come twice, a worker that is killed."""

from __future__ import annotations

import os
import signal
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from redis import Redis as Client

from accounts.tests.factories import Person
from assistants.models import Job, Step
from assistants.tests.crews import BRIEF, ROLES, took
from assistants.tests.roads import billed
from assistants.tests.standin.client import StandIn
from config.tests import redis
from config.tests.product import Product, eventually, running, started
from config.tests.redis import Redis
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import charged
from quotas.tests.plans import put_on_plan

pytestmark = pytest.mark.slow

PATH = "/api/v1/assistants/strategies"
CELERY = [sys.executable, "-m", "celery", "-A", "config"]
WORKER = [*CELERY, "worker", "-Q", "crews", "--pool", "threads", "--concurrency", "4"]
BEAT = [*CELERY, "beat", "--pidfile", ""]


@pytest.fixture
def alice(alice: Person) -> Person:
    put_on_plan(alice, tokens_day=10_000_000)
    return alice


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Redis]:
    with redis.running(tmp_path / "redis") as broker:
        yield broker


@pytest.fixture
def environment(broker: Redis, standin: StandIn) -> dict[str, str]:
    return {
        "REDIS_URL": broker.url,
        "RATE_LIMITS": "off",
        "ANTHROPIC_API_KEY": "sk-standin",
        "ANTHROPIC_BASE_URL": standin.url,
    }


@pytest.fixture
def product(database: None, environment: dict[str, str]) -> Iterator[Product]:
    with started(environment) as product:
        yield product


def ask(product: Product, alice: Person, notes: str = "") -> uuid.UUID:
    brief = {**BRIEF, "notes": notes} if notes else BRIEF
    answer = product.http.post(PATH, json={"brief": brief}, headers=alice.headers)
    assert answer.status_code == 202, answer.text
    return uuid.UUID(answer.json()["id"])


@contextmanager
def a_worker(environment: dict[str, str], folder: Path) -> Iterator[None]:
    """And the beat beside it."""
    beat = [*BEAT, "--schedule", str(folder / "beat")]
    with (
        running(WORKER, environment, log=folder / "worker.log"),
        running(beat, environment, log=folder / "beat.log"),
    ):
        yield


def all_done(jobs: list[uuid.UUID]) -> bool:
    return Job.objects.filter(id__in=jobs, state="completed").count() == len(jobs)


def assert_each_step_was_charged_once(alice: Person, jobs: list[uuid.UUID]) -> None:
    for job in jobs:
        assert list(Step.objects.filter(job=job).values_list("role", flat=True)) == ROLES
    assert charged(alice) == sum(map(took, jobs))


def test_jobs_whose_messages_the_broker_lost_are_each_done_once(
    product: Product, broker: Redis, environment: dict[str, str], alice: Person, tmp_path: Path
) -> None:
    jobs = [ask(product, alice) for _ in range(2)]
    broker.hang()
    jobs += [ask(product, alice) for _ in range(2)]
    broker.go_on()
    Client.from_url(broker.url).flushall()
    assert Job.objects.filter(id__in=jobs, state="queued").count() == 4

    with ExitStack() as stack:
        stack.enter_context(running(WORKER, environment, log=tmp_path / "worker.log"))
        stack.enter_context(
            running([*BEAT, "--schedule", str(tmp_path / "beat")], environment, log=tmp_path / "beat.log")
        )
        eventually(lambda: all_done(jobs), within=60)

    assert_each_step_was_charged_once(alice, jobs)


def test_a_message_that_comes_many_times_has_one_effect(
    product: Product, environment: dict[str, str], alice: Person, tmp_path: Path
) -> None:
    from config.celery import app

    jobs = [ask(product, alice, f"[[first=300 tag={uuid.uuid4().hex}]]") for _ in range(2)]
    again = app.connection_for_write(environment["REDIS_URL"].replace("unix://", "redis+socket://"))
    with ExitStack() as stack:
        for name in ("one", "other"):
            stack.enter_context(running([*WORKER, "-n", name], environment, log=tmp_path / f"{name}.log"))
        with again as connection:
            for _ in range(20):
                app.send_task("assistants.tasks.work_on_jobs", connection=connection)
        eventually(lambda: all_done(jobs), within=60)

    assert_each_step_was_charged_once(alice, jobs)


def test_a_crew_whose_worker_is_killed_half_way_is_finished_by_another(
    product: Product, standin: StandIn, environment: dict[str, str], alice: Person, tmp_path: Path
) -> None:
    tag = uuid.uuid4().hex
    job = ask(product, alice, f"[[first=700 tag={tag}]]")
    with running(WORKER, environment, log=tmp_path / "doomed.log") as doomed:
        eventually(lambda: Step.objects.filter(job=job).count() == 2, within=60)
        os.kill(doomed.pid, signal.SIGKILL)
        doomed.wait()
    kept = set(Step.objects.filter(job=job).values_list("pk", flat=True))
    assert Job.objects.get(id=job).state == "running"

    with ExitStack() as stack:
        stack.enter_context(running(WORKER, environment, log=tmp_path / "worker.log"))
        stack.enter_context(
            running([*BEAT, "--schedule", str(tmp_path / "beat")], environment, log=tmp_path / "beat.log")
        )
        eventually(lambda: all_done([job]), within=90)

    assert kept < set(Step.objects.filter(job=job).values_list("pk", flat=True))
    assert_each_step_was_charged_once(alice, [job])
    assert Job.objects.get(id=job).tries == 2
    # The call that died with its worker gave nothing, and is the operator's.
    assert sum(map(billed, standin.bill(tag))) >= charged(alice)
