"""dj-stripe's copy of Stripe, which may fail without anybody missing it; and who leaves is in neither."""

from __future__ import annotations

import json

import pytest
import stripe
from django.apps import apps
from django.db.models import QuerySet
from django.utils.timezone import now
from djstripe.models import Customer as MirroredCustomer
from djstripe.models import Invoice as MirroredInvoice
from djstripe.models import Subscription as MirroredSubscription
from pytest_django import Settings

from accounts.audit import SYSTEM
from accounts.erasure import erase
from accounts.tests.factories import Person
from billing import leaving, mirror
from billing.gateways.stripe import StripeGateway
from billing.models import Customer, StripeEvent, Subscription
from billing.tests.buyers import Customers, catalogue
from billing.tests.localstripe import client
from billing.tests.localstripe.client import LocalStripe
from config.tests.product import Product, eventually


@pytest.fixture
def buyer(
    alice: Person,
    paid_product: Product,
    localstripe: LocalStripe,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Customers:
    """She has bought a plan, and what happened so far is to be copied."""
    settings.STRIPE_API_HOST, settings.STRIPE_SECRET_KEY = localstripe.url, client.KEY
    # Which dj-stripe reads from the settings when it is imported.
    monkeypatch.setattr(stripe, "api_base", localstripe.url)
    catalogue(localstripe)
    StripeEvent.objects.update(mirrored_at=now())
    buyer = Customers(alice, paid_product, localstripe)
    buyer.buy()
    eventually(lambda: news(buyer).exclude(handled_at=None).count() >= 4, within=15)
    return buyer


def news(buyer: Customers) -> QuerySet[StripeEvent]:
    return StripeEvent.objects.filter(customer_id=buyer.customer_id)


def copy_all(buyer: Customers) -> None:
    """What Stripe tells meanwhile too."""

    def is_done() -> bool:
        while mirror.copy_next(now()):
            pass
        # Of the very first event, that of the customer, the payload is not kept: they were not known to us yet.
        return not news(buyer).filter(mirrored_at=None).exclude(payload={}).exists()

    eventually(is_done, within=15)


def copies_that_name(*words: str) -> list[str]:
    """Whatever dj-stripe keeps in which one of these stands."""
    return [
        model.__name__
        for model in apps.get_app_config("djstripe").get_models()
        for row in model._default_manager.values()
        if any(word in json.dumps(row, default=str) for word in words)
    ]


def test_what_stripe_tells_of_is_copied(buyer: Customers) -> None:
    copy_all(buyer)

    copied = MirroredCustomer.objects.get(id=buyer.customer_id)
    assert copied.subscriber == buyer.person.workspace
    assert MirroredSubscription.objects.get(id=buyer.subscription.stripe_id).customer == copied
    assert MirroredInvoice.objects.filter(customer=copied).exists()
    assert copies_that_name(client.KEY) == []


def test_what_cannot_be_copied_is_left_after_some_tries_and_billing_does_not_hear_of_it(buyer: Customers) -> None:
    broken = news(buyer).get(type="customer.subscription.created")
    StripeEvent.objects.exclude(pk=broken.pk).update(mirrored_at=now())
    StripeEvent.objects.filter(pk=broken.pk).update(payload={"id": broken.pk, "type": broken.type})

    for _ in range(mirror.TRIES):
        with pytest.raises(ValueError, match="into 'Event'"):
            mirror.copy_next(now())

    assert not mirror.copy_next(now())
    assert buyer.plan == "team"


def test_who_leaves_is_forgotten_by_the_copies_and_by_stripe(buyer: Customers) -> None:
    copy_all(buyer)
    customer_id, email = buyer.customer_id, buyer.person.user.email
    assert copies_that_name(customer_id, email)

    erase(buyer.person.user.pk, by=SYSTEM, at=now())

    assert copies_that_name(customer_id, email) == []
    assert {json.dumps(event.payload) for event in news(buyer)} == {"{}"}
    assert leaving.let_go(StripeGateway(client.KEY), now()) >= 1
    assert Customer.objects.get(stripe_id=customer_id).left_at
    with pytest.raises(AssertionError, match="Not Found"):
        buyer.stripe.call("GET", f"/v1/customers/{customer_id}")
    # Stripe tells of that too, in words that are not kept.
    eventually(lambda: news(buyer).filter(type="customer.deleted").exists(), within=15)
    assert {json.dumps(event.payload) for event in news(buyer)} == {"{}"}
    assert Subscription.objects.get(workspace=buyer.person.workspace).status == "canceled"


def test_a_stripe_that_is_away_is_asked_to_forget_the_next_time(buyer: Customers, settings: Settings) -> None:
    customer_id = buyer.customer_id
    erase(buyer.person.user.pk, by=SYSTEM, at=now())
    settings.STRIPE_API_HOST = "http://127.0.0.1:9"

    assert leaving.let_go(StripeGateway(client.KEY), now()) == 0
    assert Customer.objects.get(stripe_id=customer_id).left_at is None

    settings.STRIPE_API_HOST = buyer.stripe.url
    assert leaving.let_go(StripeGateway(client.KEY), now()) >= 1


def test_who_is_deleted_at_stripe_is_on_the_default_plan_and_can_buy_again(buyer: Customers) -> None:
    StripeGateway(client.KEY).delete_customer(buyer.customer_id)
    eventually(lambda: not Customer.objects.filter(workspace=buyer.person.workspace).exists(), within=15)

    assert buyer.plan == "free"
