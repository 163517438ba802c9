"""A word at 80 and at 100 %, once in a window, whoever tells it and however often."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils.timezone import now

from accounts.audit import SYSTEM
from accounts.models import Letter, User
from accounts.tests.factories import Person
from accounts.tests.mailbox import mails_to
from accounts.tests.teams import team
from billing import subscriptions
from billing.models import Plan, PlanLimit
from config.tests.product import Product
from conftest import Run
from quotas import notices, resets, tasks
from quotas.models import Bucket, Notice
from quotas.signals import allowance_reached
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import spend

SMALL, SOFT = "noticed-hard", "noticed-soft"


@pytest.fixture(scope="module", autouse=True)
def plans(database: None) -> None:
    """100 tokens a day."""
    for rank, (slug, soft) in enumerate({SMALL: False, SOFT: True}.items()):
        plan = Plan.objects.create(slug=slug, name=slug, rank=95 + rank, is_offered=False)
        PlanLimit.objects.create(plan=plan, meter="tokens", window="day", limit=100, soft=soft)


@pytest.fixture(autouse=True)
def nothing_is_due(database: None) -> None:
    """Earlier tests leave notices and letters behind."""
    Notice.objects.filter(told_at=None).update(told_at=now())
    Letter.objects.update(due_at=None)


@pytest.fixture
def small(alice: Person) -> Person:
    subscriptions.put_on_plan(alice.workspace, SMALL, at=now())
    return alice


def written_to(somebody: Person) -> list[str]:
    return [str(sent.subject) for sent in mails_to(somebody.user.email)]


def percents(somebody: Person) -> list[int]:
    found = Notice.objects.filter(bucket__workspace=somebody.workspace, told_at=None)
    return list(found.order_by("percent").values_list("percent", flat=True))


def test_each_is_written_once(run: Run[Any], small: Person) -> None:
    for tokens, subjects in [
        (79, []),
        (1, ["80 % of your tokens are used"]),
        (19, ["80 % of your tokens are used"]),
        (1, ["80 % of your tokens are used", "Your tokens are used up"]),
    ]:
        spend(run, small, tokens)
        for _ in range(2):
            tasks.tell_notices()
        assert written_to(small) == subjects


def test_of_two_that_are_due_at_once_the_higher_is_told(run: Run[Any], small: Person) -> None:
    spend(run, small, 100)
    assert percents(small) == [80, 100]

    tasks.tell_notices()

    assert written_to(small) == ["Your tokens are used up"]
    assert percents(small) == []


def test_a_letter_says_what_when_and_what_helps(run: Run[Any], small: Person) -> None:
    spend(run, small, 100)
    tasks.tell_notices()

    [letter] = mails_to(small.user.email)
    words = " ".join(str(letter.body).split())
    assert "Alice has used 100 of the 100 tokens that its plan allows a day." in words
    assert "00:00 (UTC)" in words
    assert "A larger plan or a credit pack helps at once." in words
    assert "/account/billing" in words


def test_a_soft_limit_tells_that_nobody_is_refused(run: Run[Any], alice: Person) -> None:
    subscriptions.put_on_plan(alice.workspace, SOFT, at=now())
    spend(run, alice, 120)
    tasks.tell_notices()

    [letter] = mails_to(alice.user.email)
    assert "Nobody is refused beyond them" in str(letter.body)


def test_eight_beats_at_once_write_one_letter(run: Run[Any], small: Person) -> None:
    spend(run, small, 100)

    def beat(_: int) -> int:
        with closing(connection):
            return tasks.tell_notices()

    with ThreadPoolExecutor(8) as beats:
        told = sum(beats.map(beat, range(8)))

    assert (told, len(written_to(small))) == (1, 1)


def test_owners_and_admins_are_written_to_whose_address_is_theirs(database: None) -> None:
    ours = team("admin")
    subscriptions.put_on_plan(ours.workspace, SMALL, at=now())
    Notice.objects.create(bucket=_used_up(ours.workspace.pk), percent=100, created_at=now())
    User.objects.filter(pk=ours.alice.user.pk).update(email_verified_at=None)

    tasks.tell_notices()

    assert (len(written_to(ours.bob)), written_to(ours.alice)) == (1, [])


def _used_up(workspace_id: Any) -> Bucket:
    """A limit of nothing is always used up, and breaks no audit."""
    at = now()
    return Bucket.objects.create(
        workspace_id=workspace_id,
        meter="tokens",
        window="day",
        starts_at=at,
        ends_at=at + timedelta(days=1),
        plan=SMALL,
        limit=0,
    )


@pytest.mark.parametrize("what", ["window ended", "reset", "workspace deleted"])
def test_what_is_of_no_use_any_more_is_not_told(run: Run[Any], small: Person, what: str) -> None:
    spend(run, small, 100)
    at = now()
    if what == "reset":
        resets.reset(small.workspace.pk, by=SYSTEM, reason="Our outage", at=at)
    if what == "workspace deleted":
        type(small.workspace).objects.filter(pk=small.workspace.pk).update(deleted_at=at)

    while notices.tell_next(at + timedelta(days=3 if what == "window ended" else 0)):
        pass

    assert (written_to(small), percents(small)) == ([], [])


def test_it_is_announced_after_the_commit_and_a_listener_that_fails_undoes_nothing(
    run: Run[Any], small: Person
) -> None:
    heard: list[dict[str, Any]] = []

    def listen(**news: Any) -> None:
        heard.append(news)
        raise RuntimeError("not my day")

    spend(run, small, 85)
    allowance_reached.connect(listen)
    tasks.tell_notices()
    allowance_reached.disconnect(listen)

    [news] = heard
    told = {name: news[name] for name in ("workspace_id", "meter", "window", "percent", "used", "limit")}
    values = (small.workspace.pk, "tokens", "day", 80, 85, 100)
    assert tuple(told.values()) == values
    assert len(written_to(small)) == 1


def test_the_feed_is_one_s_own(product: Product, run: Run[Any], small: Person, charlie: Person) -> None:
    spend(run, small, 85)

    def feed(somebody: Person) -> Any:
        return product.http.get("/api/v1/quotas/notices", headers=somebody.headers).json()["results"]

    [row] = feed(small)
    assert (row["percent"], row["meter"], row["window"], row["used"], row["limit"]) == (80, "tokens", "day", 85, 100)
    assert row["resets_at"]
    assert feed(charlie) == []
