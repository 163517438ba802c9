"""Choosing, paying, changing, ending and going on, over HTTP, where payments are simulated."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.utils.timezone import now

from accounts.models import AuditEntry
from accounts.tests.factories import Person
from accounts.tests.teams import as_role
from billing import customers, demo_clock, subscriptions
from billing.gateways.demo import DemoGateway
from billing.gateways.demo.cards import typed
from billing.models import Subscription
from config.tests.product import Product

API = "/api/v1/billing"
GOOD, FAILS_LATER = typed("4242 4242 4242 4242"), typed("4000 0000 0000 0341")


class Buyer:
    def __init__(self, product: Product, person: Person) -> None:
        self.product, self.person = product, person

    def ask(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        return self.product.http.request(method, f"{API}/{path}", json=body, headers=self.person.headers)

    def save_card(self, card: Any = GOOD) -> None:
        customer = customers.customer_of(self.person.workspace, DemoGateway())
        DemoGateway().add_card(customer.stripe_id, card, authenticated=True)

    def begin(self, plan: str) -> dict[str, Any]:
        self.save_card()
        answer = self.ask("POST", "subscription", {"plan": plan})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def history(self) -> list[str]:
        return [entry["what"] for entry in self.ask("GET", "history").json()["results"]]


@pytest.fixture
def buyer(product: Product, alice: Person) -> Buyer:
    return Buyer(product, alice)


def test_who_has_none_is_on_the_default_plan(buyer: Buyer) -> None:
    assert buyer.ask("GET", "subscription").json() == {"current_plan": "free", "subscription": None}


def test_a_checkout_is_a_page_that_says_it_is_simulated(buyer: Buyer) -> None:
    answer = buyer.ask("POST", "checkout", {"plan": "team"})

    assert answer.status_code == 201
    assert answer.json()["simulated"] is True
    assert buyer.product.http.get(answer.json()["url"]).status_code == 200


def test_without_a_card_a_plan_is_paid_at_a_checkout(buyer: Buyer) -> None:
    answer = buyer.ask("POST", "subscription", {"plan": "team"})

    assert (answer.status_code, answer.json()["code"]) == (402, "payment_required")
    assert buyer.product.http.get(answer.json()["checkout_url"]).status_code == 200
    assert subscriptions.current_plan(buyer.person.workspace.pk).slug == "free"


def test_with_a_card_it_begins_at_once(buyer: Buyer) -> None:
    begun = buyer.begin("team")

    assert begun["current_plan"] == "team"
    assert begun["subscription"]["status"] == "active"
    assert begun["subscription"]["price"]["amount"] == 7900
    assert begun["subscription"]["simulated"] is True


def test_its_invoice_is_there_and_paid(buyer: Buyer) -> None:
    buyer.begin("team")

    [invoice] = buyer.ask("GET", "invoices").json()["results"]
    assert (invoice["status"], invoice["total"], invoice["amount_paid"], invoice["currency"]) == (
        "paid",
        7900,
        7900,
        "USD",
    )
    assert buyer.ask("GET", f"invoices/{invoice['id']}").json() == invoice
    assert invoice["hosted_url"]


def test_a_second_one_is_refused(buyer: Buyer) -> None:
    buyer.begin("team")

    for path in ("subscription", "checkout"):
        answer = buyer.ask("POST", path, {"plan": "scale"})
        assert (answer.status_code, answer.json()["code"]) == (409, "already_subscribed")


def test_a_change_bills_exactly_what_its_preview_said(buyer: Buyer) -> None:
    buyer.begin("starter")
    preview = buyer.ask("POST", "subscription/preview", {"plan": "team"}).json()

    changed = buyer.ask("PATCH", "subscription", {"plan": "team", "previewed_at": preview["at"]})

    assert changed.json()["current_plan"] == "team"
    newest = buyer.ask("GET", "invoices").json()["results"][0]
    assert (newest["total"], [line["amount"] for line in newest["lines"]]) == (
        preview["total"],
        [line["amount"] for line in preview["lines"]],
    )


def test_a_preview_changes_nothing(buyer: Buyer) -> None:
    buyer.begin("starter")
    before = buyer.ask("GET", "invoices").json()

    buyer.ask("POST", "subscription/preview", {"plan": "team"})

    assert buyer.ask("GET", "subscription").json()["current_plan"] == "starter"
    assert buyer.ask("GET", "invoices").json() == before


def test_the_plan_one_is_on_is_no_change(buyer: Buyer) -> None:
    buyer.begin("team")

    answer = buyer.ask("PATCH", "subscription", {"plan": "team"})

    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_change")


@pytest.mark.parametrize(("plan", "told"), [("nonesuch", (400, "unknown_plan")), ("free", (409, "nothing_to_change"))])
def test_what_cannot_be_bought_is_told(buyer: Buyer, plan: str, told: tuple[int, str]) -> None:
    answer = buyer.ask("POST", "checkout", {"plan": plan})

    assert (answer.status_code, answer.json()["code"]) == told


def test_it_ends_with_its_period_and_can_be_taken_back(buyer: Buyer) -> None:
    buyer.begin("team")

    ending = buyer.ask("POST", "subscription/cancel", {}).json()
    assert (ending["current_plan"], ending["subscription"]["cancel_at_period_end"]) == ("team", True)
    assert buyer.ask("POST", "subscription/cancel", {}).status_code == 409

    going_on = buyer.ask("POST", "subscription/resume").json()
    assert going_on["subscription"]["cancel_at_period_end"] is False
    assert buyer.ask("POST", "subscription/resume").status_code == 409


def test_it_ends_now_where_that_is_asked(buyer: Buyer) -> None:
    buyer.begin("team")

    ended = buyer.ask("POST", "subscription/cancel", {"now": True}).json()

    assert ended == {"current_plan": "free", "subscription": None}


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "subscription"), ("POST", "subscription/cancel"), ("POST", "subscription/resume")]
)
def test_without_one_there_is_nothing_to_change(buyer: Buyer, method: str, path: str) -> None:
    answer = buyer.ask(method, path, {"plan": "team"})

    assert (answer.status_code, answer.json()["code"]) == (404, "no_subscription")


def test_one_that_staff_gave_is_replaced_by_what_is_bought(buyer: Buyer) -> None:
    subscriptions.put_on_plan(buyer.person.workspace, "enterprise", at=now())

    assert buyer.begin("starter")["current_plan"] == "starter"
    assert Subscription.objects.filter(workspace=buyer.person.workspace).open().count() == 1


@pytest.mark.parametrize("name", ["success_url", "cancel_url"])
@pytest.mark.parametrize("address", ["https://evil.example/", "javascript:alert(1)", "//evil.example", "not one"])
def test_only_our_front_ends_are_come_back_to(buyer: Buyer, name: str, address: str) -> None:
    answer = buyer.ask("POST", "checkout", {"plan": "team", name: address})

    assert answer.status_code == 400
    assert name in answer.json()["errors"]


def test_the_portal_is_a_page(buyer: Buyer) -> None:
    page = buyer.ask("POST", "portal", {}).json()

    assert buyer.product.http.get(page["url"]).status_code == 200


def test_cards_are_listed_made_default_and_forgotten(buyer: Buyer) -> None:
    buyer.save_card()
    buyer.save_card(FAILS_LATER)
    cards = buyer.ask("GET", "payment-methods").json()
    other = next(card for card in cards if not card["is_default"])

    after = buyer.ask("POST", f"payment-methods/{other['id']}/default").json()
    assert [card["is_default"] for card in after if card["id"] == other["id"]] == [True]

    gone = next(card for card in after if not card["is_default"])
    assert buyer.ask("DELETE", f"payment-methods/{gone['id']}").status_code == 204
    assert [card["id"] for card in buyer.ask("GET", "payment-methods").json()] == [other["id"]]


def test_the_summary_says_what_comes_next(buyer: Buyer) -> None:
    begun = buyer.begin("team")

    told = buyer.ask("GET", "summary").json()

    assert (told["current_plan"], told["status"], told["simulated"]) == ("team", "active", True)
    assert told["next_payment"] == {"currency": "USD", "amount": 7900}
    assert told["next_payment_at"] == begun["subscription"]["current_period_end"]
    assert told["paid_amounts"] == [{"currency": "USD", "amount": 7900}]
    assert told["open_amounts"] == []


def test_the_history_tells_it_newest_first(buyer: Buyer) -> None:
    buyer.begin("team")
    buyer.ask("POST", "subscription/cancel", {})

    assert buyer.history()[:2] == ["subscription.changed", "subscription.cancel_asked"]
    assert {"subscription.begun", "invoice.paid", "subscription.asked"} <= set(buyer.history())


def test_who_did_it_stands_in_the_log(buyer: Buyer) -> None:
    buyer.begin("team")

    asked = AuditEntry.objects.get(workspace=buyer.person.workspace, action="subscription.asked")
    assert (asked.actor_id, asked.after) == (buyer.person.user.pk, {"plan": "team"})


def test_members_who_may_not_pay_cannot(product: Product) -> None:
    team, bob = as_role("member")
    headers = {**bob.session, "x-workspace": str(team.workspace.pk)}

    answer = product.http.post(f"{API}/checkout", json={"plan": "team"}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_a_payment_that_fails_is_told_and_the_plan_goes_on_for_a_while(buyer: Buyer) -> None:
    buyer.begin("team")
    buyer.save_card(FAILS_LATER)
    failing = next(card for card in buyer.ask("GET", "payment-methods").json() if card["last4"] == "0341")
    buyer.ask("POST", f"payment-methods/{failing['id']}/default")
    subscription = Subscription.objects.get(workspace=buyer.person.workspace)
    customer = customers.customer_of(buyer.person.workspace, DemoGateway())

    with demo_clock.acting(customer.stripe_id, at=now()) as gateway:
        gateway.play_renewal(subscription.stripe_id)

    told = buyer.ask("GET", "subscription").json()
    assert (told["current_plan"], told["subscription"]["status"]) == ("team", "past_due")
    assert buyer.ask("GET", "summary").json()["open_amounts"] == [{"currency": "USD", "amount": 7900}]
    assert "invoice.payment_failed" in buyer.history()


def test_a_lower_plan_waits_for_the_end_of_what_is_paid_and_gives_nothing_back(buyer: Buyer) -> None:
    end = buyer.begin("team")["subscription"]["current_period_end"]
    preview = buyer.ask("POST", "subscription/preview", {"plan": "starter"}).json()
    assert (preview["total"], preview["lines"], preview["counts_from"]) == (0, [], end)

    changed = buyer.ask("PATCH", "subscription", {"plan": "starter"}).json()

    assert (changed["current_plan"], changed["subscription"]["next_plan"]) == ("team", "starter")
    assert len(buyer.ask("GET", "invoices").json()["results"]) == 1


def test_it_is_taken_back_without_a_bill(buyer: Buyer) -> None:
    buyer.begin("team")
    buyer.ask("PATCH", "subscription", {"plan": "starter"})

    back = buyer.ask("PATCH", "subscription", {"plan": "team"}).json()

    assert (back["current_plan"], back["subscription"]["next_plan"]) == ("team", None)
    assert len(buyer.ask("GET", "invoices").json()["results"]) == 1


def test_a_higher_one_is_counted_against_what_is_paid_once_that_is_chosen_again(buyer: Buyer) -> None:
    buyer.begin("team")
    buyer.ask("PATCH", "subscription", {"plan": "starter"})
    for path, method in (("subscription", "PATCH"), ("subscription/preview", "POST")):
        answer = buyer.ask(method, path, {"plan": "scale"})
        assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_change")

    buyer.ask("PATCH", "subscription", {"plan": "team"})
    buyer.ask("PATCH", "subscription", {"plan": "scale"})

    newest = buyer.ask("GET", "invoices").json()["results"][0]
    assert [line["amount"] for line in newest["lines"]] == [-7900, 19900]


def test_the_lower_one_counts_from_the_renewal_on(buyer: Buyer) -> None:
    buyer.begin("team")
    buyer.ask("PATCH", "subscription", {"plan": "starter"})
    subscription = Subscription.objects.get(workspace=buyer.person.workspace)

    customer = customers.customer_of(buyer.person.workspace, DemoGateway())
    with demo_clock.acting(customer.stripe_id, at=now() + timedelta(days=1)) as gateway:
        gateway.play_renewal(subscription.stripe_id)

    told = buyer.ask("GET", "subscription").json()
    assert (told["current_plan"], told["subscription"]["next_plan"]) == ("starter", None)
    assert buyer.ask("GET", "invoices").json()["results"][0]["total"] == 2900


def test_a_preview_older_than_the_last_bill_is_refused(buyer: Buyer) -> None:
    buyer.begin("starter")
    early = (now() - timedelta(minutes=5)).isoformat()

    answer = buyer.ask("PATCH", "subscription", {"plan": "team", "previewed_at": early})

    assert (answer.status_code, answer.json()["code"]) == (409, "preview_stale")
    assert buyer.ask("GET", "subscription").json()["current_plan"] == "starter"


def test_who_owes_pays_before_changing(buyer: Buyer) -> None:
    buyer.begin("team")
    Subscription.objects.filter(workspace=buyer.person.workspace).update(status="past_due")

    for path, method in (("subscription", "PATCH"), ("subscription/preview", "POST")):
        answer = buyer.ask(method, path, {"plan": "scale"})
        assert (answer.status_code, answer.json()["code"]) == (402, "payment_overdue")


def test_the_card_that_pays_is_kept_while_it_is_needed(buyer: Buyer) -> None:
    buyer.begin("team")
    [card] = buyer.ask("GET", "payment-methods").json()

    answer = buyer.ask("DELETE", f"payment-methods/{card['id']}")

    assert (answer.status_code, answer.json()["code"]) == (409, "card_in_use")
    assert buyer.ask("GET", "payment-methods").json() == [card]
