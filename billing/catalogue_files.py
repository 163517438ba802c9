"""A catalogue as a YAML file: where it lies, and what may stand in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from accounts.meters import Meter, Window
from billing.errors import InvalidCatalogue
from billing.terms import LimitTerms, PackTerms, PlanTerms, PriceTerms
from billing.yaml_lines import Field, Schema, Written, compose, fields, flag, text, texts, whole

CATALOGUES = Path(__file__).parent / "catalogues"
LONGEST_TRIAL_DAYS = 730  # Stripe takes no longer one.
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
EVERY = re.compile(r"(?P<one>day|month|year)|(?P<count>[1-9]\d{0,2}) (?P<many>day|month|year)s")
LASTS = re.compile(r"1 day|(?P<days>[1-9]\d{0,3}) days")
MOST_A_MINUTE = 2**31 - 1
MOST_PROJECTS = 2**15 - 1
POLICIES = [f"{meter}/{window}" for meter in Meter for window in Window]


@dataclass(frozen=True)
class Catalogue:
    """What a file sells, in its order."""

    plans: list[PlanTerms]
    packs: list[PackTerms]


def names() -> list[str]:
    return sorted(file.stem for file in CATALOGUES.glob("*.yaml"))


def read(name: str) -> Catalogue:
    """Raises `InvalidCatalogue`."""
    written = compose(_file(name))
    said = fields(written, CATALOGUE)
    entries = written.entries()
    for kind in entries.keys() & {"plans", "packs"}:
        _check_slugs(entries[kind])
    _check_default(entries["plans"])
    return Catalogue(
        plans=[_terms(rank, plan, said["currency"]) for rank, plan in enumerate(said["plans"])],
        packs=[_pack(rank, pack, said["currency"]) for rank, pack in enumerate(said["packs"])],
    )


def digest(name: str) -> str:
    """Another one for another content."""
    return hashlib.sha256(_file(name).read_bytes()).hexdigest()


def _file(name: str) -> Path:
    if name not in names():
        raise InvalidCatalogue(f"No catalogue named {name}; there are: {', '.join(names())}.")
    return CATALOGUES / f"{name}.yaml"


def _check_slugs(things: Written) -> None:
    lines: dict[str, int] = {}
    for thing in things.items():
        written = thing.entries()["slug"]
        slug = text(written)
        if slug in lines:
            raise written.wrong(f"the {thing.name} {slug} is written twice, first in line {lines[slug]}.")
        lines[slug] = written.line


def _check_default(plans: Written) -> None:
    given = [plan.entries().get("default") for plan in plans.items()]
    defaults = [default for default in given if default and flag(default)]
    if not defaults:
        raise plans.wrong("one of the plans must be the default, for workspaces without a subscription.")
    if len(defaults) > 1:
        raise defaults[1].wrong(f"only one plan can be the default, and line {defaults[0].line} has it.")


def _terms(rank: int, plan: Mapping[str, Any], currency: str) -> PlanTerms:
    interval, interval_count = plan["every"]
    return PlanTerms(
        slug=plan["slug"],
        name=plan["name"],
        description=plan["description"],
        rank=rank,
        features=plan["features"],
        models=plan["models"],
        trial_days=plan["trial_days"],
        is_default=plan["default"],
        is_offered=plan["offered"],
        price=PriceTerms(plan["price"], plan["currency"] or currency, interval, interval_count),
        limits=plan["limits"],
        requests_per_minute=plan["requests_per_minute"],
        active_projects=plan["active_projects"],
    )


def _pack(rank: int, pack: Mapping[str, Any], currency: str) -> PackTerms:
    return PackTerms(
        slug=pack["slug"],
        name=pack["name"],
        meter=pack["meter"],
        amount=pack["amount"],
        price=pack["price"],
        currency=pack["currency"] or currency,
        lasts_days=pack["lasts"],
        rank=rank,
        is_offered=pack["offered"],
    )


# ---- What may stand in it ----


def _slug(written: Written) -> str:
    value = text(written, 40)
    if not SLUG.fullmatch(value):
        raise written.wrong(f"slug must be made of a-z, 0-9 and hyphens, and is {value}.")
    return value


def _currency(written: Written) -> str:
    value = text(written)
    if not re.fullmatch("[A-Z]{3}", value):
        raise written.wrong(f"currency must be three capitals as in ISO 4217, such as USD, and is {value}.")
    return value


def _every(written: Written) -> tuple[str, int]:
    """The interval, and how many of it."""
    value = text(written)
    found = EVERY.fullmatch(value)
    if found is None:
        raise written.wrong(f"every must be day, month, year, or such as 30 days, and is {value}.")
    return found["one"] or found["many"], int(found["count"] or 1)


def _limits(written: Written) -> dict[str, LimitTerms]:
    given = written.entries()
    for name, value in given.items():
        if name not in POLICIES:
            raise value.wrong(f"unknown limit {name}; there may be: {', '.join(POLICIES)}.")
    return {name: _limit(value) for name, value in given.items()}


def _limit(written: Written) -> LimitTerms:
    """From `tokens/day: 1000`, or `operations/month: {limit: 100, overage_price: 8}`."""
    if isinstance(written.node, yaml.ScalarNode):
        return LimitTerms(whole(written))
    terms = LimitTerms(**fields(written, LIMIT))
    if wrong := terms.contradiction(written.name):
        raise written.wrong(f"{written.name}: {wrong}.")
    return terms


def _meter(written: Written) -> str:
    value = text(written)
    if value not in Meter:
        raise written.wrong(f"meter must be one of {', '.join(Meter)}, and is {value}.")
    return value


def _lasts(written: Written) -> int:
    """In days."""
    value = text(written)
    found = LASTS.fullmatch(value)
    if found is None:
        raise written.wrong(f"lasts must be such as 90 days, and is {value}; without it a pack never expires.")
    return int(found["days"] or 1)


def _some(written: Written) -> int:
    return whole(written, least=1)


LIMIT: Schema = {
    "limit": Field(whole),
    "overage_price": Field(whole, None),
    "soft": Field(flag, False),
    "rolls_over": Field(whole, None),
}

PLAN: Schema = {
    "slug": Field(_slug),
    "name": Field(text),
    "description": Field(lambda written: text(written, 300), ""),
    "default": Field(flag, False),
    "offered": Field(flag, True),
    "price": Field(whole),
    "currency": Field(_currency, None),
    "every": Field(_every, ("month", 1)),
    "trial_days": Field(lambda written: whole(written, LONGEST_TRIAL_DAYS), 0),
    "features": Field(lambda written: texts(written, 120), ()),
    "models": Field(texts, ()),
    "limits": Field(_limits),
    "requests_per_minute": Field(lambda written: whole(written, MOST_A_MINUTE, least=1), None),
    "active_projects": Field(lambda written: whole(written, MOST_PROJECTS, least=1), 1),
}

PACK: Schema = {
    "slug": Field(_slug),
    "name": Field(text),
    "meter": Field(_meter),
    "amount": Field(_some),
    "price": Field(_some),
    "currency": Field(_currency, None),
    "lasts": Field(_lasts, None),
    "offered": Field(flag, True),
}

CATALOGUE: Schema = {
    "currency": Field(_currency),
    "plans": Field(lambda written: [fields(plan, PLAN) for plan in written.items()]),
    "packs": Field(lambda written: [fields(pack, PACK) for pack in written.items()], ()),
}
