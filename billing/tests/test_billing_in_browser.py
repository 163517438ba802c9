"""The whole life of a subscription, as a person plays it in a browser against `make run`, without a key of Stripe's."""

from __future__ import annotations

import re

import httpx2
import pytest
from playwright.sync_api import Page, expect

from config.tests.browser import chromium as chromium
from config.tests.browser import fill, look_at, press
from config.tests.browser import tab as tab
from config.tests.launching import Run
from config.tests.launching import environment as environment
from config.tests.launching import folder as folder
from config.tests.launching import run as run

PASSWORD = "a long enough one"
GOOD = "4242 4242 4242 4242"
MASTERCARD = "5555 5555 5555 4444"
DECLINED = "4000 0000 0000 0002"
FAILS_LATER = "4000 0000 0000 0341"
ASKS = "4000 0025 0000 3155"

pytestmark = pytest.mark.browser


def come_in(tab: Page, run: Run, email: str) -> None:
    newcomer = {"email": email, "password": PASSWORD, "name": "Ada"}
    httpx2.post(f"{run.started()['url']}/api/v1/auth/register", json=newcomer).raise_for_status()
    tab.goto("/account/billing")
    fill(tab, mail=email, Password=PASSWORD)
    press(tab, "Sign in")
    expect(tab.get_by_text("Payments are simulated here")).to_be_visible()


def choose_card(tab: Page, number: str) -> None:
    tab.get_by_role("radio", name=number).check()


def add_card(tab: Page, number: str) -> None:
    tab.get_by_text("Add a card", exact=True).click()
    choose_card(tab, number)
    press(tab, "Add it, and pay by it")


def plan_is(tab: Page, words: str) -> None:
    expect(tab.locator("#plan .mark")).to_have_text(words)


def test_a_person_chooses_pays_fails_recovers_and_leaves(tab: Page, run: Run) -> None:
    come_in(tab, run, "ada@example.com")

    # Choose, look around, come back.
    press(tab, "Choose Team")
    expect(tab).to_have_url(re.compile("/billing/demo/checkout/demo_cs_"))
    look_at(tab, "demo-checkout")
    tab.get_by_role("link", name="Go back without paying").click()
    expect(tab.get_by_text("Nothing was paid.")).to_be_visible()

    # Pay: refused first, then asked by the bank, then paid.
    press(tab, "Choose Team")
    choose_card(tab, DECLINED)
    press(tab, "Pay")
    expect(tab.get_by_text("The card was declined.")).to_be_visible()
    look_at(tab, "demo-checkout-refused")
    fill(tab, Promotion_code="demo20")
    choose_card(tab, ASKS)
    press(tab, "Pay")
    look_at(tab, "demo-authentication")
    press(tab, "Fail")
    expect(tab.get_by_text("so it does not pay")).to_be_visible()
    choose_card(tab, ASKS)
    press(tab, "Pay")
    press(tab, "Authenticate")
    expect(tab).to_have_url(re.compile("/account/billing$"))
    expect(tab.locator("[data-plan]")).to_have_text("Team")
    expect(tab.locator("[data-status]")).to_have_text("Active")

    # Fail.
    press(tab, "Cards and invoices")
    plan_is(tab, "Active")
    look_at(tab, "demo-portal")
    add_card(tab, FAILS_LATER)
    expect(tab.get_by_text("The card is kept")).to_be_visible()
    press(tab, "Play the next renewal")
    plan_is(tab, "Payment failed")
    look_at(tab, "demo-portal-past-due")
    press(tab, "Play the next retry")
    plan_is(tab, "Payment failed")
    add_card(tab, DECLINED)
    expect(tab.get_by_text("The card was declined.")).to_be_visible()
    look_at(tab, "demo-portal-refused")
    tab.get_by_role("link", name="Go back").click()
    expect(tab.locator("[data-status]")).to_have_text("Payment failed")
    expect(tab.locator("[data-plan]")).to_have_text("Team")

    # Recover.
    press(tab, "Cards and invoices")
    add_card(tab, GOOD)
    plan_is(tab, "Active")
    press(tab, "Play the next renewal")
    plan_is(tab, "Active")
    tab.locator("#invoices a").first.click()
    expect(tab.get_by_role("heading", name="Invoice")).to_be_visible()
    look_at(tab, "demo-invoice")
    paper = tab.request.get(tab.get_by_role("link", name="As PDF").get_attribute("href") or "")
    assert paper.body().startswith(b"%PDF-")
    tab.go_back()

    # Cancel, take it back, cancel for good.
    press(tab, "Cancel at the period's end")
    plan_is(tab, "Ends soon")
    look_at(tab, "demo-portal-ending")
    press(tab, "Keep the plan")
    plan_is(tab, "Active")
    tab.get_by_text("Cancel now", exact=True).click()
    look_at(tab, "demo-portal-sure")
    press(tab, "End it now")
    plan_is(tab, "Ended")
    look_at(tab, "demo-portal-ended")
    tab.get_by_role("link", name="Go back").click()
    expect(tab.locator("[data-plan]")).to_have_text("Free")


def test_a_person_who_never_pays_again_loses_the_plan(tab: Page, run: Run) -> None:
    come_in(tab, run, "bea@example.com")
    press(tab, "Choose Starter")
    tab.get_by_text("Type a test number instead").click()
    fill(tab, Number_of_a_test_card=FAILS_LATER)
    look_at(tab, "demo-checkout-typed")
    press(tab, "Pay")
    expect(tab.locator("[data-plan]")).to_have_text("Starter")

    press(tab, "Cards and invoices")
    press(tab, "Play the next renewal")
    for _ in range(3):
        plan_is(tab, "Payment failed")
        press(tab, "Play the next retry")
    plan_is(tab, "Ended")

    tab.get_by_role("link", name="Go back").click()
    expect(tab.locator("[data-plan]")).to_have_text("Free")


def test_a_person_buys_packs_with_and_without_a_saved_card_and_gets_one_paid_back(tab: Page, run: Run) -> None:
    come_in(tab, run, "cleo@example.com")

    # Without a card: at a checkout.
    press(tab, "Buy 50 operations")
    expect(tab).to_have_url(re.compile("/billing/demo/checkout/demo_cs_"))
    look_at(tab, "demo-checkout-pack")
    press(tab, "Pay")
    expect(tab.get_by_text("Thank you for your payment.")).to_be_visible()
    expect(tab.locator("[data-bought] .mark")).to_have_text("Paid")

    # With one, at once; one that does not pay says so.
    press(tab, "Cards and invoices")
    choose_card(tab, GOOD)
    press(tab, "Add it, and pay by it")
    tab.get_by_role("link", name="Go back").click()
    press(tab, "Buy 100,000 tokens")
    expect(tab.get_by_text("100,000 tokens: bought.")).to_be_visible()
    press(tab, "Cards and invoices")
    add_card(tab, FAILS_LATER)
    tab.get_by_role("button", name="Play its refund").first.click()
    expect(tab.locator("#payments .mark").first).to_have_text("Paid back")
    look_at(tab, "demo-portal-packs")
    tab.get_by_role("link", name="Go back").click()
    press(tab, "Buy 50 operations")
    expect(tab.get_by_role("alert")).to_contain_text("declined")
    tab.reload()
    expect(tab.locator("[data-bought] .mark").first).to_have_text("Failed")
    look_at(tab, "billing-packs")
