"""Who the demo's customers are, and what they are like: made of a seed, and of nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

DOMAIN = "people.example"
"""Of their addresses. Mail to `.example` reaches nobody (RFC 2606)."""

FIRST = "Ada Ben Chloe Dev Elif Finn Grace Hugo Ines Jonas Kira Liam Mara Nils Olga Priya Quinn Rosa Sam Tara".split()
LAST = "Abel Brandt Costa Diaz Eriksen Faure Gupta Haas Ito Jansen Kaya Lopez Moreau Novak Okafor Petit Rossi".split()
TRADES = {
    "bakery": ("Oven", "Crust"),
    "law": ("Chambers", "Counsel"),
    "software": ("Systems", "Labs"),
    "interior design": ("Interiors", "Rooms"),
    "fitness": ("Gym", "Studio"),
    "travel": ("Journeys", "Tours"),
    "retail": ("Goods", "Supply"),
    "consulting": ("Partners", "Advisory"),
}
PLACES = {
    "US": ("America/New_York", 34),
    "DE": ("Europe/Berlin", 22),
    "GB": ("Europe/London", 14),
    "IN": ("Asia/Kolkata", 12),
    "FR": ("Europe/Paris", 10),
    "BR": ("America/Sao_Paulo", 8),
}
# How likely work begins in each hour of the day, by one's own clock.
HOURS = (1, 0, 0, 0, 0, 1, 3, 8, 20, 32, 34, 28, 16, 22, 32, 30, 24, 16, 10, 8, 8, 6, 4, 2)
WEEKEND = 0.3
"""Of what is done on any other day."""


@dataclass(frozen=True)
class Nature:
    """What somebody came for. `rung` of the plans that cost something, the lowest 0; None: they will not pay.

    `active` is how likely they work on a weekday, `calls` how often then, `tokens` of a middling call, `stays_days` how
    long on average before they drift away unless they pay, and `churn` how likely they cancel within a month.
    """

    name: str
    share: int
    rung: int | None
    active: float
    calls: int
    tokens: int
    stays_days: int
    churn: float


NATURES = (
    Nature("looks around", 34, None, 0.35, 1, 1_500, 12, 0),
    Nature("has a hobby", 24, None, 0.30, 1, 2_800, 110, 0),
    Nature("works alone", 24, 0, 0.55, 2, 9_000, 60, 0.09),
    Nature("leads a team", 12, 1, 0.70, 2, 30_000, 90, 0.05),
    Nature("builds a product", 5, 2, 0.85, 3, 110_000, 120, 0.03),
    Nature("runs a company", 1, 3, 0.90, 3, 260_000, 200, 0.02),
)


@dataclass(frozen=True)
class Person:
    number: int
    name: str
    email: str
    business: str
    industry: str
    country: str
    zone: ZoneInfo
    nature: Nature
    card_fails: bool
    signs_up_at: datetime
    chance: Random

    def busy_moment(self, day: date) -> datetime:
        """Some moment of that day, most likely in the working hours of their own clock."""
        return _busy_moment(day, self.zone, self.chance)

    def works_on(self, day: date) -> bool:
        return self.chance.random() < self.nature.active * (WEEKEND if day.weekday() > 4 else 1)


def cast(count: int, seed: int, *, first: date, last: date) -> list[Person]:
    """So many, signing up between those days, more and more often; every nature as often as its share says."""
    chance = Random(seed)  # noqa: S311 - a story, not a secret
    natures = list(_natures(count))
    chance.shuffle(natures)
    return [_person(number, nature, count, seed, first, last) for number, nature in enumerate(natures)]


def _natures(count: int) -> Iterator[Nature]:
    deck = [nature for nature in NATURES for _ in range(nature.share)]
    for number in range(count):
        yield deck[int((number + 0.5) * len(deck) / count)]


def _person(number: int, nature: Nature, count: int, seed: int, first: date, last: date) -> Person:
    chance = Random(f"{seed} {number}")  # noqa: S311
    name = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
    industry = chance.choice(list(TRADES))
    [country] = chance.choices(list(PLACES), [share for _, share in PLACES.values()])
    zone = ZoneInfo(PLACES[country][0])
    day = _sign_up_day((number + chance.random()) / count, chance, first, last)
    return Person(
        number=number,
        name=name,
        email=f"{name.lower().replace(' ', '.')}.{number}@{DOMAIN}",
        business=f"{name.split()[1]} {chance.choice(TRADES[industry])}",
        industry=industry,
        country=country,
        zone=zone,
        nature=nature,
        card_fails=chance.random() < 0.15,
        signs_up_at=_busy_moment(day, zone, chance),
        chance=chance,
    )


def _busy_moment(day: date, zone: ZoneInfo, chance: Random) -> datetime:
    """The day is that of UTC, so that days can be played one after the other."""
    [hour] = chance.choices(range(24), HOURS)
    theirs = datetime(day.year, day.month, day.day, hour, chance.randrange(60), chance.randrange(60), tzinfo=zone)
    return theirs.astimezone(UTC).replace(year=day.year, month=day.month, day=day.day)


def _sign_up_day(part: float, chance: Random, first: date, last: date) -> date:
    """Of the whole time; a business that grows has more of them late. Half of a weekend's come on Monday."""
    day = first + timedelta(days=int((last - first).days * part**0.65))
    if day.weekday() > 4 and chance.random() < 0.5:
        day = min(day + timedelta(days=7 - day.weekday()), last)
    return day
