"""What billing's tests share: two stand-ins for Stripe on loopback, and the product that asks and hears them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from billing.tests import little_stripe
from billing.tests.little_stripe import LittleStripe
from billing.tests.localstripe import client
from billing.tests.localstripe.client import LocalStripe
from config.tests.product import Product, started
from conftest import UNHURRIED


@pytest.fixture(scope="session")
def localstripe() -> Iterator[LocalStripe]:
    """It keeps books as Stripe does, in a process of its own."""
    with client.started() as running:
        yield running


@pytest.fixture(scope="session")
def little() -> Iterator[LittleStripe]:
    """It says what it is told to."""
    with little_stripe.started() as running:
        yield running


@pytest.fixture(scope="session")
def paid_product(database: None, localstripe: LocalStripe) -> Iterator[Product]:
    """The product with localstripe behind it, from which it hears."""
    environment = {
        **UNHURRIED,
        "STRIPE_SECRET_KEY": client.KEY,
        "STRIPE_WEBHOOK_SECRET": client.SECRET,
        "STRIPE_API_HOST": localstripe.url,
        "DATABASE_POOL_SIZE": "4",
    }
    with started(environment) as running:
        localstripe.send_webhooks_to(f"{running.url}/api/v1/billing/webhooks/stripe")
        yield running


@pytest.fixture(scope="session")
def told_product(database: None, little: LittleStripe) -> Iterator[Product]:
    """The product with little Stripe behind it."""
    environment = {
        **UNHURRIED,
        "STRIPE_SECRET_KEY": little_stripe.KEY,
        "STRIPE_WEBHOOK_SECRET": little_stripe.SECRET,
        "STRIPE_API_HOST": little.url,
        "DATABASE_POOL_SIZE": "4",
    }
    with started(environment) as running:
        yield running
