"""Without a key of Stripe's nothing that billing does leaves this machine, in the product's process neither."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from django.utils.timezone import now

from accounts.tests.factories import Person
from billing.models import PackPurchase
from billing.tests.demo import FAILS_LATER, GOOD, MASTERCARD, Buyer
from billing.tests.test_demo_pages import Visitor, path
from config.tests.product import Product, running, started
from conftest import UNHURRIED

API = "/api/v1/billing"
KEYLESS = {"STRIPE_SECRET_KEY": "", "ANTHROPIC_API_KEY": "", "DJANGO_SETTINGS_MODULE": "config.settings"}


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "reached"


def walled(notes: Path, *module: str) -> list[str]:
    return [sys.executable, "-m", "config.tests.walled", str(notes), *module]


@pytest.mark.parametrize(
    "act", ["socket.socket().connect(('192.0.2.1', 443))", "socket.getaddrinfo('api.stripe.com', 443)"]
)
def test_the_wall_holds_and_is_honest(notes: Path, database: None, act: str) -> None:
    (notes.parent / "leaving.py").write_text(f"import socket\n{act}\n")
    environment = {"PYTHONPATH": str(notes.parent)}

    with running(walled(notes, "leaving"), environment, log=notes.parent / "log") as process:
        assert process.wait(timeout=60) == 1

    assert "there is a wall" in (notes.parent / "log").read_text()
    assert notes.read_text() in ("socket.connect 192.0.2.1\n", "socket.getaddrinfo api.stripe.com\n")


def test_no_verb_reaches_anybody(notes: Path, database: None) -> None:
    log = notes.parent / "log"

    with running(walled(notes, "billing.tests.whole_life"), KEYLESS, log=log) as process:
        assert process.wait(timeout=120) == 0, log.read_text()

    assert "simulated, forgotten: []" in log.read_text()
    assert notes.read_text() == ""


@pytest.mark.slow
def test_no_endpoint_and_no_page_reaches_anybody(notes: Path, alice: Person) -> None:
    with started(UNHURRIED | KEYLESS, program=walled(notes, "config.server")) as product:
        play(product, Buyer(alice, now()))

    assert notes.read_text() == ""


def play(product: Product, buyer: Buyer) -> None:
    def ask(method: str, address: str, status: int = 200, **body: Any) -> Any:
        answer = product.http.request(method, f"{API}/{address}", headers=buyer.person.headers, json=body or None)
        assert answer.status_code == status, (address, answer.text)
        return answer.json() if answer.content else None

    def standing() -> str:
        return str(ask("GET", "subscription")["subscription"]["status"])

    bought = Visitor(product, path(ask("POST", "checkout", 201, plan="starter")["url"]))
    assert bought.send(card=FAILS_LATER.number).status_code == 302
    portal = Visitor(product, path(ask("POST", "portal", 201)["url"]))
    portal.send(act="play-renewal")
    assert standing() == "past_due"
    portal.send(act="add-card", card=GOOD.number)
    portal.send(act="add-card", card=MASTERCARD.number)
    assert standing() == "active"

    ask("POST", "packs/operations-50/purchases", 201)
    ask("GET", f"pack-purchases/{ask('GET', 'pack-purchases')['results'][0]['id']}")
    portal.send(act="pay-back", payment_id=PackPurchase.objects.get(workspace=buyer.person.workspace).stripe_id)
    assert ask("GET", "pack-purchases")["results"][0]["state"] == "refunded"

    ask("POST", "subscription/preview", plan="team")
    ask("PATCH", "subscription", plan="team")
    ask("POST", "subscription/cancel", now=False)
    ask("POST", "subscription/resume")
    other, good, *_ = ask("GET", "payment-methods")
    ask("POST", f"payment-methods/{good['id']}/default")
    ask("DELETE", f"payment-methods/{other['id']}", 204)
    bills = ask("GET", "invoices")["results"]
    for bill in bills:
        assert product.http.get(path(bill["hosted_url"])).status_code == 200
        assert product.http.get(path(bill["pdf_url"])).status_code == 200
    ask("GET", f"invoices/{bills[0]['id']}")
    for address in ("history", "summary", "plans", "plans/compare", "packs"):
        ask("GET", address)
    ask("POST", "subscription/cancel", now=True)
    assert ask("GET", "subscription")["current_plan"] == "free"
