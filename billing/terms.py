"""What plans and packs are sold at, as values: written in a file, kept in rows, or asked for in the console."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from accounts.meters import Window
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
    """`overage_price` in minor units of USD; None makes the limit hard, unless it is soft and only told when passed.

    At most `rolls_over` of what is left is had in the next window.
    """

    limit: int
    overage_price: int | None = None
    soft: bool = False
    rolls_over: int | None = None

    def __str__(self) -> str:
        beyond = "" if self.overage_price is None else f", then {money.written(self.overage_price, 'USD')} each"
        told = ", then it is told" if self.soft else ""
        rest = "" if self.rolls_over is None else f", of the rest up to {self.rolls_over:,} roll over"
        return f"{self.limit:,}{beyond}{told}{rest}"

    def contradiction(self, policy: str) -> str:
        """What cannot be in one limit, in words; empty where nothing is wrong."""
        if self.soft and self.overage_price is not None:
            return "a soft limit is only told when it is passed, so it has no overage_price"
        if self.rolls_over is not None and self.soft:
            return "a soft limit keeps nobody from anything, so nothing of it rolls over"
        if self.rolls_over is not None and policy.endswith(f"/{Window.LIFETIME}"):
            return "after a lifetime nothing comes that it could roll over into"
        return ""


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
    requests_per_minute: int | None = None
    active_projects: int = 1


@dataclass(frozen=True)
class PackTerms:
    """`amount` of the meter for `price` minor units of `currency`, once. `lasts_days`: None, it never expires."""

    slug: str
    name: str
    meter: str
    amount: int
    price: int
    currency: str
    lasts_days: int | None
    rank: int
    is_offered: bool

    @property
    def lasts(self) -> str:
        return "for ever" if self.lasts_days is None else f"for {self.lasts_days} days"

    def __str__(self) -> str:
        return f"{self.amount:,} {self.meter} for {money.written(self.price, self.currency)}, {self.lasts}"


@dataclass(frozen=True)
class Change:
    """What will be otherwise about a plan or a pack, in words. One that is new has nothing former."""

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
            case (("models" | "requests a minute" | "active projects"), _):
                return AT_ONCE
            case "pack", _:
                return "what was bought stays as it was bought"
        return AT_ONCE if "/" in self.what else ""


def changes(former: PlanTerms | None, new: PlanTerms) -> list[Change]:
    """Empty where nothing would be otherwise."""
    if former is None:
        limits = [f"{policy} {limit}" for policy, limit in new.limits.items()]
        pace = [f"{new.requests_per_minute} requests a minute"] if new.requests_per_minute else []
        return [Change("new plan", "", "; ".join([f"{new.name}, {new.price}", *limits, *pace]))]
    return _different(_parts(former), _parts(new))


def pack_changes(former: PackTerms | None, new: PackTerms) -> list[Change]:
    """Empty where nothing would be otherwise."""
    if former is None:
        return [Change("new pack", "", f"{new.name}, {new}")]
    return _different(_pack_parts(former), _pack_parts(new))


def _different(before: Mapping[str, object], after: Mapping[str, object]) -> list[Change]:
    return [
        Change(what, _said(before.get(what, NO_LIMIT)), _said(after.get(what, NO_LIMIT)))
        for what in dict.fromkeys([*after, *before])
        if before.get(what) != after.get(what)
    ]


def _parts(terms: PlanTerms) -> dict[str, object]:
    return {
        "price": terms.price,
        **terms.limits,
        "requests a minute": terms.requests_per_minute or "as many as there are",
        "active projects": terms.active_projects,
        "models": terms.models or "every model",
        "trial": f"{terms.trial_days} days",
        "default": terms.is_default,
        "offered": terms.is_offered,
        "name": terms.name,
        "description": terms.description,
        "features": terms.features,
        "rank": terms.rank,
    }


def _pack_parts(terms: PackTerms) -> dict[str, object]:
    return {"pack": str(terms), "offered": terms.is_offered, "name": terms.name, "rank": terms.rank}


def _said(part: object) -> str:
    match part:
        case bool():
            return "yes" if part else "no"
        case tuple():
            return ", ".join(part) or "none"
        case None | "":
            return "none"
    return str(part)
