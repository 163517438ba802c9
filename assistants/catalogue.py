"""The models people may ask for, with their dated prices."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as clock
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from django.db import DatabaseError, transaction

from accounts import database
from accounts.callers import Caller
from assistants import providers
from assistants.errors import InvalidCatalogue, UnknownModel
from assistants.models import LanguageModel, ModelPrice
from assistants.prices import MILLION, Price, Prices
from billing import subscriptions

FILE = Path(__file__).parent / "catalogue.yaml"
PRICES = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read")

# The newest price set that is valid; a model without one is not offered.
OFFERED = """
    SELECT m.slug, m.name, m.provider, m.upstream_name, m.context, m.max_output, m.created_at, m.fallbacks,
        jsonb_agg(jsonb_build_object(
            'prompt_over', p.prompt_over, 'input', p.input, 'output', p.output,
            'cache_write_5m', p.cache_write_5m, 'cache_write_1h', p.cache_write_1h, 'cache_read', p.cache_read
        ) ORDER BY p.prompt_over) AS prices
    FROM assistants_languagemodel m JOIN assistants_modelprice p ON p.model_id = m.slug
    WHERE m.is_offered AND p.valid_from = (
        SELECT max(valid_from) FROM assistants_modelprice WHERE model_id = m.slug AND valid_from <= now()
    )
    GROUP BY m.slug ORDER BY m.rank
"""

# A price or a model that staff change is in force everywhere after this long.
FRESH_SECONDS = 5.0


@dataclass(frozen=True)
class Offer:
    """A model on offer at today's prices."""

    slug: str
    name: str
    provider: str
    upstream_name: str
    context: int
    max_output: int
    created_at: datetime
    prices: Prices
    fallbacks: tuple[str, ...] = ()

    @property
    def sampling(self) -> tuple[str, ...]:
        """Parameters of sampling that may be asked of it; Anthropic's models refuse them."""
        return () if self.provider == providers.ANTHROPIC else ("temperature", "top_p")


_offers: tuple[float, dict[str, Offer]] = (float("-inf"), {})


async def offers() -> dict[str, Offer]:
    """By slug, the default first, of the providers that have settings here. Read anew every few seconds."""
    global _offers
    read_at, known = _offers
    if time.monotonic() - read_at > FRESH_SECONDS:
        rows = await database.fetch_all(OFFERED, {})
        known = {row["slug"]: _offer(row) for row in rows if row["provider"] in providers.names()}
        _offers = (time.monotonic(), known)
    return known


async def find(slug: str) -> Offer:
    """Raises `UnknownModel`, for a model that is not offered too."""
    offer = (await offers()).get(slug)
    if offer is None:
        raise UnknownModel(slug)
    return offer


async def allowed(caller: Caller) -> dict[str, Offer]:
    """Those of them that both the caller's plan and key may use."""
    plan = await subscriptions.acurrent_plan(caller.workspace_id)
    usable = {slug: offer for slug, offer in (await offers()).items() if caller.may_use(slug)}
    return {slug: offer for slug, offer in usable.items() if not plan.allowed_models or slug in plan.allowed_models}


async def default() -> Offer:
    return next(iter((await offers()).values()))


def _offer(row: database.Row) -> Offer:
    tiers = tuple(Price(**price) for price in row["prices"])
    return Offer(**{**row, "prices": Prices(tiers), "fallbacks": tuple(row["fallbacks"])})


@transaction.atomic
def load(file: Path = FILE) -> list[LanguageModel]:
    """Make the models and prices as the file says. Raises `InvalidCatalogue` for a missing or negative price."""
    try:
        return [_load_model(rank, written) for rank, written in enumerate(yaml.safe_load(file.read_text()))]
    except (AttributeError, KeyError, TypeError, ValueError, DatabaseError, yaml.YAMLError) as exc:
        raise InvalidCatalogue(f"{file.name}: {exc!r}") from exc


def _load_model(rank: int, written: dict[str, Any]) -> LanguageModel:
    model, _ = LanguageModel.objects.update_or_create(
        slug=written["slug"],
        defaults={
            "name": written["name"],
            "upstream_name": written.get("upstream_name", written["slug"]),
            "context": written["context"],
            "max_output": written["max_output"],
            "rank": written.get("rank", rank),
            "created_at": _midnight(written["released"]),
            # Where the file has no word on these, the console may have had one.
            **{name: written[name] for name in ("provider", "fallbacks") if name in written},
        },
    )
    for valid_from, tiers in written["prices"].items():
        for tier in tiers:
            _load_price(model, _midnight(valid_from), tier)
    return model


def _load_price(model: LanguageModel, valid_from: datetime, tier: dict[str, Any]) -> None:
    ModelPrice.objects.update_or_create(
        model=model,
        valid_from=valid_from,
        prompt_over=tier.get("prompt_over", 0),
        defaults={kind: _micro_usd(model, kind, tier[kind]) for kind in PRICES},
    )


def _micro_usd(model: LanguageModel, kind: str, dollars: float) -> int:
    if dollars < 0:
        raise ValueError(f"the {kind} price of {model.slug} is negative")
    return int(Decimal(str(dollars)) * MILLION)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, clock.min, UTC)
