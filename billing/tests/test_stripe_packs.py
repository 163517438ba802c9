"""Credit packs at Stripe: what is asked of it, and its news, which count once in any order."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import pytest
from django.utils.timezone import now

from accounts.audit import SYSTEM
from accounts.models import AuditEntry
from accounts.tests.factories import Person
from billing import packs, resync
from billing.errors import PaymentRefused, PaymentRequired, UnknownShape
from billing.gateways import PackOrder
from billing.gateways.stripe import StripeGateway
from billing.models import Customer, PackPurchase
from billing.projections import project_payment
from billing.signals import pack_paid
from billing.tests import little_stripe, payloads
from billing.tests.little_stripe import LittleStripe
from billing.tests.payloads import Json
from billing.tests.test_webhooks import Buyer, post, told
from billing.tests.test_webhooks import alice as alice
from config.tests.product import Product

WAYS = {"success_url": "https://app.example/done", "cancel_url": "https://app.example/left"}
INTENTS, SESSIONS = "POST /v1/payment_intents", "POST /v1/checkout/sessions"


@pytest.fixture
def gateway(alice: Buyer) -> StripeGateway:
    return StripeGateway(little_stripe.KEY)


@pytest.fixture(autouse=True)
def as_before(little: LittleStripe) -> Iterator[None]:
    """The next test answers for itself."""
    yield
    little.answers.clear()


def order(alice: Buyer) -> PackOrder:
    return PackOrder(uuid4(), alice.customer_id, alice.person.workspace.pk, "50 operations", 300, "USD")


def asked(little: LittleStripe, what: str) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(little.bodies[what]).items()}


def refusal(code: str, decline_code: str | None = None) -> tuple[int, Any]:
    said = {"type": "card_error", "code": code, "decline_code": decline_code, "message": "Your card was declined."}
    return 402, {"error": said}


def a_purchase(alice: Buyer, **others: Any) -> PackPurchase:
    terms = {"pack_id": "operations-50", "meter": "operations", "amount": 50, "price": 300, "currency": "USD"}
    told = {"workspace": alice.person.workspace, "gateway": "stripe", "created_at": now(), **terms, **others}
    return PackPurchase.objects.create(**told)


def paid(alice: Buyer, purchase: PackPurchase, **others: Any) -> Json:
    """Its payment, from now on as Stripe has it."""
    payment = payloads.payment_intent(alice.customer_id, purchase.pk, **others)
    alice.little.has(payment)
    return payment


def with_card(alice: Buyer, card_id: str | None = "pm_1") -> None:
    customer = payloads.customer(alice.customer_id)
    customer["invoice_settings"]["default_payment_method"] = card_id
    alice.little.has(customer)


def log(alice: Buyer) -> list[str]:
    found = AuditEntry.objects.filter(workspace=alice.person.workspace, action__startswith="pack.")
    return list(found.order_by("pk").values_list("action", flat=True))


# What is asked of it


def test_a_checkout_is_paid_once_and_names_its_purchase(
    gateway: StripeGateway, alice: Buyer, little: LittleStripe
) -> None:
    wanted = order(alice)
    little.answers[SESSIONS] = (200, payloads.pack_session(alice.customer_id, wanted.id))

    page = gateway.start_pack_checkout(wanted, **WAYS)

    said = asked(little, SESSIONS)
    assert page.url.startswith("https://checkout.stripe.com/")
    assert (said["mode"], said["customer"]) == ("payment", alice.customer_id)
    assert said["line_items[0][price_data][unit_amount]"] == "300"
    assert said["line_items[0][price_data][currency]"] == "usd"
    assert said["metadata[purchase]"] == said["payment_intent_data[metadata][purchase]"] == str(wanted.id)
    assert little.keys[SESSIONS] == f"checkout of purchase {wanted.id}"


def test_a_card_is_charged_while_nobody_is_there_under_the_purchase_s_key(
    gateway: StripeGateway, alice: Buyer, little: LittleStripe
) -> None:
    wanted = order(alice)
    little.answers[INTENTS] = (200, payloads.payment_intent(alice.customer_id, wanted.id))

    gateway.charge(wanted, "pm_1")

    said = asked(little, INTENTS)
    assert (said["amount"], said["currency"], said["payment_method"]) == ("300", "usd", "pm_1")
    assert (said["confirm"], said["off_session"]) == ("true", "true")
    assert said["metadata[purchase]"] == str(wanted.id)
    assert little.keys[INTENTS] == f"purchase {wanted.id}"


@pytest.mark.parametrize(
    ("answer", "extra"),
    [
        (refusal("card_declined", "insufficient_funds"), ("insufficient_funds", False)),
        (refusal("authentication_required"), ("authentication_required", True)),
    ],
)
def test_a_card_that_does_not_pay_is_a_refusal(
    gateway: StripeGateway, alice: Buyer, little: LittleStripe, answer: Any, extra: tuple[str, bool]
) -> None:
    little.answers[INTENTS] = answer

    with pytest.raises(PaymentRefused) as refused:
        gateway.charge(order(alice), "pm_1")

    assert (refused.value.extra["decline_code"], refused.value.extra["needs_action"]) == extra


def test_the_card_that_pays_is_the_customer_s_or_else_their_subscription_s(
    gateway: StripeGateway, alice: Buyer, little: LittleStripe
) -> None:
    with_card(alice, None)
    assert gateway.card_that_pays(alice.customer_id) == ""

    subscription = payloads.subscription(alice.customer_id, payloads.price("x_month_v1"), default_payment_method="pm_2")
    little.answers["GET /v1/subscriptions"] = (200, payloads.page(subscription))
    assert gateway.card_that_pays(alice.customer_id) == "pm_2"

    with_card(alice, "pm_1")
    assert gateway.card_that_pays(alice.customer_id) == "pm_1"


def test_who_must_authenticate_is_sent_to_a_checkout_and_still_buys_one_pack(
    gateway: StripeGateway, alice: Buyer, little: LittleStripe
) -> None:
    with_card(alice)
    little.answers[INTENTS] = refusal("authentication_required")
    session = payloads.pack_session(alice.customer_id, "any")
    little.answers[SESSIONS] = (200, session)

    with pytest.raises(PaymentRequired):
        packs.buy(gateway, alice.person.workspace, packs.named("operations-50"), **WAYS, by=SYSTEM, at=now())

    [purchase] = packs.bought(alice.person.workspace.pk)
    assert (purchase.state, purchase.stripe_id) == ("open", session["id"])
    failed = payloads.payment_intent(alice.customer_id, purchase.pk, status="requires_payment_method")
    alice.little.has(session, failed)
    assert told(payloads.event("payment_intent.payment_failed", failed))
    purchase.refresh_from_db()
    assert purchase.state == "open"


# What it says


SAYS: list[tuple[Json, tuple[str, int, str]]] = [
    (payloads.payment_intent("cus_1", "x"), ("paid", 0, "")),
    (payloads.payment_intent("cus_1", "x", refunded=100), ("paid", 100, "")),
    (payloads.payment_intent("cus_1", "x", status="processing"), ("open", 0, "")),
    (payloads.payment_intent("cus_1", "x", status="canceled"), ("failed", 0, "It was not paid.")),
    (
        payloads.payment_intent(
            "cus_1", "x", status="requires_payment_method", last_payment_error={"message": "Declined."}
        ),
        ("failed", 0, "Declined."),
    ),
    (payloads.pack_session("cus_1", "x"), ("open", 0, "")),
    (payloads.pack_session("cus_1", "x", payloads.payment_intent("cus_1", "x")), ("paid", 0, "")),
    (
        payloads.pack_session("cus_1", "x", status="expired"),
        ("failed", 0, "Nothing was paid while its page was there."),
    ),
]


@pytest.mark.parametrize(("said", "seen"), SAYS)
def test_what_stripe_says_is_read(said: Json, seen: tuple[str, int, str]) -> None:
    told = project_payment(said)

    assert (told.status, told.refunded, told.error) == seen
    assert (told.paid_at is not None) is (told.status == "paid")


@pytest.mark.parametrize("said", [{}, payloads.pack_session("cus_1", "x", status="complete"), {"object": "charge"}])
def test_what_is_no_payment_is_not_guessed(said: Json) -> None:
    with pytest.raises(UnknownShape):
        project_payment(said)


# Its news


def news_of(alice: Buyer) -> tuple[PackPurchase, list[Json]]:
    """Of a pack that was bought at a checkout. The first of them was written before it was paid."""
    purchase = a_purchase(alice)
    payment = paid(alice, purchase)
    session = payloads.pack_session(alice.customer_id, purchase.pk, payment)
    alice.little.has(session)
    PackPurchase.objects.filter(pk=purchase.pk).update(stripe_id=session["id"])
    return purchase, [
        payloads.event("checkout.session.completed", session | {"payment_intent": payment["id"]}),
        payloads.event("payment_intent.succeeded", payment),
        payloads.event("payment_intent.payment_failed", payment | {"status": "requires_payment_method"}),
    ]


def test_every_order_of_its_news_ends_the_same_and_is_told_of_once(alice: Buyer, little: LittleStripe) -> None:
    heard: list[Any] = []

    def listener(purchase: Any, **_: Any) -> None:
        heard.append(purchase)

    pack_paid.connect(listener)
    try:
        for many, chosen in enumerate(permutations(range(3)), start=1):
            purchase, events = news_of(alice)
            assert all(told(events[index]) for index in chosen)
            purchase.refresh_from_db()
            assert (purchase.state, purchase.stripe_id[:3]) == ("paid", "pi_")
            assert len(heard) == many
            assert heard[-1] == purchase.pk
    finally:
        pack_paid.disconnect(listener)
    assert log(alice) == ["pack.paid"] * 6


def test_fifty_at_once_are_paid_once(told_product: Product, alice: Buyer, little: LittleStripe) -> None:
    purchase, events = news_of(alice)
    twin = events[1] | {"id": payloads.some_id("evt")}

    with ThreadPoolExecutor(50) as crowd:
        answers = list(crowd.map(lambda number: post(told_product, [events[1], twin][number % 2]), range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert [answer.json()["handled"] for answer in answers].count(True) == 2
    purchase.refresh_from_db()
    assert purchase.state == "paid"
    assert log(alice) == ["pack.paid"]


def test_what_is_paid_back_at_stripe_is_refunded(alice: Buyer) -> None:
    purchase = a_purchase(alice)
    payment = paid(alice, purchase)
    assert told(payloads.event("payment_intent.succeeded", payment))
    alice.little.has(payment | {"latest_charge": payment["latest_charge"] | {"amount_refunded": 300}})

    for _ in range(2):
        assert told(payloads.event("charge.refunded", payment["latest_charge"]))

    purchase.refresh_from_db()
    assert (purchase.state, purchase.refunded) == ("refunded", 300)
    assert log(alice) == ["pack.paid", "pack.refunded"]


@pytest.mark.parametrize("named", ["", "of another product", "00000000-0000-4000-8000-000000000000"])
def test_news_of_something_else_that_was_paid_brings_nothing_about(alice: Buyer, named: str) -> None:
    assert told(payloads.event("payment_intent.succeeded", payloads.payment_intent(alice.customer_id, named)))

    assert log(alice) == []


def test_nobody_s_payment_pays_for_the_pack_of_another(alice: Buyer, little: LittleStripe, charlie: Person) -> None:
    purchase = a_purchase(alice)
    his = Buyer(charlie, payloads.some_id("cus"), little)
    Customer.objects.create(workspace=charlie.workspace, gateway="stripe", stripe_id=his.customer_id)

    assert told(payloads.event("payment_intent.succeeded", paid(his, purchase)))

    purchase.refresh_from_db()
    assert (purchase.state, log(alice)) == ("open", [])


# Whatever was lost


def test_the_resync_finds_what_was_paid_and_paid_back_though_nobody_said_so(
    gateway: StripeGateway, alice: Buyer, little: LittleStripe
) -> None:
    lost, back = a_purchase(alice), a_purchase(alice, created_at=now() - timedelta(days=3))
    found = payloads.payment_intent(alice.customer_id, lost.pk)
    payment = paid(alice, back, refunded=300)
    PackPurchase.objects.filter(pk=back.pk).update(stripe_id=payment["id"], state="paid", paid_at=back.created_at)
    others = payloads.payment_intent(alice.customer_id, "another")
    little.answers["GET /v1/payment_intents"] = (200, payloads.page(others, found))

    resync.resync_one(gateway, Customer.objects.get(stripe_id=alice.customer_id), at=now())

    lost.refresh_from_db()
    back.refresh_from_db()
    assert (lost.state, lost.stripe_id) == ("paid", found["id"])
    assert (back.state, back.refunded) == ("refunded", 300)


def test_one_purchase_the_resync_cannot_ask_about_is_told_with_its_customer(
    gateway: StripeGateway, alice: Buyer, little: LittleStripe
) -> None:
    broken = payloads.payment_intent(alice.customer_id, "x")
    a_purchase(alice, stripe_id=broken["id"])

    with little.failing(broken):
        done = resync.resync(gateway, at=now())

    assert alice.customer_id in done.failed
