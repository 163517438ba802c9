"""Our verbs at Stripe: what is asked twice is done once, and what fails has our names and takes no longer than said."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.utils.timezone import now
from pytest_django import Settings

from accounts.models import Workspace
from accounts.tests.factories import Person, person
from billing.errors import GatewayRejected, GatewayUnavailable
from billing.gateways import Purchase
from billing.gateways.stripe import StripeGateway
from billing.models import Overage, Plan, PlanLimit, Price
from billing.projections import project_invoice
from billing.tests import little_stripe, payloads
from billing.tests.little_stripe import LittleStripe
from billing.tests.localstripe import client
from billing.tests.localstripe.client import WORKS, LocalStripe
from config.tests.product import Product, started
from conftest import UNHURRIED


@pytest.fixture
def gateway(database: None, localstripe: LocalStripe, settings: Settings) -> StripeGateway:
    settings.STRIPE_API_HOST = localstripe.url
    return StripeGateway(client.KEY)


def a_plan(*, overage: int | None = None) -> Price:
    """The price of a plan of one's own, which may bill operations beyond it."""
    slug = f"plan-{uuid4().hex[:12]}"
    plan = Plan.objects.create(slug=slug, name="Gold", description="All of it", rank=99, is_offered=False)
    PlanLimit.objects.create(plan=plan, meter="operations", window="month", limit=10, overage_price=overage)
    return Price.objects.create(plan=plan, currency="USD", amount=2000)


def pushed(gateway: StripeGateway, **terms: Any) -> Price:
    price = a_plan(**terms)
    gateway.push_plan(price.plan)
    gateway.push_price(price)
    return price


def subscribed(gateway: StripeGateway, stripe: LocalStripe, workspace: Workspace, price: Price) -> Any:
    customer_id = gateway.create_customer(workspace.pk, name="Alice", email="alice@example.com")
    stripe.give_card(customer_id, WORKS)
    return gateway.subscribe(purchase(customer_id, workspace, price))


def purchase(customer_id: str, workspace: Workspace, price: Price) -> Purchase:
    return Purchase(customer_id, workspace.pk, price, 0, "http://localhost/yes", "http://localhost/no")


def prices(subscription: Any) -> list[str]:
    return [item["price"]["lookup_key"] for item in subscription["items"]["data"]]


# Twice is once


def test_a_workspace_is_one_customer_whatever_it_is_called_by_then(gateway: StripeGateway) -> None:
    workspace_id = uuid4()

    first = gateway.create_customer(workspace_id, name="Alice", email="alice@example.com")
    second = gateway.create_customer(workspace_id, name="Alice & Bob", email="bob@example.com")

    assert first == second


def test_a_customer_who_is_gone_may_be_deleted(gateway: StripeGateway) -> None:
    customer_id = gateway.create_customer(uuid4(), name="Alice", email="alice@example.com")

    for _ in range(2):
        gateway.delete_customer(customer_id)


def test_a_catalogue_pushed_twice_changes_nothing(gateway: StripeGateway) -> None:
    price = a_plan(overage=8)

    assert gateway.push_plan(price.plan)
    price_id = gateway.push_price(price)
    assert not gateway.push_plan(price.plan)
    assert gateway.push_price(price) == price_id
    assert not gateway.push_meter("operations", 8)

    price.plan.name = "Platinum"
    assert gateway.push_plan(price.plan)


def test_who_asks_again_for_a_subscription_gets_the_one_there_is(
    gateway: StripeGateway, localstripe: LocalStripe, alice: Person
) -> None:
    """The answer to the first may have been lost."""
    price = pushed(gateway)
    first = subscribed(gateway, localstripe, alice.workspace, price)

    again = gateway.subscribe(purchase(first["customer"], alice.workspace, price))

    assert again["id"] == first["id"]


def test_overage_reported_twice_counts_once(gateway: StripeGateway, localstripe: LocalStripe, alice: Person) -> None:
    customer_id = gateway.create_customer(alice.workspace.pk, name="Alice", email="alice@example.com")
    used = {"meter": "operations", "units": 3, "unit_price": 8, "used_at": now()}
    overage = Overage(workspace=alice.workspace, entry_id=1, **used)

    for _ in range(2):
        gateway.report(customer_id, overage)

    heard = localstripe.call("GET", "/_config/meter_events")
    mine = [event for event in heard if event["payload"]["stripe_customer_id"] == customer_id]
    assert [(event["event_name"], event["payload"]["value"]) for event in mine] == [("operations_beyond_plan", "3")]


# What a subscription consists of


def test_a_plan_that_bills_overage_has_its_metered_price_beside_it(
    gateway: StripeGateway, localstripe: LocalStripe, alice: Person
) -> None:
    price = pushed(gateway, overage=8)

    subscription = subscribed(gateway, localstripe, alice.workspace, price)

    assert prices(subscription) == [price.lookup_key, "operations_overage_8_month"]


def test_a_change_takes_the_metered_price_along_brings_it_or_drops_it(
    gateway: StripeGateway, localstripe: LocalStripe, alice: Person
) -> None:
    bills, bills_more, none = (pushed(gateway, overage=overage) for overage in (8, 9, None))
    subscription = subscribed(gateway, localstripe, alice.workspace, none)
    assert prices(subscription) == [none.lookup_key]

    for price, metered in [(bills, ["operations_overage_8_month"]), (bills_more, ["operations_overage_9_month"])]:
        gateway.change_price(subscription["id"], price, at=now())
        assert prices(gateway.subscription(subscription["id"])) == [price.lookup_key, *metered]
    gateway.change_price(subscription["id"], none, at=now())
    assert prices(gateway.subscription(subscription["id"])) == [none.lookup_key]


