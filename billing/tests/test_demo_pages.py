"""The simulated checkout and portal, over HTTP: who may use them, what they do, and what they never do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Barrier

import httpx2
import pytest
from django.utils.timezone import now

from accounts.tests.factories import Person, person
from billing.gateways.demo import coupons
from billing.gateways.demo.cards import NUMBERS
from billing.models import Customer, Invoice, Simulated, Subscription
from billing.tests.demo import ASKS, DECLINED, EMPTY, FAILS_LATER, GOOD, MASTERCARD, Buyer, a_price
from config.tests.product import Product, started
from conftest import UNHURRIED

DONE = "https://shop.example/done?checkout=yes"
LEFT = "https://shop.example/left"
HOME = "https://shop.example/home"
STATIC = re.compile(r'(?:src|href)="(/static/[^"]+)"')


@dataclass
class Visitor:
    """A browser on one page. It keeps the cookie of the page it looked at last."""

    product: Product
    page: str
    cookie: str = ""

    def look(self) -> httpx2.Response:
        with httpx2.Client(base_url=self.product.url, timeout=30) as browser:
            answer = browser.get(self.page)
        self.cookie = answer.headers.get("set-cookie", "").partition(";")[0]
        return answer

    def token(self) -> str:
        return str(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.look().text)[0])

    def send(self, **form: str) -> httpx2.Response:
        return self.post(csrfmiddlewaretoken=self.token(), **form)

    def post(self, **form: str) -> httpx2.Response:
        with httpx2.Client(base_url=self.product.url, timeout=30) as browser:
            return browser.post(self.page, data=form, headers={"cookie": self.cookie})


@pytest.fixture
def buyer(alice: Person) -> Buyer:
    return Buyer(alice, now().replace(microsecond=0))


def path(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def checkout(product: Product, buyer: Buyer, amount: int = 2900, *, trial_days: int = 0) -> Visitor:
    purchase = replace(buyer.purchase(a_price(amount, trial_days=trial_days)), success_url=DONE, cancel_url=LEFT)
    return Visitor(product, path(buyer.gateway.start_checkout(purchase).url))


def portal(product: Product, buyer: Buyer) -> Visitor:
    return Visitor(product, path(buyer.gateway.open_portal(buyer.id, return_url=HOME).url))


def status_of(buyer: Buyer) -> list[str]:
    return list(Subscription.objects.filter(workspace=buyer.person.workspace).values_list("status", flat=True))


# The checkout


def test_the_checkout_says_what_is_bought_and_that_it_is_simulated(demo_product: Product, buyer: Buyer) -> None:
    page = checkout(demo_product, buyer, 2900).look()

    assert page.status_code == 200
    for words in ("Plan 2900", "$29.00 a month", "Simulated", "no money moves", LEFT, coupons.CODE):
        assert words in page.text
    for number in NUMBERS:
        assert number.spaced in page.text
        assert number.does in page.text


def test_who_pays_is_led_back_and_subscribed(demo_product: Product, buyer: Buyer) -> None:
    answer = checkout(demo_product, buyer).send(card=GOOD.number)

    assert (answer.status_code, answer.headers["location"]) == (302, DONE)
    assert status_of(buyer) == ["active"]
    assert [bill.amount_paid for bill in buyer.bills()] == [2900]


def test_a_typed_number_goes_before_the_chosen_one(demo_product: Product, buyer: Buyer) -> None:
    checkout(demo_product, buyer).send(card=DECLINED.number, number="5555 5555 5555 4444")

    assert [card.last4 for card in buyer.gateway.cards(buyer.id)] == ["4444"]


def test_the_promotion_code_counts(demo_product: Product, buyer: Buyer) -> None:
    checkout(demo_product, buyer, 1000).send(card=GOOD.number, code="demo20")

    assert [bill.amount_paid for bill in buyer.bills()] == [800]


def test_a_trial_begins_without_a_payment(demo_product: Product, buyer: Buyer) -> None:
    visitor = checkout(demo_product, buyer, trial_days=14)

    assert "14 days free" in visitor.look().text
    visitor.send(card=GOOD.number)
    assert (status_of(buyer), [bill.amount_paid for bill in buyer.bills()]) == (["trialing"], [0])


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"card": DECLINED.number}, 402, "The card was declined."),
        ({"card": EMPTY.number}, 402, "insufficient funds"),
        ({"card": GOOD.number, "code": "FREE"}, 400, "no such promotion code"),
        ({"number": "4111 1111 1111 1111"}, 400, "Never type the number of a real card"),
        ({"number": "hello"}, 400, "test numbers alone"),
        ({"number": "4242\x004242"}, 400, "test numbers alone"),
        ({}, 400, "Choose one of the test cards."),
    ],
)
def test_what_does_not_pay_is_said_on_the_page(
    demo_product: Product, buyer: Buyer, form: dict[str, str], status: int, words: str
) -> None:
    visitor = checkout(demo_product, buyer)

    answer = visitor.send(**form)

    assert answer.status_code == status
    assert words in answer.text
    assert (status_of(buyer), buyer.bills()) == ([], [])
    assert visitor.send(card=GOOD.number).status_code == 302


def test_a_number_that_is_no_test_number_is_neither_repeated_nor_kept(demo_product: Product, buyer: Buyer) -> None:
    real = "4111111111111111"

    answer = checkout(demo_product, buyer).send(number=real)

    assert real not in answer.text
    assert not [row for row in Simulated.objects.filter(customer_id=buyer.id) if real in str(row.data)]


def test_a_card_that_asks_is_answered_on_a_page_of_its_own(demo_product: Product, buyer: Buyer) -> None:
    visitor = checkout(demo_product, buyer)

    asked = visitor.send(card=ASKS.number, code="DEMO20")
    failed = visitor.send(card=ASKS.number, code="DEMO20", authenticated="no")
    paid = visitor.send(card=ASKS.number, code="DEMO20", authenticated="yes")

    assert (asked.status_code, "Authenticate" in asked.text, 'value="DEMO20"' in asked.text) == (200, True, True)
    assert (failed.status_code, "does not pay" in failed.text) == (402, True)
    assert (paid.status_code, status_of(buyer)) == (302, ["active"])


def test_a_form_that_is_sent_many_times_at_once_pays_once(demo_product: Product, buyer: Buyer) -> None:
    visitor = checkout(demo_product, buyer)
    token = visitor.token()
    together = Barrier(8)

    def pay(_: int) -> str:
        together.wait()
        return visitor.post(csrfmiddlewaretoken=token, card=GOOD.number).headers.get("location", "")

    with ThreadPoolExecutor(8) as clicks:
        led_to = set(clicks.map(pay, range(8)))

    assert led_to == {DONE}
    assert (status_of(buyer), len(buyer.bills()), len(buyer.gateway.cards(buyer.id))) == (["active"], 1, 1)


def test_two_checkouts_at_once_are_one_subscription(demo_product: Product, buyer: Buyer) -> None:
    visitors = [checkout(demo_product, buyer) for _ in range(4)]
    tokens = [visitor.token() for visitor in visitors]
    together = Barrier(4)

    def pay(number: int) -> int:
        together.wait()
        return visitors[number].post(csrfmiddlewaretoken=tokens[number], card=GOOD.number).status_code

    with ThreadPoolExecutor(4) as clicks:
        answers = sorted(clicks.map(pay, range(4)))

    assert answers == [302, 400, 400, 400]
    assert (status_of(buyer), len(buyer.bills())) == (["active"], 1)


def test_a_checkout_that_was_paid_leads_on(demo_product: Product, buyer: Buyer) -> None:
    visitor = checkout(demo_product, buyer)
    visitor.send(card=GOOD.number)

    assert visitor.look().headers["location"] == DONE


# The portal


@pytest.fixture
def customer(demo_product: Product, buyer: Buyer) -> Buyer:
    """Who has bought."""
    assert checkout(demo_product, buyer).send(card=GOOD.number).status_code == 302
    return buyer


def test_the_portal_shows_plan_card_and_invoice(demo_product: Product, customer: Buyer) -> None:
    page = portal(demo_product, customer).look()

    [bill] = customer.bills()
    for words in (
        "Plan 2900",
        "Active",
        "It renews on",
        "Visa ending in 4242",
        bill.number,
        "$29.00",
        HOME,
        "Simulated",
    ):
        assert words in page.text


def test_it_says_where_there_is_nothing(demo_product: Product, buyer: Buyer) -> None:
    page = portal(demo_product, buyer).look()

    for words in ("No plan", "None is kept.", "There is none yet."):
        assert words in page.text


def test_a_life_is_played_to_its_end(demo_product: Product, customer: Buyer) -> None:
    visitor = portal(demo_product, customer)
    seen = []

    def do(act: str, **form: str) -> None:
        answer = visitor.send(act=act, **form)
        assert answer.status_code == 302, answer.text
        [status] = status_of(customer)
        seen.append((act, status, customer.bills()[-1].status))

    do("add-card", card=FAILS_LATER.number)
    do("play-renewal")
    do("play-retry")
    assert "The last payment failed." in visitor.look().text
    do("add-card", card=MASTERCARD.number)
    do("end-with-period")
    assert "Ends soon" in visitor.look().text
    do("resume")
    do("play-renewal")
    do("end-now")

    assert seen == [
        ("add-card", "active", "paid"),
        ("play-renewal", "past_due", "open"),
        ("play-retry", "past_due", "open"),
        ("add-card", "active", "paid"),
        ("end-with-period", "active", "paid"),
        ("resume", "active", "paid"),
        ("play-renewal", "active", "paid"),
        ("end-now", "canceled", "paid"),
    ]
    assert "It ended on" in visitor.look().text


def test_cards_are_chosen_and_removed(demo_product: Product, customer: Buyer) -> None:
    visitor = portal(demo_product, customer)
    visitor.send(act="add-card", card=MASTERCARD.number)
    new, old = customer.gateway.cards(customer.id)

    visitor.send(act="choose-card", card_id=old.id)
    visitor.send(act="remove-card", card_id=new.id)

    assert [(card.id, card.is_default) for card in customer.gateway.cards(customer.id)] == [(old.id, True)]


@pytest.mark.parametrize("act", ["choose-card", "remove-card"])
def test_another_s_card_is_not_there(demo_product: Product, customer: Buyer, charlie: Person, act: str) -> None:
    other = Buyer(charlie)
    other.gateway.add_card(other.id, GOOD, authenticated=False)
    [card] = other.gateway.cards(other.id)

    answer = portal(demo_product, customer).send(act=act, card_id=card.id)

    assert (answer.status_code, "There is no such card." in answer.text) == (400, True)
    assert other.gateway.cards(other.id) == [card]


def test_a_card_that_asks_is_answered_in_the_portal_too(demo_product: Product, customer: Buyer) -> None:
    visitor = portal(demo_product, customer)

    assert "Authenticate" in visitor.send(act="add-card", card=ASKS.number).text
    assert visitor.send(act="add-card", card=ASKS.number, authenticated="yes").status_code == 302
    assert [card.last4 for card in customer.gateway.cards(customer.id) if card.is_default] == ["3155"]


@pytest.mark.parametrize("act", ["", "play-everything", "resume\x00"])
def test_nothing_else_can_be_done(demo_product: Product, customer: Buyer, act: str) -> None:
    assert portal(demo_product, customer).send(act=act).status_code == 400


def test_what_cannot_be_done_is_said(demo_product: Product, customer: Buyer) -> None:
    visitor = portal(demo_product, customer)
    visitor.send(act="end-now")

    answer = visitor.send(act="end-with-period")

    assert (answer.status_code, "has ended" in answer.text) == (400, True)


# Invoices


def test_an_invoice_has_a_page_and_a_paper(demo_product: Product, customer: Buyer) -> None:
    [bill] = customer.bills()

    page = demo_product.http.get(path(bill.hosted_url))
    paper = demo_product.http.get(path(bill.pdf_url))

    for words in (bill.number, "Simulated", "Plan 2900", "$29.00", "Paid"):
        assert words in page.text
    assert (paper.headers["content-type"], paper.content[:8], paper.content[-6:]) == (
        "application/pdf", b"%PDF-1.4", b"%%EOF\n",
    )  # fmt: skip
    for said in (bill.number.encode(), b"SIMULATED", b"$29.00"):
        assert said in paper.content


def test_a_paper_s_table_says_where_its_objects_begin(demo_product: Product, customer: Buyer) -> None:
    paper = demo_product.http.get(path(customer.bills()[0].pdf_url)).content

    begins = [int(entry) for entry in re.findall(rb"(\d{10}) 00000 n", paper)]
    assert [paper[begin:].split(b" obj", 1)[0] for begin in begins] == [b"%d 0" % number for number in range(1, 6)]
    assert paper[int(re.findall(rb"startxref\n(\d+)", paper)[0]) :].startswith(b"xref")


# Who may


def test_without_its_id_no_page_is_there(demo_product: Product, customer: Buyer) -> None:
    for kind in ("checkout", "portal", "invoices"):
        assert demo_product.http.get(f"/billing/demo/{kind}/demo_cs_nothing").status_code == 404


def test_an_id_opens_its_own_kind_of_page_alone(demo_product: Product, customer: Buyer) -> None:
    bought, cards = checkout(demo_product, customer).page, portal(demo_product, customer).page

    for address in (bought.replace("checkout", "portal"), cards.replace("portal", "checkout")):
        assert demo_product.http.get(address).status_code == 404


@pytest.mark.parametrize(("kind", "lives"), [("checkout", timedelta(hours=24)), ("portal", timedelta(hours=1))])
def test_a_page_is_there_for_its_time(demo_product: Product, alice: Person, kind: str, lives: timedelta) -> None:
    opened = {"checkout": checkout, "portal": portal}[kind]
    fresh = opened(demo_product, Buyer(alice, now() - lives + timedelta(minutes=1)))
    stale = opened(demo_product, Buyer(alice, now() - lives - timedelta(seconds=1)))

    assert (fresh.look().status_code, stale.look().status_code) == (200, 404)
    assert stale.post(card=GOOD.number).status_code in (403, 404)
    assert status_of(Buyer(alice)) == []


def test_who_leaves_has_no_page_any_more(demo_product: Product, customer: Buyer) -> None:
    visitor, [bill] = portal(demo_product, customer), customer.bills()
    Customer.objects.filter(stripe_id=customer.id).update(leaving_at=now())

    assert visitor.look().status_code == 404
    assert demo_product.http.get(path(bill.hosted_url)).status_code == 404


@pytest.mark.parametrize("opened", [checkout, portal])
def test_a_form_of_another_site_is_refused(demo_product: Product, buyer: Buyer, opened: object) -> None:
    visitor: Visitor = opened(demo_product, buyer)  # type: ignore[operator]

    assert visitor.post(card=GOOD.number, act="add-card").status_code == 403
    assert buyer.gateway.cards(buyer.id) == []


@pytest.fixture(scope="module")
def stripe_product(database: None) -> Iterator[Product]:
    """The product with a key of Stripe's, which is never asked here."""
    with started({**UNHURRIED, "STRIPE_SECRET_KEY": "sk_test_" + "a" * 24}) as running:
        yield running


