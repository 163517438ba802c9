"""The history over HTTP: whose lines, which lines, none twice and none missed; and the same as a sheet."""

from __future__ import annotations

import csv
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.utils.timezone import now

from accounts import api_keys
from accounts.api_keys import Powers
from accounts.models import Membership, Workspace
from accounts.tests.factories import Person, person
from config.tests.product import Product
from conftest import Run
from quotas import metering, rollups
from quotas.models import Reservation
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import hold, request_id, spend

USAGE = "/api/v1/quotas/usage"
HISTORY = f"{USAGE}/history"
Works = dict[str, Reservation]


def work(somebody: Person, at: datetime, model: str = "", **spent: int) -> Reservation:
    """Settled, without a limit that held for it."""
    return Reservation.objects.create(
        workspace=somebody.workspace,
        member=somebody.user,
        key_id=somebody.caller.key_id,
        request_id=request_id(),
        model=model,
        plan="free",
        state="settled",
        basis="reported",
        spent=spent,
        created_at=at,
        lease_until=at,
        resolved_at=at,
    )


@pytest.fixture(scope="module")
def team(database: None) -> dict[str, Person]:
    """Alice's workspace, in Nepal, where Bob is a member, Dave a viewer and Erin an admin."""
    alice = person("Alice")
    Workspace.objects.filter(pk=alice.workspace.pk).update(time_zone="Asia/Kathmandu")
    roles = {"bob": Membership.Role.MEMBER, "dave": Membership.Role.VIEWER, "erin": Membership.Role.ADMIN}
    return {"alice": alice} | {name: joined(alice, name, role) for name, role in roles.items()}


def joined(alice: Person, name: str, role: str) -> Person:
    somebody = person(name)
    Membership.objects.create(workspace=alice.workspace, user=somebody.user, role=role)
    key, secret = api_keys.create(
        workspace_id=alice.workspace.pk, user_id=somebody.user.pk, name=name, powers=Powers(["read"]), at=now()
    )
    caller = replace(somebody.caller, key_id=key.pk)
    return Person(somebody.user, alice.workspace, caller, secret)


@pytest.fixture(scope="module")
def works(team: dict[str, Person]) -> Works:
    """The newest last; midnight in Nepal is between the second and the third."""
    alice, bob = team["alice"], team["bob"]
    midnight = datetime.fromisoformat("2026-11-03T18:15:00+00:00")
    minute = timedelta(minutes=1)
    made = {
        "old": work(alice, midnight - 2 * minute, "small", tokens=5, cost=60),
        "bob's": work(bob, midnight - minute, "small", tokens=7),
        "at midnight": work(bob, midnight, "large", requests=1),
        "newest": work(alice, midnight + minute, "large", tokens=9, operations=1),
    }
    list(rollups.rebuild(alice.workspace.pk))
    return made


def get(product: Product, headers: dict[str, str], path: str = HISTORY, **query: Any) -> Any:
    answer = product.http.get(path, params=query or None, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(works: Works, lines: list[dict[str, Any]]) -> list[str]:
    of_ids = {made.request_id: name for name, made in works.items()}
    return [of_ids[line["request_id"]] for line in lines]


def in_team(team: dict[str, Person], name: str) -> dict[str, str]:
    return team[name].session | {"x-workspace": str(team["alice"].workspace.pk)}


def test_a_line_says_what_was_charged_and_for_whom(product: Product, team: dict[str, Person], works: Works) -> None:
    line = get(product, team["alice"].headers)["results"][-1]

    alice, key = team["alice"], team["alice"].workspace.api_keys.get(name="test")
    assert line == {
        "request_id": works["old"].request_id,
        "at": "2026-11-03T18:13:00Z",
        "resolved_at": "2026-11-03T18:13:00Z",
        "model": "small",
        "key": {"id": str(key.pk), "name": "test", "prefix": key.prefix},
        "member": {"id": str(alice.user.pk), "name": "Alice", "email": alice.user.email},
        "state": "settled",
        "basis": "reported",
        "spent": {"tokens": 5, "cost": 60},
        "cost": 60,
        "plan": "free",
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["newest", "at midnight", "bob's", "old"]),
        ({"meter": "tokens"}, ["newest", "bob's", "old"]),
        ({"meter": "operations"}, ["newest"]),
        ({"model": "small"}, ["bob's", "old"]),
        ({"member": "bob"}, ["at midnight", "bob's"]),
        ({"key": "alice"}, ["newest", "old"]),
        ({"key": "alice", "model": "large"}, ["newest"]),
        ({"member": "charlie"}, []),
        ({"key": "charlie"}, []),
        ({"day": "2026-11-03"}, ["bob's", "old"]),
        ({"day": "2026-11-04"}, ["newest", "at midnight"]),
        ({"from": "2026-11-04"}, ["newest", "at midnight"]),
        ({"to": "2026-11-03"}, ["bob's", "old"]),
        ({"from": "2026-11-03", "to": "2026-11-04", "meter": "cost"}, ["old"]),
    ],
)
def test_it_is_filtered(
    product: Product, team: dict[str, Person], works: Works, charlie: Person, query: dict[str, str], expected: list[str]
) -> None:
    cast = team | {"charlie": charlie}
    asked = {
        **query,
        **({"member": str(cast[query["member"]].user.pk)} if "member" in query else {}),
        **({"key": str(cast[query["key"]].caller.key_id)} if "key" in query else {}),
    }

    assert names(works, get(product, team["alice"].headers, **asked)["results"]) == expected
    sheet = product.http.get(f"{HISTORY}.csv", params=asked, headers=team["alice"].headers)
    assert names(works, list(csv.DictReader(StringIO(sheet.text)))) == expected


