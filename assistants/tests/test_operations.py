"""Operations over HTTP, with the stand-in behind them: what they give, what they cost, and what ends them."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from accounts.tests.factories import Person
from assistants.crew import roles
from assistants.models import Job
from assistants.tests.crews import work_on
from assistants.tests.roads import billed
from assistants.tests.standin.client import StandIn
from config.tests.product import Product
from conftest import Run
from quotas.models import Reservation
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import charged
from quotas.tests.plans import put_on_plan

TYPES = ["competitive-analysis", "market-research", "strategic-analysis", "workflow-generation"]
PATH = "/api/v1/assistants/operations"


def example(schema: Any) -> Any:
    """Something that fits."""
    match schema:
        case {"enum": [first, *_]}:
            return first
        case {"type": "object"}:
            return {name: example(schema["properties"][name]) for name in schema.get("required", [])}
        case {"type": "array"}:
            return [example(schema["items"])]
        case {"type": "integer" | "number"}:
            return schema.get("minimum", 1)
        case {"type": "boolean"}:
            return True
    return "Bread & Butter, a bakery"


def asked(type_: str, say: str = "", **more: Any) -> dict[str, Any]:
    wanted = example(roles.find(type_, Job.Kind.OPERATION).input)
    first = next(name for name, value in wanted.items() if isinstance(value, str))
    return {"type": type_, "brief": {**wanted, first: f"{wanted[first]} {say}".strip()}, **more}


def execute(product: Product, person: Person, body: Any, **headers: str) -> httpx2.Response:
    return product.http.post(f"{PATH}/execute", json=body, headers={**person.headers, **headers})


@pytest.fixture
def alice(alice: Person) -> Person:
    put_on_plan(alice, tokens_day=1_000_000, operations_month={"limit": 1, "overage_price": 8})
    return alice


@pytest.mark.parametrize("type_", TYPES)
def test_each_type_gives_its_result_and_is_charged_what_the_provider_bills(
    product: Product, standin: StandIn, alice: Person, type_: str
) -> None:
    tag = uuid.uuid4().hex

    answer = execute(product, alice, asked(type_, f"[[tag={tag}]]", context={"case": 7}, session="monday"))

    assert answer.status_code == 201, answer.text
    job = answer.json()
    assert (job["state"], job["type"], job["context"], job["session"]) == ("completed", type_, {"case": 7}, "monday")
    assert roles.misfit(job["result"], roles.find(type_, "operation").output) == ""
    [call] = standin.settled(tag)
    assert job["charged"]["spent"] == {
        "operations": 1,
        "requests": 1,
        "tokens": billed(call),
        "cost": job["steps"][0]["cost"],
    }
    assert charged(alice) == billed(call)
    assert product.http.get(f"{PATH}/{job['id']}", headers=alice.headers).json() == job


def test_what_one_beyond_the_plan_costs_is_told_before_and_charged_once(product: Product, alice: Person) -> None:
    def price() -> Any:
        return product.http.get(f"{PATH}/types", headers=alice.headers).json()["price"]

    assert (price()["remaining"], price()["unit_price"], price()["amount"]) == (1, 8, 0)
    first = execute(product, alice, asked(TYPES[0])).json()
    assert (price()["remaining"], price()["amount"], price()["currency"]) == (0, 8, "USD")

    key = {"Idempotency-Key": uuid.uuid4().hex}
    beyond = [execute(product, alice, asked(TYPES[1]), **key).json() for _ in range(3)]

    assert (first["charged"]["beyond"], first["charged"]["amount"]) == (0, 0)
    assert (beyond[0]["charged"]["beyond"], beyond[0]["charged"]["amount"]) == (1, 8)
    assert beyond[0] == beyond[1] == beyond[2]
    assert charged(alice, "operations") == 2


def test_beyond_a_hard_limit_it_is_refused_and_told_so_before(product: Product, alice: Person) -> None:
    put_on_plan(alice, operations_month=0)

    assert product.http.get(f"{PATH}/types", headers=alice.headers).json()["price"]["is_refused"] is True
    answer = execute(product, alice, asked(TYPES[0]))

    assert (answer.status_code, answer.json()["code"]) == (429, "quota_exceeded")
    assert not Job.objects.filter(workspace=alice.workspace).exists()


@pytest.mark.parametrize("fault", ["status=529", "status=500", "break=hang"])
def test_where_the_provider_fails_it_says_so_and_nothing_is_charged(
    product: Product, alice: Person, fault: str
) -> None:
    answer = execute(product, alice, asked(TYPES[0], f"[[{fault}]]"))

    assert (answer.status_code, answer.headers["content-type"]) == (502, "application/problem+json")
    job = Job.objects.get(workspace=alice.workspace)
    assert job.state == "failed"
    assert job.error == answer.json()["code"]
    assert f"{PATH}/{job.pk}" in answer.json()["detail"]
    assert charged(alice) == charged(alice, "operations") == 0
    assert not Reservation.objects.filter(workspace=alice.workspace, state="pending").exists()


def test_who_would_not_wait_gets_its_address(run: Run[Any], product: Product, alice: Person) -> None:
    answer = execute(product, alice, asked(TYPES[0]), Prefer="respond-async")

    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")
    assert answer.json()["state"] == "queued"
    run(work_on(uuid.UUID(answer.json()["id"])))
    assert product.http.get(answer.headers["location"], headers=alice.headers).json()["state"] == "completed"


def test_who_waits_a_moment_only_is_told_that_it_goes_on(product: Product, standin: StandIn, alice: Person) -> None:
    answer = execute(product, alice, asked(TYPES[0], "[[first=1900]]"), Prefer="wait=1")

    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "wait=1")


def test_twenty_at_once_under_one_key_are_one(product: Product, alice: Person) -> None:
    key = uuid.uuid4().hex

    def once(_: int) -> int:
        with httpx2.Client(base_url=product.url, timeout=30) as http:
            sent = {**alice.headers, "Idempotency-Key": key}
            return http.post(f"{PATH}/execute", json=asked(TYPES[0]), headers=sent).status_code

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(once, range(20)))

    assert set(answers) <= {201, 409}
    assert Job.objects.filter(workspace=alice.workspace).count() == 1
    assert charged(alice, "operations") == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid_request"),
        ({"type": "fortune-telling", "brief": {}}, 404, "unknown_type"),
        ({"type": "strategy", "brief": {}}, 404, "unknown_type"),
        ({"type": TYPES[0], "brief": {}}, 400, "invalid_request"),
        ({"type": TYPES[0], "brief": []}, 400, "invalid_request"),
        ({**asked(TYPES[0]), "context": {"a": "b" * 20_000}}, 400, "invalid_request"),
        ({**asked(TYPES[0]), "session": "a" * 81}, 400, "invalid_request"),
        ({**asked(TYPES[0]), "model": "gpt-7"}, 404, "model_not_found"),
    ],
)
def test_what_does_not_fit_is_refused(product: Product, alice: Person, body: Any, status: int, code: str) -> None:
    answer = execute(product, alice, body)

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert not Job.objects.filter(workspace=alice.workspace).exists()


def test_statistics_count_by_type_state_and_day(product: Product, alice: Person) -> None:
    done = [execute(product, alice, asked(type_)).json() for type_ in (TYPES[0], TYPES[0], TYPES[1])]
    execute(product, alice, asked(TYPES[2], "[[status=529]]"))

    told = product.http.get(f"{PATH}/statistics", headers=alice.headers).json()

    assert told["total"]["count"] == 4
    assert told["total"]["cost"] == sum(job["charged"]["spent"]["cost"] for job in done) > 0
    assert {name: of["count"] for name, of in told["by_type"].items()} == {TYPES[0]: 2, TYPES[1]: 1, TYPES[2]: 1}
    assert {name: of["count"] for name, of in told["by_state"].items()} == {"completed": 3, "failed": 1}
    assert len(told["by_day"]) == 30
    assert list(told["by_day"].values())[-1]["count"] == 4


def test_a_list_is_filtered(product: Product, alice: Person) -> None:
    for type_, session in ((TYPES[0], "a"), (TYPES[1], "b")):
        execute(product, alice, asked(type_, session=session))

    def found(query: str) -> list[str]:
        return [job["type"] for job in product.http.get(f"{PATH}?{query}", headers=alice.headers).json()["results"]]

    assert found("") == [TYPES[1], TYPES[0]]
    assert found(f"type={TYPES[0]}") == found("session=a") == [TYPES[0]]
    assert found("state=failed") == found("search=nothing") == []
    assert product.http.get(f"{PATH}?state=foo", headers=alice.headers).status_code == 400
