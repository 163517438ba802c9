"""What billing's tests share: a Stripe on loopback, and the product that asks it and hears from it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from billing.tests.localstripe import client
from billing.tests.localstripe.client import LocalStripe


@pytest.fixture(scope="session")
def localstripe() -> Iterator[LocalStripe]:
    with client.started() as running:
        yield running
