"""Calls that went wrong are given back: to all who were hit, once, with an end, a line in the log and a letter."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils.timezone import now

from accounts.audit import Actor
from accounts.models import AuditEntry, Letter, User
from accounts.tests.factories import Person, person
from accounts.tests.ways_in import in_console
from analytics import incidents
from analytics.incidents import Terms
from analytics.models import Compensation, Incident
from analytics.tests.watching import staff
from assistants.models import Turn
from conftest import Run
from quotas import metering
from quotas.metering import Ask
from quotas.models import Basis, Grant
from quotas.tests.ledger import audited, request_id

__all__ = ["audited"]

TEN = datetime(2026, 3, 29, 10, tzinfo=UTC)
ELEVEN = TEN + timedelta(hours=1)
ADDRESS = "/admin/analytics/incident/add/"


@dataclass
class Outage:
    """Calls of a model that nobody else calls."""

    run: Run[Any]
    model: str

    def call(self, who: Person, tokens: int, at: datetime, outcome: str = "incomplete") -> None:
        asks = {"tokens": Ask.exactly(tokens)}
        held = self.run(metering.reserve(who.caller, asks, request_id=request_id(), at=at))
        self.run(metering.settle(held.reservation_id, {"tokens": tokens}, basis=Basis.REPORTED))
        counts = [field.name for field in Turn._meta.fields if field.name.endswith("_tokens")]
        Turn.objects.create(
            reservation_id=held.reservation_id,
            request_id=request_id(),
            workspace=who.workspace,
            road=Turn.Road.MESSAGES,
            model=self.model,
            provider="anthropic",
            outcome=outcome,
            cost=0,
            duration_ms=1,
            created_at=at,
            **dict.fromkeys(counts, 0),
        )

    @property
    def terms(self) -> Terms:
        return Terms(
            reason="Answers broke off.",
            starts_at=TEN,
            ends_at=ELEVEN,
            meter="tokens",
            percent=50,
            at_least=0,
            expires_at=now() + timedelta(days=30),
            model=self.model,
        )


@pytest.fixture
def outage(run: Run[Any]) -> Outage:
    return Outage(run, f"model-{uuid.uuid4()}")


def issued(terms: Terms, by: User | None = None) -> Incident:
    actor = Actor(by.pk if by else None)
    incident = incidents.issue(terms, seen=incidents.toll(terms).digest, by=actor, at=now())
    assert incident is not None
    return incident


def give_all() -> None:
    while incidents.give_next(now()):
        pass


# Who was hit


def test_calls_between_two_moments_count(alice: Person, outage: Outage) -> None:
    for at in (TEN - timedelta(microseconds=1), TEN, ELEVEN - timedelta(microseconds=1), ELEVEN):
        outage.call(alice, 10, at)

    hit = incidents.toll(outage.terms).hits[0]

    assert (hit.workspace_id, hit.calls, hit.charged, hit.amount) == (alice.workspace.pk, 2, 20, 10)


def test_a_part_of_a_token_is_one(alice: Person, outage: Outage) -> None:
    outage.call(alice, 3, TEN)

    assert incidents.toll(outage.terms).amount == 2


def test_who_was_charged_nothing_gets_what_is_the_least(alice: Person, charlie: Person, outage: Outage) -> None:
    outage.call(alice, 0, TEN, "failed")
    outage.call(charlie, 500, TEN)

    toll = incidents.toll(replace(outage.terms, at_least=100))

    assert {hit.workspace_id: hit.amount for hit in toll.hits} == {alice.workspace.pk: 100, charlie.workspace.pk: 250}


def test_calls_are_chosen_by_how_they_ended(alice: Person, charlie: Person, outage: Outage) -> None:
    outage.call(alice, 10, TEN, "completed")
    outage.call(charlie, 10, TEN, "incomplete")

    toll = incidents.toll(replace(outage.terms, outcomes=["incomplete"]))

    assert [hit.workspace_id for hit in toll.hits] == [charlie.workspace.pk]


# What they get


def test_everybody_gets_a_credit_that_ends_a_line_and_a_letter(alice: Person, charlie: Person, outage: Outage) -> None:
    for somebody in (alice, charlie):
        User.objects.filter(pk=somebody.user.pk).update(email_verified_at=now())
        outage.call(somebody, 100, TEN)
    terms, by = outage.terms, staff().user

    issued(terms, by)
    give_all()

    for somebody in (alice, charlie):
        grant = Grant.objects.get(workspace=somebody.workspace)
        told = (grant.amount, grant.meter, grant.expires_at, grant.reason)
        assert told == (50, "tokens", terms.expires_at, terms.reason)
        assert AuditEntry.objects.get(action="credit.given", workspace=somebody.workspace).actor == by
        assert Letter.objects.get(kind="incident_credit", to=somebody.user.email).context["amount"] == "50"
    line = AuditEntry.objects.filter(action="incident.issued", actor=by).latest("at")
    assert (line.after["workspaces"], line.after["amount"]) == (2, 100)


def test_a_credit_is_given_once_by_many_workers(alice: Person, outage: Outage) -> None:
    outage.call(alice, 100, TEN)
    incident = issued(outage.terms)

    def work(_: int) -> None:
        give_all()
        connection.close()

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(work, range(4)))
    give_all()

    assert Grant.objects.get(workspace=alice.workspace).compensation.incident == incident


def test_what_was_not_seen_is_not_given(alice: Person, outage: Outage) -> None:
    outage.call(alice, 100, TEN)
    seen = incidents.toll(outage.terms).digest
    outage.call(alice, 100, TEN)

    assert incidents.issue(outage.terms, seen=seen, by=Actor(), at=now()) is None
    assert not Compensation.objects.filter(workspace=alice.workspace).exists()


def test_what_was_seen_is_given_once_whoever_says_so_at_once(alice: Person, outage: Outage) -> None:
    outage.call(alice, 100, TEN)
    terms = outage.terms
    seen = incidents.toll(terms).digest

    def say_so(_: int) -> bool:
        done = incidents.issue(terms, seen=seen, by=Actor(), at=now())
        connection.close()
        return done is not None

    with ThreadPoolExecutor(3) as staff_members:
        said = list(staff_members.map(say_so, range(3)))

    assert said.count(True) == 1
    assert Compensation.objects.filter(workspace=alice.workspace).count() == 1
    assert issued(terms)  # For whoever has seen the first one, and means it.


def test_other_terms_were_not_seen(alice: Person, outage: Outage) -> None:
    outage.call(alice, 100, TEN)
    terms = replace(outage.terms, percent=0, at_least=5)
    seen = incidents.toll(terms).digest

    assert incidents.issue(replace(terms, meter="requests"), seen=seen, by=Actor(), at=now()) is None


def test_nobody_gets_nothing(database: None, outage: Outage) -> None:
    nobody = incidents.toll(outage.terms)

    assert incidents.issue(outage.terms, seen=nobody.digest, by=Actor(), at=now()) is None


def test_a_deleted_workspace_gets_nothing(alice: Person, outage: Outage) -> None:
    outage.call(alice, 100, TEN)
    issued(outage.terms)
    type(alice.workspace).objects.filter(pk=alice.workspace.pk).update(deleted_at=now())

    give_all()

    assert not Grant.objects.filter(workspace=alice.workspace).exists()


# In the console


@pytest.fixture
def console(database: None) -> Client:
    somebody = person("Staff").user
    User.objects.filter(pk=somebody.pk).update(is_staff=True, is_superuser=True)
    return in_console(User.objects.get(pk=somebody.pk))


def form(outage: Outage, **changed: str) -> dict[str, str]:
    asked = {"starts_at": "2026-03-29T10:00", "ends_at": "2026-03-29T11:00", "meter": "tokens", "percent": "50"}
    return {**asked, "at_least": "0", "days": "30", "reason": "<script>alert(1)</script>", **changed}


def test_staff_see_it_and_then_say_yes(console: Client, alice: Person, outage: Outage) -> None:
    outage.call(alice, 100, TEN)

    page = console.post(ADDRESS, form(outage))
    assert page.context["toll"].hits
    assert not Compensation.objects.filter(workspace=alice.workspace).exists()
    console.post(ADDRESS, form(outage, seen=page.context["toll"].digest, sure="on"))

    assert Compensation.objects.get(workspace=alice.workspace).amount == 50
    give_all()


def test_what_staff_write_is_text(console: Client, alice: Person, outage: Outage) -> None:
    outage.call(alice, 100, TEN)
    type(alice.workspace).objects.filter(pk=alice.workspace.pk).update(name="<script>")

    page = console.post(ADDRESS, form(outage)).content.decode()

    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"ends_at": "2026-03-29T10:00"},
        {"ends_at": "2999-01-01T00:00"},
        {"ends_at": "2026-06-29T10:00"},
        {"starts_at": "yesterday"},
        {"starts_at": "9999-12-31T10:00", "ends_at": "9999-12-31T11:00"},
        {"percent": "-1"},
        {"percent": "9999999999999999999999"},
        {"at_least": "1e9"},
        {"meter": "euros"},
        {"provider": "nobody"},
        {"reason": ""},
        {"days": "0"},
    ],
    ids=str,
)
def test_what_cannot_be_is_said_in_the_form(console: Client, outage: Outage, wrong: dict[str, str]) -> None:
    page = console.post(ADDRESS, form(outage, **wrong, sure="on", seen="x"))

    assert page.status_code == 200
    assert page.context["form"].errors


def test_staff_without_the_right_give_nothing(alice: Person, outage: Outage) -> None:
    outage.call(alice, 100, TEN)
    somebody = person("Staff").user
    User.objects.filter(pk=somebody.pk).update(is_staff=True)

    answer = in_console(User.objects.get(pk=somebody.pk)).post(ADDRESS, form(outage))

    assert answer.status_code == 403
