"""The life of a subscription at a Stripe that keeps books, told by its own signed webhooks over real sockets.

What entitles is looked at after each step: `subscriptions.current_plan`, which is what quotas ask.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.tests.factories import Person
from billing.models import Invoice, Plan, StripeEvent, Subscription
from billing.tests.buyers import NEWS_TAKES, Customers, catalogue
from billing.tests.localstripe import client
from billing.tests.localstripe.client import DECLINED, FAILS_LATER, WANTS_MORE, WORKS, LocalStripe
from config.tests.product import Product, eventually


@pytest.fixture
def buyer(alice: Person, paid_product: Product, localstripe: LocalStripe) -> Customers:
    catalogue(localstripe)
    return Customers(alice, paid_product, localstripe)


# Buying


def test_who_pays_on_stripes_page_is_on_the_plan(buyer: Customers) -> None:
    session = buyer.begin("team")
    assert buyer.plan == "free"

    buyer.stripe.pay_on_page(session)

    buyer.will_be_on("team")
    subscription = buyer.ask("GET", "/subscription").json()
    assert (subscription["current_plan"], subscription["subscription"]["status"]) == ("team", "active")
    eventually(lambda: [invoice.status for invoice in buyer.invoices] == ["paid"], within=NEWS_TAKES)
    assert buyer.invoices[0].total == Plan.objects.get(slug="team").prices.current().get().amount
    news = StripeEvent.objects.filter(customer_id=buyer.customer_id)
    eventually(lambda: not news.filter(handled_at=None).exists(), within=NEWS_TAKES)
    assert "checkout.session.completed" in news.values_list("type", flat=True)


def test_a_card_that_is_declined_buys_nothing(buyer: Customers) -> None:
    session = buyer.begin("team")

    with pytest.raises(AssertionError, match="declined"):
        buyer.stripe.pay_on_page(session, DECLINED)

    assert buyer.plan == "free"
    assert buyer.ask("GET", "/subscription").json()["subscription"] is None


def test_a_saved_card_buys_without_a_page(buyer: Customers) -> None:
    buyer.save_card(WORKS)

    answer = buyer.ask("POST", "/subscription", plan="starter")

    assert (answer.status_code, answer.json()["current_plan"], buyer.plan) == (201, "starter", "starter")


def test_a_saved_card_that_fails_is_said_and_buys_nothing(buyer: Customers) -> None:
    buyer.save_card(FAILS_LATER)

    answer = buyer.ask("POST", "/subscription", plan="starter")

    assert (answer.status_code, answer.json()["code"]) == (402, "payment_refused")
    assert buyer.plan == "free"


def test_a_saved_card_whose_bank_wants_to_ask_is_said_so_and_buys_nothing(buyer: Customers) -> None:
    buyer.save_card(WANTS_MORE)

    answer = buyer.ask("POST", "/subscription", plan="starter")

    assert (answer.status_code, answer.json()["needs_action"], buyer.plan) == (402, True, "free")


def test_what_waits_for_the_bank_entitles_when_the_bank_has_asked(buyer: Customers) -> None:
    buyer.save_card(WANTS_MORE)
    buyer.stripe.subscribe(buyer.customer_id, "starter_month_v1")
    eventually(lambda: buyer.subscriptions == ["incomplete"], within=NEWS_TAKES)
    assert buyer.plan == "free"

    buyer.stripe.authenticate(buyer.customer_id)

    buyer.will_be_on("starter")


def test_who_subscribed_is_not_sent_to_a_checkout_again(buyer: Customers) -> None:
    buyer.buy()

    answer = buyer.ask("POST", "/checkout", plan="starter")

    assert (answer.status_code, answer.json()["code"]) == (409, "already_subscribed")


# Changing


def test_a_change_is_previewed_and_counts_at_once(buyer: Customers) -> None:
    buyer.buy("starter")

    preview = buyer.ask("POST", "/subscription/preview", plan="team")
    changed = buyer.ask("PATCH", "/subscription", plan="team", previewed_at=preview.json()["at"])

    assert preview.status_code == 200
    assert (changed.status_code, changed.json()["current_plan"], buyer.plan) == (200, "team", "team")


def test_a_change_made_at_stripe_is_heard_of(buyer: Customers) -> None:
    subscription = buyer.buy("starter")

    buyer.stripe.change(subscription.stripe_id, "team_month_v1")

    buyer.will_be_on("team")
    assert Subscription.objects.filter(workspace=buyer.person.workspace).count() == 1


# Ending


def test_cancelled_now_it_ends_now(buyer: Customers) -> None:
    buyer.buy()

    answer = buyer.ask("POST", "/subscription/cancel", now=True)

    assert (answer.json()["current_plan"], buyer.plan, buyer.subscription.status) == ("free", "free", "canceled")


def test_cancelled_at_stripe_it_ends_when_the_news_comes(buyer: Customers) -> None:
    subscription = buyer.buy()

    buyer.stripe.call("DELETE", f"/v1/subscriptions/{subscription.stripe_id}")

    buyer.will_be_on("free")


def test_cancelled_with_its_period_it_goes_on_and_can_be_resumed(buyer: Customers) -> None:
    buyer.buy()

    buyer.ask("POST", "/subscription/cancel", now=False)
    assert (buyer.plan, buyer.subscription.cancel_at_period_end) == ("team", True)
    assert buyer.subscription.entitled_until == buyer.subscription.current_period_end

    buyer.ask("POST", "/subscription/resume")
    assert (buyer.plan, buyer.subscription.cancel_at_period_end) == ("team", False)


# Failing, and recovering


def test_a_renewal_that_fails_leaves_some_days_and_a_card_that_works_brings_it_back(buyer: Customers) -> None:
    subscription = buyer.buy()
    buyer.save_card(FAILS_LATER)

    invoice_id = buyer.stripe.renew(buyer.customer_id, subscription.stripe_id)
    eventually(lambda: buyer.subscription.status == "past_due", within=NEWS_TAKES)
    eventually(lambda: "payment_failed" in buyer.letters, within=NEWS_TAKES)
    assert buyer.plan == "team"

    buyer.save_card(WORKS)
    buyer.stripe.pay(invoice_id)
    eventually(lambda: buyer.subscription.status == "active", within=NEWS_TAKES)
    eventually(lambda: "payment_recovered" in buyer.letters, within=NEWS_TAKES)
    assert buyer.letters.count("payment_failed") == 1


def test_a_refund_at_stripe_is_noted_with_the_invoice(buyer: Customers) -> None:
    buyer.buy()
    eventually(lambda: [invoice.status for invoice in buyer.invoices] == ["paid"], within=NEWS_TAKES)

    buyer.stripe.refund(buyer.invoices[0].stripe_id, 500)

    eventually(lambda: buyer.invoices[0].refunded == 500, within=NEWS_TAKES)


# Cards and pages


def test_cards_are_listed_chosen_and_forgotten(buyer: Customers) -> None:
    first, second = buyer.save_card(WORKS), buyer.save_card("5555555555554444")

    listed = {card["id"]: (card["last4"], card["is_default"]) for card in buyer.ask("GET", "/payment-methods").json()}
    assert listed == {first: ("4242", False), second: ("4444", True)}

    buyer.ask("POST", f"/payment-methods/{first}/default")
    assert buyer.ask("DELETE", f"/payment-methods/{second}").status_code == 204
    kept = [(card["id"], card["is_default"]) for card in buyer.ask("GET", "/payment-methods").json()]
    assert kept == [(first, True)]


def test_another_s_card_is_not_there(buyer: Customers, charlie: Person) -> None:
    card = buyer.save_card(WORKS)
    stranger = Customers(charlie, buyer.product, buyer.stripe)

    assert stranger.ask("DELETE", f"/payment-methods/{card}").status_code == 404
    assert [kept["id"] for kept in buyer.ask("GET", "/payment-methods").json()] == [card]


def test_the_portal_opens(buyer: Customers) -> None:
    answer = buyer.ask("POST", "/portal")

    assert (answer.status_code, answer.json()["url"]) == (201, "http://localhost/portal")


# Leaving nothing to chance


def test_what_webhooks_left_out_is_found_by_the_resync(buyer: Customers, settings: Settings) -> None:
    settings.STRIPE_API_HOST, settings.STRIPE_SECRET_KEY = buyer.stripe.url, client.KEY
    subscription = buyer.buy()
    Subscription.objects.filter(pk=subscription.pk).update(status="canceled")
    Invoice.objects.filter(workspace=buyer.person.workspace).delete()
    assert buyer.plan == "free"

    with suppress(CommandError):  # Customers of other tests, who are at another Stripe, are left out, and said so.
        call_command("resync_billing")

    assert buyer.plan == "team"
    assert [invoice.status for invoice in buyer.invoices] == ["paid"]
