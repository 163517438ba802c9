"""Projects over HTTP: made from a template and a profile, one active at a time, shared or nobody else's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from django.db import IntegrityError, transaction

from accounts.tests.factories import Person, person
from accounts.tests.teams import team
from assistants.models import Conversation, Project
from assistants.tests.coached import API, PROJECTS, TEMPLATE, path_of, project_of
from billing.models import Plan
from config.tests.product import Product
from quotas.tests.plans import put_on_plan

PROFILE = {
    "platforms": [{"name": "YouTube", "handle": "@alice", "followers": 12_000}, {"name": "Discord", "followers": 500}],
    "niche": "sourdough",
    "audience": "home bakers",
    "goals": "to leave the office",
    "hours_per_week": 10,
    "experience": "beginner",
}


def call(product: Product, person: Person, method: str, path: str, body: object = None) -> httpx2.Response:
    return product.http.request(method, path, headers=person.headers, json=body)


def begin(product: Product, person: Person, **body: Any) -> httpx2.Response:
    return call(product, person, "POST", PROJECTS, {"template": TEMPLATE, **body})


# The profile and the templates


def test_a_profile_is_told_and_told_anew(product: Product, alice: Person) -> None:
    none = call(product, alice, "GET", f"{API}/profile")
    assert (none.status_code, none.json()["code"]) == (404, "no_profile")

    made = call(product, alice, "PUT", f"{API}/profile", PROFILE)
    told_anew = call(product, alice, "PUT", f"{API}/profile", {"niche": "rye"})

    assert (made.status_code, told_anew.status_code) == (201, 200)
    assert made.json()["platforms"][0] == {"name": "YouTube", "handle": "@alice", "followers": 12_000}
    assert told_anew.json() == call(product, alice, "GET", f"{API}/profile").json()
    assert (told_anew.json()["niche"], told_anew.json()["goals"]) == ("rye", "")


def test_templates_are_listed_and_shown(product: Product, alice: Person) -> None:
    lines = call(product, alice, "GET", f"{API}/templates").json()
    community = call(product, alice, "GET", f"{API}/templates/{TEMPLATE}").json()

    assert {line["slug"] for line in lines} == {"premium-community", "paid-newsletter"}
    assert len(community["phases"]) == 4
    assert sum(len(phase["tasks"]) for phase in community["phases"]) == 22
    missing = call(product, alice, "GET", f"{API}/templates/none")
    assert (missing.status_code, missing.json()["code"]) == (404, "template_not_found")


# Making one


def test_a_plan_is_made_the_creator_s_own(product: Product, alice: Person) -> None:
    call(product, alice, "PUT", f"{API}/profile", PROFILE)

    project = begin(product, alice).json()

    plan = project["plan"]
    assert "12,500 followers" in plan["why"][0]
    assert "YouTube" in plan["why"][0]
    assert plan["hours_per_week"] == 10
    assert plan["weeks"] == -(-plan["hours"] // 10)
    welcome = call(product, alice, "GET", f"{PROJECTS}/{project['id']}/messages").json()["results"]
    assert "sourdough" in welcome[0]["text"]
    assert "Interview ten followers" in welcome[0]["text"]
    assert not alice.workspace.reservations.exists()


def test_without_a_profile_there_is_a_plan_too(product: Product, alice: Person) -> None:
    project = begin(product, alice, template="paid-newsletter", title="My letter").json()

    assert (project["title"], len(project["plan"]["phases"])) == ("My letter", 3)
    [welcome] = call(product, alice, "GET", f"{PROJECTS}/{project['id']}/messages").json()["results"]
    assert welcome["text"].startswith("Welcome to your project: My letter.")


def test_no_active_project_is_said_with_a_code(product: Product, alice: Person) -> None:
    none = call(product, alice, "GET", f"{PROJECTS}/active")
    made = begin(product, alice).json()

    assert (none.status_code, none.json()["code"]) == (404, "no_active_project")
    assert call(product, alice, "GET", f"{PROJECTS}/active").json() == made


# One active


def test_a_race_for_the_one_place_has_one_winner(product: Product, alice: Person) -> None:
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: begin(product, alice), range(5)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"active_project_exists"}
    assert Conversation.objects.filter(user=alice.user).count() == 1


def test_the_database_knows_one_active_project(database: None, alice: Person) -> None:
    project = project_of(alice)
    Project.objects.filter(pk=project.pk).update(status="paused")
    project_of(alice)

    with pytest.raises(IntegrityError, match="one_active_project_in_each_slot"), transaction.atomic():
        Project.objects.filter(pk=project.pk).update(status="active")


def test_a_plan_may_allow_more_and_the_lowest_place_is_taken(product: Product, alice: Person) -> None:
    plan = put_on_plan(alice)
    Plan.objects.filter(pk=plan.pk).update(active_projects=2)
    first, second = begin(product, alice).json(), begin(product, alice).json()
    assert begin(product, alice).status_code == 409
    path = f"{PROJECTS}/{first['id']}"

    paused = call(product, alice, "PATCH", path, {"status": "completed"}).json()
    third = begin(product, alice).json()
    again = call(product, alice, "PATCH", path, {"status": "active"})
    call(product, alice, "PATCH", f"{PROJECTS}/{second['id']}", {"status": "paused"})
    reactivated = call(product, alice, "PATCH", path, {"status": "active"}).json()

    assert paused["finished_at"] is not None
    assert again.json()["code"] == "active_project_exists"
    assert (reactivated["status"], reactivated["finished_at"]) == ("active", None)
    assert {Project.objects.get(pk=made).slot for made in (third["id"], first["id"])} == {0, 1}


# Changing, sharing, deleting


def test_a_task_of_the_plan_can_be_changed_and_left_out(product: Product, alice: Person) -> None:
    path = path_of(project_of(alice))
    before = call(product, alice, "GET", path).json()["plan"]
    changes = {"interview-followers": {"hours": 20}, "study-other-communities": {"left_out": True}}

    after = call(product, alice, "PATCH", path, {"plan": {"tasks": changes}}).json()["plan"]
    unknown = call(product, alice, "PATCH", path, {"plan": {"tasks": {"none": {"hours": 1}}}})

    assert after["hours"] == before["hours"] + 14 - 4
    assert after["cost"] == before["cost"] - 60
    assert call(product, alice, "GET", f"{path}/progress").json()["overall"]["tasks"] == 21
    assert (unknown.status_code, unknown.json()["code"]) == (404, "task_not_found")


def test_a_project_is_nobody_else_s_until_it_is_shared(product: Product) -> None:
    made = team()
    project = project_of(made.alice)
    Project.objects.filter(pk=project.pk).update(workspace=made.workspace)
    Conversation.objects.filter(project=project).update(workspace=made.workspace)
    path = path_of(project)

    def bob(method: str, path: str, body: object = None) -> httpx2.Response:
        headers = made.bob.session | {"x-workspace": str(made.workspace.pk)}
        return product.http.request(method, path, headers=headers, json=body)

    assert bob("GET", path).status_code == bob("POST", f"{path}/chat", {"text": "Hi"}).status_code == 404
    Project.objects.filter(pk=project.pk).update(is_shared=True)

    assert bob("GET", path).status_code == 200
    assert bob("POST", f"{path}/chat", {"text": "Hi"}).status_code == 201
    done = bob("PATCH", f"{path}/tasks/interview-followers", {"done": True}).json()
    assert done["done_by"] == str(made.bob.user.pk)
    for method, body in (("PATCH", {"status": "paused"}), ("DELETE", None)):
        refused = bob(method, path, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "project_owner_only")


def test_a_deleted_project_is_gone_with_its_chat(product: Product, alice: Person) -> None:
    project = project_of(alice)
    call(product, alice, "POST", f"{path_of(project)}/chat", {"text": "I've decided on $29 a month."})

    assert call(product, alice, "DELETE", path_of(project)).status_code == 204

    assert call(product, alice, "GET", path_of(project)).status_code == 404
    found = call(product, alice, "GET", f"/api/v1/assistants/conversations/{project.conversation_id}")
    assert found.status_code == 404
    assert alice.workspace.turns.count() == 1


# Tasks, progress and decisions


def test_tasks_are_done_and_undone_with_notes(product: Product, alice: Person) -> None:
    path = path_of(project_of(alice))
    task = f"{path}/tasks/interview-followers"

    done = call(product, alice, "PATCH", task, {"done": True, "notes": "Ten of them."}).json()
    progress = call(product, alice, "GET", f"{path}/progress").json()
    undone = call(product, alice, "PATCH", task, {"done": False}).json()

    assert (done["done"], done["done_by"], done["notes"]) == (True, str(alice.user.pk), "Ten of them.")
    assert (progress["overall"]["done"], progress["overall"]["percent"]) == (1, 4)
    assert progress["phases"][0]["percent"] == 20
    assert progress["next_tasks"][0]["key"] == "write-member-promise"
    assert progress["overall"]["hours_left"] == 79
    assert (undone["done"], undone["done_at"], undone["notes"]) == (False, None, "Ten of them.")
    assert call(product, alice, "PATCH", f"{path}/tasks/none", {"done": True}).json()["code"] == "task_not_found"
    assert len(call(product, alice, "GET", f"{path}/tasks").json()) == 22


def test_a_later_decision_takes_the_place_of_the_former(product: Product, alice: Person) -> None:
    path = f"{path_of(project_of(alice))}/decisions"
    for price in ("$19", "$29"):
        call(product, alice, "POST", path, {"category": "pricing", "text": price})

    [standing] = call(product, alice, "GET", path).json()["results"]
    both = call(product, alice, "GET", f"{path}?all=true").json()["results"]

    assert standing["text"] == "$29"
    assert standing["tasks"] == ["set-membership-price"]
    assert standing["user_id"] == str(alice.user.pk)
    assert [one["superseded_by"] for one in both] == [None, standing["id"]]


def test_decisions_at_once_leave_one_standing(product: Product, alice: Person) -> None:
    path = f"{path_of(project_of(alice))}/decisions"
    body = {"category": "platform", "text": "Discord"}

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: call(product, alice, "POST", path, body), range(6)))

    assert {answer.status_code for answer in answers} == {201}
    assert len(call(product, alice, "GET", path).json()["results"]) == 1
    assert len(call(product, alice, "GET", f"{path}?all=true").json()["results"]) == 6


def decided(product: Product, creator: Person, path: str, *prices: str) -> list[str]:
    """Their ids, in the order in which they were made."""
    made = [call(product, creator, "POST", path, {"category": "pricing", "text": price}) for price in prices]
    return [answer.json()["id"] for answer in made]


def test_a_decision_withdrawn_gives_its_place_back(product: Product, alice: Person) -> None:
    path = f"{path_of(project_of(alice))}/decisions"
    _first, second = decided(product, alice, path, "$19", "$29")

    answer = call(product, alice, "DELETE", f"{path}/{second}")

    [standing] = call(product, alice, "GET", f"{path}?all=true").json()["results"]
    assert answer.status_code == 204
    assert (standing["text"], standing["superseded_by"], standing["superseded_at"]) == ("$19", None, None)
    assert call(product, alice, "DELETE", f"{path}/{second}").status_code == 404


def test_what_stood_stands_on_when_a_former_one_is_withdrawn(product: Product, alice: Person) -> None:
    path = f"{path_of(project_of(alice))}/decisions"
    _first, second, third = decided(product, alice, path, "$19", "$29", "$39")

    call(product, alice, "DELETE", f"{path}/{second}")

    found = call(product, alice, "GET", f"{path}?all=true").json()["results"]
    assert [(one["text"], one["superseded_by"]) for one in found] == [("$39", None), ("$19", third)]
    assert found[1]["superseded_at"]


def test_nobody_withdraws_what_is_another_s(product: Product, alice: Person) -> None:
    bob = person("Bob")
    path = f"{path_of(project_of(alice))}/decisions"
    his = f"{path_of(project_of(bob))}/decisions"
    [decision] = decided(product, alice, path, "$19")

    answers = [call(product, bob, "DELETE", f"{where}/{decision}") for where in (path, his)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert len(call(product, alice, "GET", path).json()["results"]) == 1


def test_withdrawn_and_decided_at_once_one_stands(product: Product, alice: Person) -> None:
    path = f"{path_of(project_of(alice))}/decisions"
    made = decided(product, alice, path, "$1", "$2", "$3", "$4")
    asked: list[tuple[str, str, Any]] = [("DELETE", f"{path}/{decision}", None) for decision in made[1:]]
    asked += [("POST", path, {"category": "pricing", "text": "$5"})] * 3

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda request: call(product, alice, *request), asked))

    left = call(product, alice, "GET", f"{path}?all=true").json()["results"]
    assert [answer.status_code for answer in answers] == [204] * 3 + [201] * 3
    assert [one["text"] for one in left] == ["$5"] * 3 + ["$1"]
    # Each but the last knows who took its place, and nobody took two.
    assert sorted(one["superseded_by"] or "" for one in left) == sorted(["", *[one["id"] for one in left[:3]]])


# Its conversation has no other way in


@pytest.mark.parametrize(
    ("method", "route", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"title": "Mine"}),
        ("DELETE", "", None),
        ("GET", "/export", None),
        ("GET", "/messages", None),
        ("POST", "/messages", {"text": "Hello"}),
        ("GET", "/messages/{message}/stream", None),
        ("PUT", "/messages/{message}/feedback", {"feedback": "up"}),
    ],
)
def test_a_project_s_conversation_is_none_of_the_others(
    product: Product, alice: Person, method: str, route: str, body: object
) -> None:
    project = project_of(alice)
    message = project.conversation.messages.get()
    path = f"/api/v1/assistants/conversations/{project.conversation_id}{route.format(message=message.pk)}"

    assert call(product, alice, method, path, body).status_code == 404
    assert call(product, alice, "GET", "/api/v1/assistants/conversations").json()["results"] == []
