"""A catalogue is data: a YAML file of plans, prices, features and limits, loaded and updated by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from django.db import DatabaseError, transaction

from accounts.meters import Meter, Window
from billing.errors import InvalidCatalogue
from billing.models import Plan, PlanLimit, Price

CATALOGUES = Path(__file__).parent / "catalogues"


def names() -> list[str]:
    return sorted(file.stem for file in CATALOGUES.glob("*.yaml"))


@transaction.atomic
def load(name: str) -> list[Plan]:
    """Make the plans as the file says; plans it does not name are no longer offered. Raises `InvalidCatalogue`."""
    written = _read(name)
    Plan.objects.update(is_default=False, is_offered=False)
    try:
        return [_load_plan(rank, plan) for rank, plan in enumerate(written)]
    except (AttributeError, KeyError, TypeError, ValueError, DatabaseError) as exc:
        raise InvalidCatalogue(f"Catalogue {name}: {exc!r}") from exc


def _read(name: str) -> list[dict[str, Any]]:
    if name not in names():
        raise InvalidCatalogue(f"No catalogue named {name}; there are: {', '.join(names())}.")
    try:
        plans = list(yaml.safe_load((CATALOGUES / f"{name}.yaml").read_text())["plans"])
        slugs = {plan["slug"] for plan in plans}
        defaults = [plan for plan in plans if plan.get("default", False)]
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as exc:
        raise InvalidCatalogue(f"Catalogue {name} is not a list of plans, each with its slug.") from exc
    if len(slugs) != len(plans):
        raise InvalidCatalogue(f"Catalogue {name} names a plan twice.")
    if len(defaults) != 1:
        raise InvalidCatalogue(f"Catalogue {name} must have exactly one default plan.")
    return plans


def _load_plan(rank: int, written: dict[str, Any]) -> Plan:
    plan, _ = Plan.objects.update_or_create(
        slug=written["slug"],
        defaults={
            "name": written["name"],
            "description": written.get("description", ""),
            "rank": rank,
            "features": written.get("features", []),
            "allowed_models": written.get("models", []),
            "is_default": written.get("default", False),
            "is_offered": True,
        },
    )
    _load_price(plan, written)
    _load_limits(plan, written["limits"])
    return plan


def _load_price(plan: Plan, written: dict[str, Any]) -> None:
    amount = _whole(written["price"], f"the price of {plan.slug}")
    currency = written.get("currency", "USD")
    plan.prices.update(is_current=False)
    version = plan.prices.filter(interval="month").count() + 1
    Price.objects.create(plan=plan, currency=currency, interval="month", amount=amount, version=version)


def _load_limits(plan: Plan, written: dict[str, Any]) -> None:
    plan.limits.all().delete()
    PlanLimit.objects.bulk_create(_limit(plan, name, allowance) for name, allowance in written.items())


def _limit(plan: Plan, name: str, allowance: int | dict[str, int]) -> PlanLimit:
    """From `tokens/day: 1000`, or `operations/month: {limit: 100, overage_price: 8}`."""
    meter, _, window = name.partition("/")
    terms = allowance if isinstance(allowance, dict) else {"limit": allowance}
    checked = {term: _whole(value, f"the {term} of {name} of {plan.slug}") for term, value in terms.items()}
    return PlanLimit(plan=plan, meter=Meter(meter), window=Window(window), **checked)


def _whole(value: object, what: str) -> int:
    """An amount as it is: 29.99 would become 29, and `yes` would become 1."""
    if type(value) is not int or value < 0:
        raise ValueError(f"{what} must be a whole number, not negative: {value!r}")
    return value