@pytest.mark.parametrize(
    "query",
    [
        {"meter": "miles"},
        {"key": "5"},
        {"member": "bob"},
        {"day": "2026-02-30"},
        {"day": "2026-11-03", "from": "2026-11-01"},
        {"from": "2026-11-04", "to": "2026-11-03"},
        {"from": "0001-01-01"},
        {"to": "9999-12-31"},
        {"model": "\0"},
    ],
)
def test_what_cannot_be_meant_is_refused(product: Product, alice: Person, query: dict[str, str]) -> None:
    for path in (HISTORY, f"{HISTORY}.csv"):
        answer = product.http.get(path, params=query, headers=alice.headers | {"accept": "text/csv, */*"})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


# Whose


@pytest.mark.parametrize(
    ("name", "sees"),
    [
        ("alice", ["newest", "at midnight", "bob's", "old"]),
        ("erin", ["newest", "at midnight", "bob's", "old"]),
        ("bob", ["at midnight", "bob's"]),
        ("dave", []),
    ],
)
def test_who_neither_manages_nor_pays_sees_their_own_lines_and_all_totals(
    product: Product, team: dict[str, Person], works: Works, name: str, sees: list[str]
) -> None:
    headers = in_team(team, name)

    assert names(works, get(product, headers)["results"]) == sees
    sheet = product.http.get(f"{HISTORY}.csv", headers=headers)
    assert names(works, list(csv.DictReader(StringIO(sheet.text)))) == sees
    asked = {"from": "2026-11-03", "to": "2026-11-04"}
    assert get(product, headers, f"{USAGE}/daily", **asked)["total"]["tokens"] == {"used": 21, "works": 3}


def test_a_filter_opens_nothing(product: Product, team: dict[str, Person], works: Works) -> None:
    others = {"member": str(team["alice"].user.pk), "key": str(team["alice"].caller.key_id)}

    for name, value in others.items():
        assert get(product, in_team(team, "bob"), **{name: value})["results"] == []


def test_a_key_that_only_reads_sees_the_lines_of_its_person(
    product: Product, team: dict[str, Person], works: Works
) -> None:
    assert names(works, get(product, team["erin"].headers)["results"]) == []
    assert names(works, get(product, team["bob"].headers)["results"]) == ["at midnight", "bob's"]


# Page by page