def test_where_stripe_is_set_up_none_of_it_is_there(stripe_product: Product, alice: Person) -> None:
    buyer = Buyer(alice, now())
    buyer.buy(a_price())
    pages = [
        checkout(stripe_product, buyer).page,
        portal(stripe_product, buyer).page,
        path(buyer.bills()[0].hosted_url),
    ]

    assert [stripe_product.http.get(page).status_code for page in pages] == [404] * 3


# What a page holds


@pytest.fixture(scope="module")
def pages(demo_product: Product, database: None) -> dict[str, httpx2.Response]:
    buyer = Buyer(person("Alice"), now().replace(microsecond=0))
    first = checkout(demo_product, buyer)
    found = {"checkout": first.look(), "authentication": first.send(card=ASKS.number)}
    found["refused"] = first.send(card=DECLINED.number)
    first.send(card=GOOD.number)
    found["portal"] = portal(demo_product, buyer).look()
    found["invoice"] = demo_product.http.get(path(buyer.bills()[0].hosted_url))
    return found


PAGES = ["checkout", "authentication", "refused", "portal", "invoice"]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_plainly_that_it_is_simulated(pages: dict[str, httpx2.Response], name: str) -> None:
    assert '<p class="simulated" role="note"><b>Simulated</b>: no money moves.</p>' in pages[name].text


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_kept_nowhere_and_listed_nowhere(pages: dict[str, httpx2.Response], name: str) -> None:
    assert "no-store" in pages[name].headers["cache-control"]
    assert '<meta name="robots" content="noindex">' in pages[name].text