def test_a_preview_is_an_invoice_and_changes_nothing(
    gateway: StripeGateway, localstripe: LocalStripe, alice: Person
) -> None:
    cheap, dear = pushed(gateway), pushed(gateway)
    subscription = subscribed(gateway, localstripe, alice.workspace, cheap)

    assert project_invoice(gateway.preview_change(subscription["id"], dear, at=now())).currency == "USD"

    assert prices(gateway.subscription(subscription["id"])) == [cheap.lookup_key]


def test_a_price_that_was_not_pushed_says_what_to_run(gateway: StripeGateway, alice: Person) -> None:
    customer_id = gateway.create_customer(alice.workspace.pk, name="Alice", email="alice@example.com")

    with pytest.raises(GatewayRejected, match="push_catalogue"):
        gateway.start_checkout(purchase(customer_id, alice.workspace, a_plan()))


def test_an_invoice_of_many_lines_has_them_all(little: LittleStripe, settings: Settings) -> None:
    settings.STRIPE_API_HOST = little.url
    lines = [payloads.line(100, start=1, end=2, subscription_id="sub_1") for _ in range(12)]
    first_ten = payloads.page(*lines[:10]) | {"has_more": True}
    invoice = payloads.invoice("cus_1", "sub_1", lines=first_ten)
    little.has(invoice)
    little.objects[f"/v1/invoices/{invoice['id']}/lines"] = payloads.page(*lines)

    told = StripeGateway(little_stripe.KEY).invoice(invoice["id"])

    assert len(project_invoice(told).lines) == 12


def test_what_the_portal_set_to_end_is_resumed_by_its_moment(little: LittleStripe, settings: Settings) -> None:
    """It names a moment where our own call sets a flag."""
    settings.STRIPE_API_HOST = little.url
    subscription = payloads.subscription("cus_1", payloads.price("x_month_v1"), cancel_at=int(time.time()) + 9)
    little.has(subscription)

    StripeGateway(little_stripe.KEY).resume(subscription["id"])

    assert little.bodies[f"POST /v1/subscriptions/{subscription['id']}"] == "cancel_at="


# What fails


def test_what_stripe_does_not_have_is_rejected(gateway: StripeGateway) -> None:
    with pytest.raises(GatewayRejected):
        gateway.subscription("sub_nothing")


def test_a_key_that_stripe_does_not_take_is_not_told(gateway: StripeGateway) -> None:
    with pytest.raises(GatewayRejected) as refused:
        StripeGateway("not_a_key_of_theirs").subscription("sub_nothing")

    assert "not_a_key" not in str(refused.value)


def test_a_stripe_that_is_broken_is_asked_once_more(little: LittleStripe, settings: Settings) -> None:
    settings.STRIPE_API_HOST = little.url
    subscription = payloads.subscription("cus_1", payloads.price("x_month_v1"))

    with little.failing(subscription), pytest.raises(GatewayUnavailable):
        StripeGateway(little_stripe.KEY).subscription(subscription["id"])

    assert little.times_asked(subscription) == 2


@contextmanager
def black_hole() -> Iterator[str]:
    """Takes every connection, and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def seconds(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def test_a_stripe_that_is_silent_is_given_up_in_time(settings: Settings) -> None:
    settings.STRIPE_SECONDS = 2.0

    def ask() -> None:
        with black_hole() as settings.STRIPE_API_HOST, pytest.raises(GatewayUnavailable):
            StripeGateway(client.KEY).subscription("sub_1")

    assert 1 < seconds(ask) < 3


def test_a_stripe_that_is_slow_and_then_broken_is_not_asked_twice(little: LittleStripe, settings: Settings) -> None:
    settings.STRIPE_API_HOST, settings.STRIPE_SECONDS = little.url, 1.0
    subscription = payloads.subscription("cus_1", payloads.price("x_month_v1"))

    with little.failing(subscription), pytest.raises(GatewayUnavailable):
        StripeGateway(little_stripe.KEY).subscription(subscription["id"])

    assert little.times_asked(subscription) == 1


@pytest.mark.slow
def test_a_stripe_that_is_away_leaves_chat_untouched_and_a_checkout_answers_within_ten_seconds(
    database: None,
) -> None:
    people = [person("Alice") for _ in range(6)]
    with black_hole() as silent:
        environment = {**UNHURRIED, "STRIPE_SECRET_KEY": client.KEY, "STRIPE_API_HOST": silent, "DEMO_GAP_SECONDS": "0"}
        with started(environment | {"ANTHROPIC_API_KEY": "", "DATABASE_POOL_SIZE": "4"}) as product:
            with ThreadPoolExecutor(len(people)) as crowd:
                checkouts = [crowd.submit(check_out, product, each) for each in people]
                chats = [seconds(lambda: chat(product, people[0])) for _ in range(10)]
            answers = [checkout.result() for checkout in checkouts]

    assert [status for status, _ in answers] == [503] * len(people)
    assert max(took for _, took in answers) < 10
    assert max(chats) < 2


def check_out(product: Product, buyer: Person) -> tuple[int, float]:
    begun = time.monotonic()
    path = "/api/v1/billing/checkout"
    answer = product.http.post(path, json={"plan": "team"}, headers=buyer.headers)
    return answer.status_code, time.monotonic() - begun


def chat(product: Product, somebody: Person) -> None:
    asked = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
    assert product.http.post("/v1/messages", json=asked, headers=somebody.headers).status_code == 200
