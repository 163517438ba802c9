"""The described systems' endpoints: the README says what serves each, and those for work with models answer so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.urls import Resolver404, resolve

from accounts.tests.factories import Person
from assistants.tests.crews import BRIEF, work_on
from assistants.tests.test_operations import asked
from config.tests.product import Product
from conftest import Run
from quotas.tests.ledger import audited as audited
from quotas.tests.plans import put_on_plan

ROW = re.compile(r"^\| `(?P<theirs>[A-Z]+ [^`]+)` \| `(?P<method>[A-Z]+) (?P<path>[^`]+)` \|$", re.MULTILINE)
ID = "7f1f3c8e-0000-4000-8000-000000000000"


def rows() -> Iterator[Any]:
    told = (Path(settings.BASE_DIR) / "README.md").read_text().partition("## Coming from elsewhere")[2]
    for row in ROW.finditer(told):
        yield pytest.param(row["method"], row["path"], id=row["theirs"])


@pytest.mark.parametrize(("method", "path"), list(rows()))
def test_what_serves_it_is_there(method: str, path: str) -> None:
    """In the README's table, for each endpoint of theirs."""
    address = re.sub(r"\{\w*id\}", ID, path).replace("{slug}", "team").replace("{key}", "a-task")
    try:
        view = resolve(address).func
    except Resolver404:
        pytest.fail(f"nothing serves {address}")
    methods = getattr(view, "cls", None)
    assert methods is None or hasattr(methods, method.lower())


def test_every_list_is_in_the_table() -> None:
    assert len(list(rows())) == 73


# ---- the same, asked


@pytest.fixture(params=["product", "demo_product"])
def either(request: pytest.FixtureRequest) -> Product:
    """With the stand-in, and with the demo."""
    found: Product = request.getfixturevalue(request.param)
    return found


class Client:
    def __init__(self, product: Product, person: Person) -> None:
        self.http, self.headers = product.http, person.headers

    def __call__(self, method: str, path: str, body: Any = None, *, status: int = 200, **headers: str) -> Any:
        answer = self.http.request(method, f"/api/v1/{path}", json=body, headers={**self.headers, **headers})
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
        return answer


@pytest.fixture
def ask(either: Product, alice: Person) -> Client:
    put_on_plan(alice, tokens_day=10_000_000)
    return Client(either, alice)


def test_planvix_generates_and_keeps_strategies(run: Run[Any], ask: Client) -> None:
    made = ask("POST", "assistants/strategies", {"brief": BRIEF}, status=202).json()["id"]
    run(work_on(UUID(made)))

    assert [job["id"] for job in ask("GET", "assistants/strategies").json()["results"]] == [made]
    assert ask("GET", f"assistants/strategies/{made}").json()["result"]["content_calendar"]
    assert ask("GET", "quotas/usage/current").json()["limits"][0]["used"] > 0
    ask("DELETE", f"assistants/strategies/{made}", status=204)
    ask("GET", f"assistants/strategies/{made}", status=404)


def test_pm33_executes_and_counts_operations(ask: Client) -> None:
    types = [type_["type"] for type_ in ask("GET", "assistants/operations/types").json()["types"]]
    done = ask("POST", "assistants/operations/execute", asked(types[0]), status=201).json()

    assert done["result"]
    assert ask("GET", f"assistants/operations/{done['id']}").json() == done
    assert [job["id"] for job in ask("GET", "assistants/operations").json()["results"]] == [done["id"]]
    assert ask("GET", "assistants/operations/statistics").json()["by_type"][types[0]]["count"] == 1


def test_creator_coach_s_creator_comes_from_a_profile_to_decisions(ask: Client) -> None:
    ask(
        "PUT",
        "coaching/profile",
        {"niche": "bread", "platforms": [{"name": "YouTube", "followers": 12_000}]},
        status=201,
    )
    assert ask("GET", "coaching/profile").json()["niche"] == "bread"
    project = ask("POST", "coaching/projects", {"template": "premium-community"}, status=201).json()
    here = f"coaching/projects/{project['id']}"
    assert ask("GET", "coaching/projects/active").json()["id"] == project["id"]
    assert ask("GET", here).json()["plan"]["phases"]
    ask("PATCH", here, {"title": "Bread club"})

    said = ask("POST", f"{here}/chat", {"text": "I have decided to charge $29 a month."}, accept="text/event-stream")
    assert [json.loads(line[6:]) for line in said.text.split("\n") if line.startswith("data: ")]
    assert len(ask("GET", f"{here}/messages").json()["results"]) == 3
    assert [found["category"] for found in ask("GET", f"{here}/decisions").json()["results"]] == ["pricing"]
    [task, *_] = ask("GET", f"{here}/tasks").json()
    assert ask("PATCH", f"{here}/tasks/{task['key']}", {"done": True, "notes": "Ten of them."}).json()["done"] is True
    assert ask("GET", f"{here}/progress").json()["overall"]["done"] == 1