def test_no_line_is_missed_or_repeated_while_new_ones_land(product: Product, run: Run[Any], alice: Person) -> None:
    at = now() - timedelta(days=1)
    moments = [at - timedelta(seconds=number // 4) for number in range(60)]  # Four at once.
    there = {work(alice, moment).request_id for moment in moments}
    list(rollups.rebuild(alice.workspace.pk))

    seen, address = [], f"{HISTORY}?page_size=7"
    for _ in range(9):  # of seven, and the last of four
        page = get(product, alice.headers, address)
        seen += [line["request_id"] for line in page["results"]]
        spend(run, alice, 1)
        address = page["next"]
    assert address is None

    assert len(seen) == len(set(seen))
    assert set(seen) == there


def test_what_is_under_way_is_a_line_too(product: Product, run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 5))

    [line] = get(product, alice.headers)["results"]

    assert (line["state"], line["basis"], line["spent"], line["resolved_at"]) == ("pending", "", {}, None)
    run(metering.release(admission.reservation_id))


# Sheets


def test_a_sheet_has_every_line_however_many(product: Product, alice: Person) -> None:
    at = now()
    many = [
        Reservation(
            workspace=alice.workspace,
            request_id=f"req_{uuid.uuid4().hex}",
            plan="free",
            created_at=at - timedelta(seconds=number // 900),
            lease_until=at,
            state="released",
            resolved_at=at,
        )
        for number in range(2_500)
    ]
    Reservation.objects.bulk_create(many)

    answer = product.http.get(f"{HISTORY}.csv", headers=alice.headers)

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="usage.csv"' in answer.headers["content-disposition"]
    found = [line["request_id"] for line in csv.DictReader(StringIO(answer.text))]
    assert sorted(found) == sorted(line.request_id for line in many)


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        *((text, f"'{text}") for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\uff1d1+1")),
        # Where lines or semicolons begin a cell of their own.
        ("\r=1", "'\r'=1"),
        ("a\n=1", "a\n'=1"),
        ("a;=1", "a;'=1"),
        ("a=1; b-c", "a=1; b-c"),
    ],
)
def test_no_cell_of_a_sheet_is_a_formula(product: Product, alice: Person, text: str, harmless: str) -> None:
    alice.workspace.api_keys.update(name=text)
    work(alice, now(), text)

    answer = product.http.get(f"{HISTORY}.csv", headers=alice.headers)

    [line] = csv.DictReader(StringIO(answer.text, newline=""))
    assert (line["model"], line["key"]) == (harmless, harmless)


def test_a_sheet_of_days_says_what_the_report_says(product: Product, team: dict[str, Person], works: Works) -> None:
    asked = {"from": "2026-11-01", "to": "2026-11-05", "model": "small"}

    report = get(product, team["dave"].headers, f"{USAGE}/daily", **asked)
    sheet = product.http.get(f"{USAGE}/daily.csv", params=asked, headers=team["dave"].headers)

    lines = list(csv.DictReader(StringIO(sheet.text)))
    assert [{"date": day["date"]} | {name: str(of["used"]) for name, of in day["meters"].items()}
            for day in report["days"]] == lines  # fmt: skip
    assert [day["tokens"] for day in lines] == ["0", "0", "12", "0", "0"]


# The other reports over HTTP


def test_without_a_question_the_last_thirty_days_are_told(product: Product, alice: Person) -> None:
    report = get(product, alice.headers, f"{USAGE}/daily")

    days = [day["date"] for day in report["days"]]
    assert (len(days), report["from"], report["to"]) == (30, days[0], days[-1])
    assert days[-1] == str(now().date())
    assert report["days"][0]["meters"]["tokens"] == {"used": 0, "works": 0}


@pytest.mark.parametrize("query", [{"from": "2024-01-01", "to": "2025-06-01"}, {"from": "2024-01-01"}])
def test_more_than_a_year_of_days_is_refused(product: Product, alice: Person, query: dict[str, str]) -> None:
    answer = product.http.get(f"{USAGE}/daily", params=query, headers=alice.headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_months_and_stats_tell_what_was_spent(product: Product, run: Run[Any], alice: Person) -> None:
    spend(run, alice, 1)

    months = get(product, alice.headers, f"{USAGE}/monthly")
    stats = get(product, alice.headers, f"{USAGE}/stats")

    assert len(months["months"]) == 12
    assert months["months"][-1]["meters"]["tokens"] == months["total"]["tokens"] == {"used": 1, "works": 1}
    assert [share["meters"]["tokens"]["used"] for share in stats["by_model"]] == [1]
    assert sum(share["meters"]["tokens"]["used"] for share in stats["by_hour"]) == 1
    assert [share["weekday"] for share in stats["by_weekday"]] == [1, 2, 3, 4, 5, 6, 7]
    assert {line["meter"] for line in stats["forecast"]} == {"tokens", "requests", "messages", "operations"}
