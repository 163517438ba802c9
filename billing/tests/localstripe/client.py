"""What a test does with the Stripe on loopback beside what the product does: cards, pages, time."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from django.conf import settings

from config.tests.product import eventually

KEY = "sk_test_localstripe0000000000000"
SECRET = "whsec_loopback"

WORKS = "4242424242424242"
DECLINED = "4000000000000002"
"""Cannot even be saved."""
FAILS_LATER = "4000000000000341"
"""Can be saved, and is declined when it is charged."""
WANTS_MORE = "4000002500003155"
"""The bank wants to ask the customer in person."""


@dataclass(frozen=True)
class LocalStripe:
    url: str

    def call(self, method: str, path: str, **data: Any) -> Any:
        """The answer's JSON. Fails the test where it is refused."""
        answer = httpx2.request(method, f"{self.url}{path}", json=data or None, auth=(KEY, ""), timeout=10)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.text else None

    def send_webhooks_to(self, url: str) -> None:
        self.call("POST", "/_config/webhooks/product", url=url, secret=SECRET)

    def pay_on_page(self, session_id: str, card: str = WORKS) -> Any:
        return self.call("POST", f"/_config/checkout/{session_id}", card=card)

    def give_card(self, customer_id: str, number: str) -> str:
        """Its id; from then on it is the customer's default."""
        card = {"number": number, "exp_month": "12", "exp_year": "2040", "cvc": "123"}
        card_id: str = self.call("POST", "/v1/payment_methods", type="card", card=card)["id"]
        self.call("POST", f"/v1/payment_methods/{card_id}/attach", customer=customer_id)
        default = {"default_payment_method": card_id}
        self.call("POST", f"/v1/customers/{customer_id}", invoice_settings=default)
        return card_id

    def renew(self, customer_id: str, subscription_id: str) -> str:
        """Bill the next period, and try the card that is the default. The invoice's id."""
        invoice_id: str = self.call("POST", "/v1/invoices", customer=customer_id, subscription=subscription_id)["id"]
        self.pay(invoice_id)
        return invoice_id

    def authenticate(self, customer_id: str) -> None:
        """What somebody does when their bank asks."""
        waiting = self.call("GET", "/v1/payment_intents?limit=1000")["data"]
        intent = next(each for each in waiting if each["customer"] == customer_id)
        path = f"/v1/payment_intents/{intent['id']}/_authenticate"
        self.call("POST", path, client_secret=intent["client_secret"], success=True)

    def price(self, lookup_key: str) -> str:
        found = self.call("GET", f"/v1/prices?lookup_keys[0]={lookup_key}")["data"]
        return str(found[0]["id"])

    def subscribe(self, customer_id: str, lookup_key: str) -> None:
        """As somebody at Stripe's dashboard does."""
        self.call("POST", "/v1/subscriptions", customer=customer_id, items=[{"price": self.price(lookup_key)}])

    def change(self, subscription_id: str, lookup_key: str) -> None:
        """As in the portal."""
        known = self.call("GET", f"/v1/subscriptions/{subscription_id}")
        licensed = next(item["id"] for item in known["items"]["data"] if item["quantity"])
        changed = [{"id": licensed, "price": self.price(lookup_key)}]
        self.call("POST", f"/v1/subscriptions/{subscription_id}", items=changed)

    def refund(self, invoice_id: str, amount: int) -> None:
        payments = self.call("GET", f"/v1/invoice_payments?invoice={invoice_id}")["data"]
        self.call("POST", "/v1/refunds", payment_intent=payments[0]["payment"]["payment_intent"], amount=amount)

    def pay(self, invoice_id: str) -> None:
        self.call("POST", f"/v1/invoices/{invoice_id}/pay")


@contextmanager
def started() -> Iterator[LocalStripe]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "billing.tests.localstripe", str(port)], cwd=settings.BASE_DIR)
    try:
        eventually(lambda: _answers(port), within=20)
        yield LocalStripe(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(timeout=10)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
