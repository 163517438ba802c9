"""What every app's tests share: a database that keeps what is committed, the cast, and the product as a real process.

Tests leave their rows behind and make people of their own, so that nothing has to be emptied between two of them and a
server in another process sees the same data.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from django.conf import settings
from django.core.management import call_command

from accounts.tests.factories import Person, person
from assistants.tests.standin.client import StandIn
from assistants.tests.standin.client import start as start_standin
from config.tests.database import migrated
from config.tests.product import Product, started

# All tests come from one address, and quickly; and providers fail them one after the other.
METRICS_TOKEN = "for Prometheus alone"
UNHURRIED = {"RATE_LIMITS": "off", "WRONG_PASSWORDS_PER_ADDRESS": "1000000", "BREAKER_FAILURES": "1000000"}

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]


@pytest.fixture(scope="session")
def database(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: Any
) -> Iterator[None]:
    """A migrated database with the catalogue and the models in it. What a test commits stays."""
    # In this process; see `UNHURRIED`.
    settings.RATELIMIT_ENABLE = False
    settings.PROVIDER_BROKEN_TERMS = settings.PROVIDER_BUSY_TERMS = (1_000_000, 60.0, 30.0)
    with django_db_blocker.unblock(), migrated():
        call_command("load_catalogue", "default", verbosity=0)
        call_command("load_models", verbosity=0)
        yield


@pytest.fixture(scope="session")
def run(database: None) -> Iterator[Run[Any]]:
    """Run a coroutine to its end, always on the same loop, whose database pool lives as long."""
    from accounts.database import close_pool
    from assistants import running

    with asyncio.Runner() as runner:
        yield runner.run
        runner.run(running.drain(0))
        runner.run(close_pool())


@pytest.fixture
def alice(database: None) -> Person:
    """Owns it."""
    return person("Alice")


@pytest.fixture
def charlie(database: None) -> Person:
    """Must not see it."""
    return person("Charlie")


@pytest.fixture(scope="session")
def standin() -> Iterator[StandIn]:
    """An Anthropic server that keeps its own bill."""
    with start_standin() as server:
        yield server


@pytest.fixture(scope="session")
def product(database: None, standin: StandIn) -> Iterator[Product]:
    """The product as a process of its own, on a small pool, with the stand-in behind it."""
    with started(UNHURRIED | behind(standin)) as running:
        yield running


def behind(standin: StandIn) -> dict[str, str]:
    """The settings of a product that asks the stand-in."""
    return {
        "ANTHROPIC_API_KEY": "sk-standin",
        "ANTHROPIC_BASE_URL": standin.url,
        "METRICS_TOKEN": METRICS_TOKEN,
        "DATABASE_POOL_SIZE": "4",
        "PROVIDER_SILENCE_SECONDS": "1",
        "PROVIDER_ANSWER_SECONDS": "1",
        "RESUME_SECONDS": "1",
    }


@pytest.fixture(scope="session")
def demo_product(database: None) -> Iterator[Product]:
    """The product with no key set."""
    with started({**UNHURRIED, "ANTHROPIC_API_KEY": "", "DEMO_GAP_SECONDS": "0"}) as running:
        yield running
