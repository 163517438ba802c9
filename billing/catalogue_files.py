"""A catalogue as a YAML file: where it lies, and what may stand in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from accounts.meters import Meter, Window
from billing.errors import InvalidCatalogue
from billing.terms import LimitTerms, PlanTerms, PriceTerms
from billing.yaml_lines import Field, Schema, Written, compose, fields, flag, text, texts, whole

CATALOGUES = Path(__file__).parent / "catalogues"
LONGEST_TRIAL_DAYS = 730  # Stripe takes no longer one.
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
EVERY = re.compile(r"(?P<one>day|month|year)|(?P<count>[1-9]\d{0,2}) (?P<many>day|month|year)s")
POLICIES = [f"{meter}/{window}" for meter in Meter for window in Window]


def names() -> list[str]:
    return sorted(file.stem for file in CATALOGUES.glob("*.yaml"))


def read(name: str) -> list[PlanTerms]:
    """The plans in their order. Raises `InvalidCatalogue`."""
    written = compose(_file(name))
    said = fields(written, CATALOGUE)
    plans = written.entries()["plans"]
    _check_slugs(plans)
    _check_default(plans)
    return [_terms(rank, plan, said["currency"]) for rank, plan in enumerate(said["plans"])]


def digest(name: str) -> str:
    """Another one for another content."""
    return hashlib.sha256(_file(name).read_bytes()).hexdigest()


def _file(name: str) -> Path:
    if name not in names():
        raise InvalidCatalogue(f"No catalogue named {name}; there are: {', '.join(names())}.")
    return CATALOGUES / f"{name}.yaml"


def _check_slugs(plans: Written) -> None:
    lines: dict[str, int] = {}
    for plan in plans.items():
        written = plan.entries()["slug"]
        slug = text(written)
        if slug in lines:
            raise written.wrong(f"the plan {slug} is written twice, first in line {lines[slug]}.")
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
    return LimitTerms(**fields(written, LIMIT))


LIMIT: Schema = {"limit": Field(whole), "overage_price": Field(whole, None)}

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
}

CATALOGUE: Schema = {
    "currency": Field(_currency),
    "plans": Field(lambda written: [fields(plan, PLAN) for plan in written.items()]),
}
