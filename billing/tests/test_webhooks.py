"""Stripe's news: believed by its signature alone, counted once, in any order, and never lost."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import permutations
from typing import Any

import httpx2
import pytest
import stripe
from django.db import connection, connections
from django.test import Client
from django.utils.timezone import now
from pytest_django import Settings

from accounts import erasure
from accounts.audit import SYSTEM
from accounts.bodies import MalformedBody
from accounts.models import AuditEntry, Letter
from accounts.tests.factories import Person, person
from billing import subscriptions, webhooks
from billing.errors import UnknownShape
from billing.models import Customer, Invoice, Plan, StripeEvent, Subscription
from billing.tests import little_stripe, payloads
from billing.tests.little_stripe import LittleStripe, signed
from billing.tests.payloads import Json
from config.tests.product import Product, eventually, running

ADDRESS = "/api/v1/billing/webhooks/stripe"


@dataclass
class Buyer:
    """Somebody who is a customer at little Stripe."""

    person: Person
    customer_id: str
    little: LittleStripe

    def subscribed(self, plan: str = "team", **others: Any) -> Json:
        """Their subscription, from now on as Stripe has it."""
        price = Plan.objects.get(slug=plan).prices.current().get()
        said = payloads.subscription(self.customer_id, payloads.price(price.lookup_key, price.amount), **others)
        self.little.has(said)
        return said

    def billed(self, subscription: Json, **others: Any) -> Json:
        said = payloads.invoice(self.customer_id, subscription["id"], **others)
        self.little.has(said)
        return said

    @property
    def plan(self) -> str:
        return subscriptions.current_plan(self.person.workspace.pk).slug

    @property
    def letters(self) -> list[str]:
        return list(Letter.objects.filter(to=self.person.user.email).values_list("kind", flat=True))


def buyer(little: LittleStripe) -> Buyer:
    alice = person("Alice")
    customer = Customer.objects.create(workspace=alice.workspace, gateway="stripe", stripe_id=payloads.some_id("cus"))
    return Buyer(alice, customer.stripe_id, little)


@pytest.fixture
def alice(database: None, little: LittleStripe, settings: Settings) -> Buyer:
    """She buys at little Stripe, which this process asks too."""
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET = little_stripe.KEY, little_stripe.SECRET
    settings.STRIPE_API_HOST = little.url
    return buyer(little)


def post(product: Product, event: Json) -> httpx2.Response:
    body, headers = signed(event)
    return httpx2.post(f"{product.url}{ADDRESS}", content=body, headers=headers, timeout=30)


def received(event: Json) -> StripeEvent:
    body, headers = signed(event)
    return webhooks.receive(body, headers["stripe-signature"])


def told(event: Json) -> bool:
    return webhooks.handle(received(event).id, at=now())


# A signature, and nothing else, opens the door


def forged(body: bytes, headers: dict[str, str]) -> Iterator[tuple[bytes, dict[str, str]]]:
    yield body, {"content-type": "application/json"}
    yield body, headers | {"stripe-signature": "t=1,v1=0"}
    yield body, headers | {"stripe-signature": "nonsense"}
    yield body.replace(b"active", b"activ3"), headers
    yield b"\xff" + body, headers


@pytest.mark.parametrize("which", range(5))
def test_what_is_not_signed_by_stripe_is_not_stored(told_product: Product, alice: Buyer, which: int) -> None:
    event = payloads.event("customer.subscription.updated", alice.subscribed())
    body, headers = list(forged(*signed(event)))[which]

    answer = told_product.http.post(ADDRESS, content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_signature")
    assert not StripeEvent.objects.filter(pk=event["id"]).exists()


@pytest.mark.parametrize("forgery", [{"secret": "whsec_another"}, {"at": time.time() - 301}], ids=["secret", "age"])
def test_what_was_signed_otherwise_or_long_ago_is_not_stored(
    told_product: Product, alice: Buyer, forgery: dict[str, Any]
) -> None:
    event = payloads.event("customer.subscription.updated", alice.subscribed())
    body, headers = signed(event, **forgery)

    answer = told_product.http.post(ADDRESS, content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_signature")
    assert not StripeEvent.objects.filter(pk=event["id"]).exists()


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (b"nonsense", MalformedBody),
        (b"[]", MalformedBody),
        (b'{"id": "evt_\\u0000"}', MalformedBody),
        (
            b'{"id": "evt_1", "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found"}',
            UnknownShape,
        ),
    ],
    ids=["no JSON", "no object", "nothing a database holds", "no event of this kind"],
)
def test_what_stripe_signs_and_is_no_event_is_not_stored(alice: Buyer, body: bytes, failure: type[Exception]) -> None:
    signature = stripe.WebhookSignature.generate_signature_header(body.decode(), little_stripe.SECRET)

    with pytest.raises(failure):
        webhooks.receive(body, signature)


def test_a_body_larger_than_any_event_is_not_read(told_product: Product) -> None:
    answer = told_product.http.post(ADDRESS, content=b" " * (1024 * 1024 + 1))

    assert answer.status_code == 413


@pytest.mark.parametrize("missing", ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"])
def test_without_a_secret_there_is_no_door(alice: Buyer, settings: Settings, missing: str) -> None:
    setattr(settings, missing, "")
    body, headers = signed(payloads.event("invoice.paid", alice.billed(alice.subscribed())))

    answer = Client().post(ADDRESS, body, content_type="application/json", headers=headers)

    assert answer.status_code == 404


# Once


def test_fifty_at_once_count_once(told_product: Product, alice: Buyer, little: LittleStripe) -> None:
    invoice = alice.billed(alice.subscribed(status="past_due"), status="open", next_payment_attempt=1_800_000_000)
    event = payloads.event("invoice.payment_failed", invoice)

    with ThreadPoolExecutor(50) as crowd:
        answers = list(crowd.map(lambda _: post(told_product, event), range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert [answer.json()["handled"] for answer in answers].count(True) == 1
    assert alice.letters.count("payment_failed") == 1
    assert little.times_asked(invoice) == 1


def test_two_events_of_the_same_bring_one_letter(alice: Buyer) -> None:
    invoice = alice.billed(alice.subscribed(status="past_due"), status="open")

    for kind in ("invoice.payment_failed", "invoice.updated", "invoice.payment_action_required"):
        assert told(payloads.event(kind, invoice))

    assert alice.letters.count("payment_failed") == 1


def test_the_end_of_a_trial_is_told_once(alice: Buyer) -> None:
    trial = alice.subscribed(status="trialing", trial_end=int(time.time()) + 3 * payloads.DAY)

    for _ in range(2):
        assert told(payloads.event("customer.subscription.trial_will_end", trial))

    assert alice.letters.count("trial_will_end") == 1


# In any order


def outcome(alice: Buyer) -> dict[str, Any]:
    subscription = Subscription.objects.get(workspace=alice.person.workspace)
    invoice = Invoice.objects.get(workspace=alice.person.workspace)
    log = AuditEntry.objects.filter(workspace=alice.person.workspace)
    return {
        "plan": alice.plan,
        "subscription": (subscription.status, subscription.plan_id, subscription.cancel_at_period_end),
        "invoice": (invoice.status, invoice.amount_paid, invoice.subscription == subscription, invoice.refunded),
        "log": sorted(log.exclude(action__startswith="api_key").values_list("action", flat=True)),
        "letters": sorted(alice.letters),
    }


def checkout_of(buyer: Buyer) -> list[Json]:
    """The events of a checkout. Some were written when it had not come to its end."""
    subscription = buyer.subscribed()
    invoice = buyer.billed(subscription)
    workspace_id = buyer.person.workspace.pk
    session = payloads.checkout_session(buyer.customer_id, subscription["id"], invoice["id"], workspace_id)
    return [
        payloads.event("checkout.session.completed", session),
        payloads.event("customer.subscription.created", subscription | {"status": "incomplete"}),
        payloads.event("invoice.paid", invoice),
        payloads.event("customer.subscription.updated", subscription),
        payloads.event("invoice.finalized", invoice | {"status": "open", "amount_paid": 0}),
    ]


@pytest.mark.parametrize("count", [3, pytest.param(5, marks=pytest.mark.slow)])
def test_every_order_of_a_checkouts_events_ends_the_same(alice: Buyer, little: LittleStripe, count: int) -> None:
    outcomes = []
    for order in permutations(range(count)):
        bob = buyer(little)
        events = checkout_of(bob)

        assert all(told(events[index]) for index in order)

        outcomes.append(outcome(bob))
    assert all(each == outcomes[0] for each in outcomes)
    assert outcomes[0]["plan"] == "team"
    assert outcomes[0]["invoice"] == ("paid", 7900, True, 0)


def test_an_older_answer_that_comes_last_does_not_stay(alice: Buyer, little: LittleStripe) -> None:
    """Two workers ask Stripe about the same subscription; the first is told it runs, and is slow to write that down."""
    running_one = alice.subscribed()
    first, second = (received(payloads.event("customer.subscription.updated", running_one)) for _ in range(2))

    with ThreadPoolExecutor(2) as workers, little.holding(running_one) as slow:
        one = workers.submit(in_thread, first)
        assert slow.came.wait(5)
        little.has(running_one | {"status": "canceled", "ended_at": int(time.time())})
        other = workers.submit(in_thread, second)
        eventually(lambda: other.done() or somebody_waits_for_a_lock())
        slow.let_go.set()
        assert one.result(10)
        assert other.result(10)

    assert Subscription.objects.get(stripe_id=running_one["id"]).status == "canceled"
    assert alice.plan == "free"


def in_thread(event: StripeEvent) -> bool:
    try:
        return webhooks.handle(event.id, at=now())
    finally:
        connections.close_all()


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(cursor.fetchone()[0])


# Never lost


def test_a_failure_is_kept_with_its_reason_and_the_next_try_counts_once(
    told_product: Product, alice: Buyer, little: LittleStripe
) -> None:
    invoice = alice.billed(alice.subscribed(status="past_due"), status="open")
    event = payloads.event("invoice.payment_failed", invoice)

    with little.failing(invoice):
        assert post(told_product, event).status_code == 503
    kept = StripeEvent.objects.get(pk=event["id"])
    assert (kept.handled_at, kept.tries, kept.error.partition(":")[0]) == (None, 1, "GatewayUnavailable")
    assert alice.letters == []
    assert not Subscription.objects.filter(workspace=alice.person.workspace).exists()

    assert post(told_product, event).json() == {"id": event["id"], "handled": True}
    assert post(told_product, event).json() == {"id": event["id"], "handled": False}
    assert alice.letters == ["payment_failed"]
    assert StripeEvent.objects.get(pk=event["id"]).error == ""


def test_what_was_killed_in_the_middle_is_as_if_it_had_not_begun(alice: Buyer, little: LittleStripe) -> None:
    invoice = alice.billed(alice.subscribed(status="past_due"), status="open")
    event = received(payloads.event("invoice.payment_failed", invoice))
    environment = {"STRIPE_SECRET_KEY": little_stripe.KEY, "STRIPE_API_HOST": little.url}

    with little.holding(invoice) as held:
        with running([sys.executable, "manage.py", "handle_events"], environment) as process:
            assert held.came.wait(20)
            process.kill()
        held.let_go.set()
    assert alice.letters == []
    assert not Subscription.objects.filter(workspace=alice.person.workspace).exists()
    assert StripeEvent.objects.get(pk=event.id).handled_at is None

    # PostgreSQL has to notice first that the one who held it is gone.
    eventually(lambda: webhooks.handle(event.id, at=now()))

    assert alice.letters == ["payment_failed"]


def test_a_second_one_does_not_wait_for_the_first(alice: Buyer, little: LittleStripe) -> None:
    """Or a slow Stripe, which repeats itself, would use up the connections to the database."""
    subscription = alice.subscribed()
    event = received(payloads.event("customer.subscription.updated", subscription))

    with ThreadPoolExecutor(1) as workers, little.holding(subscription) as slow:
        first = workers.submit(in_thread, event)
        assert slow.came.wait(5)
        assert not webhooks.handle(event.id, at=now())
        slow.let_go.set()
        assert first.result(10)


def test_each_try_waits_longer_than_the_one_before(alice: Buyer) -> None:
    event = received(payloads.event("invoice.paid", alice.billed(alice.subscribed())))
    arrived = StripeEvent.objects.get(pk=event.id).received_at

    for tries, minutes in [(0, 0), (1, 1), (4, 15), (11, 2047)]:
        StripeEvent.objects.filter(pk=event.id).update(tries=tries)
        assert not is_due(event, arrived + timedelta(minutes=minutes, seconds=-1))
        assert is_due(event, arrived + timedelta(minutes=minutes, seconds=1))
    StripeEvent.objects.filter(pk=event.id).update(tries=webhooks.TRIES)
    assert not is_due(event, arrived + timedelta(days=30))


def is_due(event: StripeEvent, at: Any) -> bool:
    return webhooks.due(at).filter(pk=event.id).exists()


def test_one_that_was_given_up_can_be_tried_again(alice: Buyer) -> None:
    event = received(payloads.event("customer.subscription.updated", alice.subscribed()))
    StripeEvent.objects.filter(pk=event.id).update(tries=webhooks.TRIES, error="GatewayRejected: no")

    assert webhooks.try_again(StripeEvent.objects.filter(pk=event.id)) == 1
    webhooks.handle_waiting(now())

    assert StripeEvent.objects.get(pk=event.id).handled_at
    assert alice.plan == "team"


def test_one_that_fails_again_does_not_hold_up_the_others(alice: Buyer, little: LittleStripe) -> None:
    broken = alice.subscribed()
    other = buyer(little)
    waiting = [
        received(payloads.event("customer.subscription.updated", broken, at=1)),
        received(payloads.event("customer.subscription.updated", other.subscribed())),
    ]

    with little.failing(broken):
        webhooks.handle_waiting(now())

    assert [bool(StripeEvent.objects.get(pk=each.id).handled_at) for each in waiting] == [False, True]
    assert other.plan == "team"
    webhooks.handle(waiting[0].id, at=now())


def test_an_event_that_stripe_no_longer_repeats_is_forgotten(alice: Buyer) -> None:
    event = received(payloads.event("invoice.paid", alice.billed(alice.subscribed())))
    StripeEvent.objects.filter(pk=event.id).update(received_at=now() - timedelta(days=31))

    assert webhooks.forget_old(now()) >= 1

    assert not StripeEvent.objects.filter(pk=event.id).exists()


def test_who_is_erased_while_an_event_is_handled_is_erased(alice: Buyer, little: LittleStripe) -> None:
    """Each holds what the other wants, if they do not look out."""
    subscription = alice.subscribed()
    event = received(payloads.event("customer.subscription.updated", subscription))

    with ThreadPoolExecutor(2) as workers, little.holding(subscription) as slow:
        handling = workers.submit(in_thread, event)
        assert slow.came.wait(5)
        erasing = workers.submit(erased_in_thread, alice.person)
        eventually(lambda: erasing.done() or somebody_waits_for_a_row())
        slow.let_go.set()
        assert handling.result(10)
        erasing.result(10)

    erasure.sweep(now())
    assert StripeEvent.objects.get(pk=event.id).payload == {}
    assert Subscription.objects.get(workspace=alice.person.workspace).status == "canceled"


def erased_in_thread(somebody: Person) -> None:
    try:
        erasure.erase(somebody.user.pk, by=SYSTEM, at=now())
    finally:
        connections.close_all()


def somebody_waits_for_a_row() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted")
        return bool(cursor.fetchone()[0])


# What they are about


@pytest.mark.parametrize(
    ("status", "plan"),
    [
        ("trialing", "team"),
        ("active", "team"),
        ("past_due", "team"),
        ("unpaid", "free"),
        ("paused", "free"),
        ("incomplete", "free"),
        ("incomplete_expired", "free"),
        ("canceled", "free"),
    ],
)
def test_each_status_entitles_to_its_plan_or_to_the_default(alice: Buyer, status: str, plan: str) -> None:
    assert told(payloads.event("customer.subscription.updated", alice.subscribed(status=status)))

    assert (Subscription.objects.get(workspace=alice.person.workspace).status, alice.plan) == (status, plan)


def test_a_stranger_of_another_product_is_none_of_our_business(alice: Buyer, little: LittleStripe) -> None:
    strange = payloads.subscription(payloads.some_id("cus"), payloads.price("other_month_v1"))
    event = payloads.event("customer.subscription.created", strange)

    assert told(event)

    kept = StripeEvent.objects.get(pk=event["id"])
    assert (kept.payload, bool(kept.handled_at)) == ({}, True)
    assert little.times_asked(strange) == 0


def test_what_is_not_awaited_is_kept_and_brings_nothing_about(alice: Buyer) -> None:
    event = payloads.event("payment_method.attached", {"id": "pm_1", "object": "payment_method", "customer": None})

    assert told(event)

    assert StripeEvent.objects.get(pk=event["id"]).handled_at


@pytest.mark.parametrize("kind", ["charge.refunded", "refund.created"])
def test_a_refund_is_noted_with_its_invoice(alice: Buyer, little: LittleStripe, kind: str) -> None:
    invoice = alice.billed(alice.subscribed())
    intent = payloads.some_id("pi")
    payment = {"object": "invoice_payment", "id": "inpay_1", "invoice": invoice["id"]}
    paid = payment | {"payment": {"type": "payment_intent", "payment_intent": intent}}
    refunds = [{"object": "refund", "id": "re_1", "amount": 500, "status": "succeeded"}]
    little.objects["/v1/invoice_payments"] = payloads.page(paid)
    little.objects["/v1/refunds"] = payloads.page(*refunds, refunds[0] | {"id": "re_2", "status": "failed"})
    about = {"object": "charge", "id": "ch_1", "customer": alice.customer_id, "payment_intent": intent}

    try:
        assert told(payloads.event(kind, about))
    finally:
        del little.objects["/v1/invoice_payments"], little.objects["/v1/refunds"]

    assert Invoice.objects.get(stripe_id=invoice["id"]).refunded == 500


def test_a_credit_note_is_noted_with_its_invoice(alice: Buyer) -> None:
    invoice = alice.billed(alice.subscribed(), post_payment_credit_notes_amount=1000)
    note = {"object": "credit_note", "id": "cn_1", "customer": alice.customer_id, "invoice": invoice["id"]}

    assert told(payloads.event("credit_note.created", note))

    assert Invoice.objects.get(stripe_id=invoice["id"]).credited == 1000


def test_a_new_card_pays_what_is_owed(alice: Buyer, little: LittleStripe) -> None:
    subscription = alice.subscribed(status="past_due", latest_invoice="in_owed")
    little.objects["/v1/subscriptions"] = payloads.page(subscription)
    changed = payloads.event("customer.updated", payloads.customer(alice.customer_id), before={"invoice_settings": {}})
    little.asked.clear()

    try:
        assert told(payloads.event("customer.updated", payloads.customer(alice.customer_id), before={"name": "A"}))
        assert little.asked == []
        assert told(changed)
    finally:
        del little.objects["/v1/subscriptions"]

    assert "POST /v1/invoices/in_owed/pay" in little.asked


def test_a_customer_who_was_deleted_at_stripe_is_none_any_more(alice: Buyer, little: LittleStripe) -> None:
    subscription = alice.subscribed()
    assert told(payloads.event("customer.subscription.created", subscription))
    little.has(subscription | {"status": "canceled", "ended_at": int(time.time())})

    assert told(payloads.event("customer.deleted", payloads.customer(alice.customer_id)))

    assert alice.plan == "free"
    assert not Customer.objects.filter(stripe_id=alice.customer_id).exists()
