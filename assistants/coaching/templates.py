"""Templates of projects as YAML files: what may stand in one, and where one is wrong. No code names a template."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from assistants.errors import InvalidTemplate, UnknownTemplate
from assistants.models import CreatorProfile, Decision
from billing.errors import InvalidCatalogue
from billing.yaml_lines import Field, Schema, Written, compose, fields, text, texts, whole

T = TypeVar("T")

FOLDER = Path(__file__).parent / "templates"
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST = 1000
CONDITIONS = ("followers", "fewer_than", "platforms", "hours", "fewer_hours_than")
FIGURES = {"followers": 0, "platform": "", "platforms": 0, "joining": 0, "hours": 0}
"""What the text of a reason may name in braces."""


@dataclass(frozen=True)
class When:
    """Conditions of a reason, each at least so much unless it says fewer; all of them must hold."""

    followers: int | None = None
    fewer_than: int | None = None
    platforms: int | None = None
    hours: int | None = None
    fewer_hours_than: int | None = None
    experience: str | None = None


@dataclass(frozen=True)
class Reason:
    when: When
    text: str


@dataclass(frozen=True)
class Revenue:
    """US dollars."""

    least: int
    most: int
    every: str


@dataclass(frozen=True)
class TaskTemplate:
    """`hours` and `cost` (US dollars) are estimates; `decides` are categories of decisions that the task settles."""

    key: str
    title: str
    description: str
    hours: int
    cost: int
    tips: tuple[str, ...]
    pitfalls: tuple[str, ...]
    decides: tuple[str, ...]


@dataclass(frozen=True)
class Phase:
    key: str
    title: str
    goal: str
    tasks: tuple[TaskTemplate, ...]


@dataclass(frozen=True)
class Template:
    slug: str
    title: str
    category: str
    summary: str
    revenue: Revenue
    audience_needed: int
    why: tuple[str, ...]
    reasons: tuple[Reason, ...]
    phases: tuple[Phase, ...]

    @property
    def tasks(self) -> list[TaskTemplate]:
        return [task for phase in self.phases for task in phase.tasks]

    @property
    def hours(self) -> int:
        return sum(task.hours for task in self.tasks)

    @property
    def cost(self) -> int:
        return sum(task.cost for task in self.tasks)


def every() -> list[Template]:
    """By slug. Raises `InvalidTemplate`."""
    return [read(file) for file in sorted(FOLDER.glob("*.yaml"))]


def named(slug: str) -> Template:
    """Raises `UnknownTemplate`, `InvalidTemplate`."""
    found = next((template for template in every() if template.slug == slug), None)
    if found is None:
        raise UnknownTemplate(slug)
    return found


@cache
def read(file: Path) -> Template:
    """Raises `InvalidTemplate`, which names the file, the line and what is wrong there."""
    try:
        written = compose(file)
        template = Template(**fields(written, TEMPLATE))
        _check(template, written, file)
    except InvalidCatalogue as exc:
        raise InvalidTemplate(str(exc)) from exc
    return template


def _check(template: Template, written: Written, file: Path) -> None:
    if template.slug != file.stem:
        raise written.entries()["slug"].wrong(f"slug must be the file's name, {file.stem}.")
    seen: dict[str, int] = {}
    for phase in written.entries()["phases"].items():
        for task in phase.entries()["tasks"].items():
            key = task.entries()["key"]
            name = text(key)
            if name in seen:
                raise key.wrong(f"the task {name} is written twice, first in line {seen[name]}.")
            seen[name] = key.line


# ---- What may stand in it ----


def _slug(written: Written) -> str:
    value = text(written, 60)
    if not SLUG.fullmatch(value):
        raise written.wrong(f"{written.name} must be made of a-z, 0-9 and hyphens, and is {value}.")
    return value


def _line(written: Written) -> str:
    return text(written, 200)


def _paragraph(written: Written) -> str:
    return text(written, LONGEST)


def _paragraphs(written: Written) -> tuple[str, ...]:
    return texts(written, LONGEST)


def _amount(written: Written) -> int:
    return whole(written, 1_000_000)


def _one_of(choices: list[str]) -> Callable[[Written], str]:
    def read(written: Written) -> str:
        value = text(written)
        if value not in choices:
            raise written.wrong(f"{written.name} must be one of {', '.join(choices)}, and is {value}.")
        return value

    return read


def _categories(written: Written) -> tuple[str, ...]:
    return tuple(_one_of(list(Decision.Category))(item) for item in written.items())


def _revenue(written: Written) -> Revenue:
    revenue = Revenue(**fields(written, REVENUE))
    if revenue.least > revenue.most:
        raise written.wrong("least must not be more than most.")
    return revenue


def _reason(written: Written) -> Reason:
    said = fields(written, REASON)
    try:
        said["text"].format(**FIGURES)
    except (KeyError, ValueError, IndexError) as exc:
        raise written.wrong(f"text may name {', '.join(FIGURES)} in braces, and nothing else.") from exc
    return Reason(**said)


def _task(written: Written) -> TaskTemplate:
    return TaskTemplate(**fields(written, TASK))


def _phase(written: Written) -> Phase:
    return Phase(**fields(written, PHASE))


def _some(read: Callable[[Written], T]) -> Callable[[Written], tuple[T, ...]]:
    """A list of these that is not empty."""

    def read_all(written: Written) -> tuple[T, ...]:
        found = tuple(read(item) for item in written.items())
        if not found:
            raise written.wrong(f"{written.name} must not be empty.")
        return found

    return read_all


def _when(written: Written) -> When:
    return When(**fields(written, WHEN))


REVENUE: Schema = {
    "least": Field(_amount),
    "most": Field(_amount),
    "every": Field(_one_of(["month", "year", "launch"])),
}
WHEN: Schema = {
    **{name: Field(_amount, None) for name in CONDITIONS},
    "experience": Field(_one_of(list(CreatorProfile.Experience)), None),
}
REASON: Schema = {"when": Field(_when), "text": Field(_paragraph)}
TASK: Schema = {
    "key": Field(_slug),
    "title": Field(_line),
    "description": Field(_paragraph),
    "hours": Field(_amount),
    "cost": Field(_amount, 0),
    "tips": Field(_paragraphs, ()),
    "pitfalls": Field(_paragraphs, ()),
    "decides": Field(_categories, ()),
}
PHASE: Schema = {"key": Field(_slug), "title": Field(_line), "goal": Field(_paragraph), "tasks": Field(_some(_task))}
TEMPLATE: Schema = {
    "slug": Field(_slug),
    "title": Field(_line),
    "category": Field(_slug),
    "summary": Field(_paragraph),
    "revenue": Field(_revenue),
    "audience_needed": Field(_amount, 0),
    "why": Field(_some(_paragraph)),
    "reasons": Field(lambda written: tuple(map(_reason, written.items())), ()),
    "phases": Field(_some(_phase)),
}
