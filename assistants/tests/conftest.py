"""The product with servers beside Anthropic that speak OpenAI's format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assistants import catalogue
from assistants.tests.standin.client import StandIn
from config.tests.product import Product, started
from conftest import UNHURRIED, behind

MODELS = Path(__file__).parent / "models.yaml"


@pytest.fixture(scope="session")
def compatible(database: None, standin: StandIn) -> Iterator[Product]:
    """The models of these servers are on offer nowhere else."""
    catalogue.load(MODELS)
    with started(UNHURRIED | behind(standin) | beside(standin)) as running:
        yield running


def beside(standin: StandIn) -> dict[str, str]:
    """The stand-in answers for `local`, in OpenAI's format; `away` cannot be reached."""
    return {
        "COMPATIBLE_PROVIDERS": "local,away",
        "LOCAL_BASE_URL": f"{standin.url}/v1",
        "LOCAL_API_KEY": "sk-local",
        "AWAY_BASE_URL": "http://127.0.0.1:9/v1",
    }