@pytest.mark.parametrize("name", PAGES)
def test_a_page_runs_no_script_and_loads_nothing_of_others(pages: dict[str, httpx2.Response], name: str) -> None:
    policy, html = pages[name].headers["content-security-policy"], pages[name].text

    assert policy.startswith("default-src 'none'; style-src 'self'; img-src data:; form-action 'self'")
    assert "unsafe" not in policy
    assert "script" not in html
    assert not re.findall(r"<style|\s(?:style|on\w+)=", html)
    others = set(re.findall(r'"(?:https?:)?(//[^"]+)"', html))
    assert others <= {f"//{url.split('//')[1]}" for url in (LEFT, HOME)}


@pytest.mark.parametrize("name", PAGES)
def test_all_that_a_page_refers_to_is_served(
    demo_product: Product, pages: dict[str, httpx2.Response], name: str
) -> None:
    found = STATIC.findall(pages[name].text)

    assert len(found) == 2
    assert [demo_product.http.get(address).status_code for address in found] == [200, 200]


def test_the_checkout_s_form_may_lead_where_it_was_asked_to_and_nowhere_else(
    pages: dict[str, httpx2.Response],
) -> None:
    def allowed(name: str) -> str:
        return str(re.findall(r"form-action ([^;]+)", pages[name].headers["content-security-policy"])[0])

    assert allowed("checkout") == allowed("refused") == allowed("authentication") == "'self' https://shop.example"
    assert allowed("portal") == allowed("invoice") == "'self'"


def test_a_promotion_code_is_shown_as_text(demo_product: Product, buyer: Buyer) -> None:
    answer = checkout(demo_product, buyer).send(card=DECLINED.number, code='"><b>bold')

    assert "<b>bold" not in answer.text
    assert Invoice.objects.filter(workspace=buyer.person.workspace).count() == 0
