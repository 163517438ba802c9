"""What a plan is sold at, as a value: written in a file, kept in rows, or asked for in the console."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from billing import money

NO_LIMIT = "no limit"
AT_ONCE = "for all of them at once"


@dataclass(frozen=True)
class PriceTerms:
    """`amount` in minor units of `currency`, to be paid every `interval_count` intervals."""

    amount: int
    currency: str
    interval: str = "month"
    interval_count: int = 1

    def __str__(self) -> str:
        every = self.interval if self.interval_count == 1 else f"{self.interval_count} {self.interval}s"
        return f"{money.written(self.amount, self.currency)} every {every}"


@dataclass(frozen=True)
class LimitTerms:
    """`overage_price` in minor units of USD; None makes the limit hard."""

    limit: int
    overage_price: int | None = None

    def __str__(self) -> str:
        beyond = "" if self.overage_price is None else f", then {money.written(self.overage_price, 'USD')} each"
        return f"{self.limit:,}{beyond}"


@dataclass(frozen=True)
class PlanTerms:
    """`limits` by meter and window, such as `tokens/day`. No price: it was never given one."""

    slug: str
    name: str
    description: str
    rank: int
    features: tuple[str, ...]
    models: tuple[str, ...]
    trial_days: int
    is_default: bool
    is_offered: bool
    price: PriceTerms | None
    limits: Mapping[str, LimitTerms]


@dataclass(frozen=True)
class Change:
    """What will be otherwise about a plan, in words. A plan that is new has nothing former."""

    what: str
    former: str
    new: str

    def __str__(self) -> str:
        return f"{self.what}: {self.former} -> {self.new}" if self.former else f"{self.what}: {self.new}"

    @property
    def reach(self) -> str:
        """For whom it counts; empty for what is only shown."""
        match self.what, self.new:
            case "price", _:
                return "who has subscribed keeps the former price"
            case "offered", "no":
                return "who is on it stays"
            case "default", "yes":
                return "for workspaces without a subscription at once"
            case "models", _:
                return AT_ONCE
        return AT_ONCE if "/" in self.what else ""


def changes(former: PlanTerms | None, new: PlanTerms) -> list[Change]:
    """Empty where nothing would be otherwise."""
    if former is None:
        limits = [f"{policy} {limit}" for policy, limit in new.limits.items()]
        return [Change("new plan", "", "; ".join([f"{new.name}, {new.price}", *limits]))]
    before, after = _parts(former), _parts(new)
    return [
        Change(what, _said(before.get(what, NO_LIMIT)), _said(after.get(what, NO_LIMIT)))
        for what in dict.fromkeys([*after, *before])
        if before.get(what) != after.get(what)
    ]


def _parts(terms: PlanTerms) -> dict[str, object]:
    return {
        "price": terms.price,
        **terms.limits,
        "models": terms.models or "every model",
        "trial": f"{terms.trial_days} days",
        "default": terms.is_default,
        "offered": terms.is_offered,
        "name": terms.name,
        "description": terms.description,
        "features": terms.features,
        "rank": terms.rank,
    }


def _said(part: object) -> str:
    match part:
        case bool():
            return "yes" if part else "no"
        case tuple():
            return ", ".join(part) or "none"
        case None | "":
            return "none"
    return str(part)
