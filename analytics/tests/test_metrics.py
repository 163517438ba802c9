"""Prometheus reads what a process counted and how the product stands, and nobody else does but staff."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils.timezone import now
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from accounts.tests.factories import Person
from analytics import gauges, metrics
from analytics.tests.watching import staff, staff_token
from assistants.tests.crews import begin
from billing.models import StripeEvent
from config.tests.product import Product, eventually
from conftest import METRICS_TOKEN, Run
from quotas.tests.plans import put_on_plan

PROMETHEUS = {"authorization": f"Bearer {METRICS_TOKEN}"}
HELLO = {"model": "claude-haiku-5-5", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]}


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(text)
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def read(product: Product, name: str, **labels: str) -> float:
    """0 where nothing of the kind was counted."""
    answer = product.http.get("/metrics", headers=PROMETHEUS)
    assert answer.status_code == 200
    return samples(answer.text).get((name, frozenset(labels.items())), 0)


@pytest.mark.parametrize("brought", ["", "Bearer of nothing", f"Basic {METRICS_TOKEN}"])
def test_strangers_read_nothing(product: Product, brought: str) -> None:
    answer = product.http.get("/metrics", headers={"authorization": brought} if brought else {})

    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


def test_without_a_token_set_none_is_right(demo_product: Product) -> None:
    assert demo_product.http.get("/metrics", headers=PROMETHEUS).status_code == 401
    assert demo_product.http.get("/metrics").status_code == 401


def test_staff_read_them_and_customers_do_not(product: Product, alice: Person) -> None:
    answers = [product.http.get("/metrics", headers=who) for who in (staff_token(staff()), alice.headers)]

    assert [answer.status_code for answer in answers] == [200, 403]


def test_an_address_is_counted_by_its_route(product: Product, alice: Person) -> None:
    route = "api/v1/assistants/conversations/<uuid:conversation_id>"
    counted = {"route": route, "method": "DELETE", "status": "404"}
    before = read(product, "stipend_requests_total", **counted)

    for _ in range(2):
        product.http.delete(f"/api/v1/assistants/conversations/{uuid.uuid4()}", headers=alice.headers)

    assert read(product, "stipend_requests_total", **counted) == before + 2
    assert read(product, "stipend_request_seconds_count", route=route, method="DELETE") >= 2


def test_what_strangers_make_up_makes_no_series(product: Product) -> None:
    for _ in range(3):
        product.http.request("PROPFIND", f"/{uuid.uuid4()}")

    text = product.http.get("/metrics", headers=PROMETHEUS).text
    assert read(product, "stipend_requests_total", route="none", method="other", status="404") >= 3
    assert "PROPFIND" not in text


def test_a_method_of_nobodys_is_no_label() -> None:
    request = RequestFactory().generic("MADE-UP", "/")
    request.resolver_match = None

    metrics.note_request(request, HttpResponse(), 0.1)

    labels = {"route": "none", "method": "other", "status": "200"}
    assert REGISTRY.get_sample_value("stipend_requests_total", labels)


def test_a_chat_is_counted_by_model_and_kind(product: Product, alice: Person) -> None:
    names = {
        "stipend_turns_total": {"outcome": "completed"},
        "stipend_first_token_seconds_count": {},
        "stipend_tokens_total": {"kind": "output"},
    }

    def counted() -> dict[str, float]:
        return {name: read(product, name, model=str(HELLO["model"]), **labels) for name, labels in names.items()}

    before, settled = counted(), read(product, "stipend_settlements_total", state="settled", basis="reported")
    answer = product.http.post("/v1/messages", json=HELLO, headers=alice.headers)

    more = {name: counted()[name] - before[name] for name in names}
    assert more["stipend_turns_total"] == more["stipend_first_token_seconds_count"] == 1
    assert more["stipend_tokens_total"] == answer.json()["usage"]["output_tokens"] > 0
    assert read(product, "stipend_settlements_total", state="settled", basis="reported") == settled + 1


def test_a_stream_is_open_until_it_ends(product: Product, alice: Person) -> None:
    slow = HELLO | {
        "stream": True,
        "max_tokens": 200,
        "messages": [{"role": "user", "content": "[[tokens=200 gap=50]]"}],
    }

    with product.http.stream("POST", "/v1/messages", json=slow, headers=alice.headers) as answer:
        lines = answer.iter_lines()  # Held, since it hangs up when it is let go.
        next(lines)
        assert read(product, "stipend_streams_open") >= 1

    eventually(lambda: read(product, "stipend_streams_open") == 0)


def test_what_waits_is_the_whole_products(run: Run[Any], alice: Person) -> None:
    put_on_plan(alice, tokens_day=1_000_000)
    run(begin(alice))
    event = StripeEvent.objects.create(id=f"evt_{uuid.uuid4().hex}", type="?", payload={}, created_at=now())
    StripeEvent.objects.filter(pk=event.pk).update(received_at=now() - timedelta(days=400))

    told = {name: value for (name, labels), value in samples(run(gauges.scrape()).decode()).items() if not labels}

    event.delete()
    assert told["stipend_reservations_open"] >= 1
    assert told["stipend_stripe_events_unhandled"] >= 1
    assert told["stipend_stripe_events_lag_seconds"] == pytest.approx(400 * 86400, abs=60)
    assert told["stipend_database_up"] == 1


def test_staff_are_told_of_the_process_and_nobody_else(product: Product, alice: Person) -> None:
    public, hers, ours = (
        product.http.get("/health/", headers=who).json() for who in ({}, alice.headers, staff_token(staff()))
    )

    assert set(public) == set(hers) == {"ready", "checks", "providers"}
    assert set(ours) == {*public, "process"}
    assert ours["process"]["memory"]["used"] > 10_000_000
    assert ours["process"]["cpu"]["seconds"] > 0
    assert 0 < ours["process"]["uptime_seconds"] < 86_400
