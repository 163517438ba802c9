"""A template made a creator's own. The same profile always makes the same plan, and no model is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from math import ceil
from typing import Any

from assistants.coaching import profiles
from assistants.coaching.templates import Phase, Template, When
from assistants.errors import UnknownTask
from assistants.models import CreatorProfile

Plan = dict[str, Any]
"""`why`, `hours`, `cost`, `hours_per_week`, `weeks`, and `phases` with their `tasks`, as JSON."""

HOURS_PER_WEEK = 5
"""Where nobody has said how many there are."""
# How much longer, in per cent, the same takes.
PACE = {"": 100, "beginner": 130, "intermediate": 100, "advanced": 80}
JOINING = 200
"""One in so many followers may join."""


def make(template: Template, profile: CreatorProfile | None) -> Plan:
    pace = PACE[profile.experience if profile else ""]
    plan = {
        "title": template.title,
        "category": template.category,
        "summary": template.summary,
        "revenue": asdict(template.revenue),
        "why": [*_reasons(template, profile), *template.why],
        "hours_per_week": (profile and profile.hours_per_week) or HOURS_PER_WEEK,
        "phases": [_phase(phase, pace) for phase in template.phases],
    }
    return schedule(plan)


def schedule(plan: Plan) -> Plan:
    """With the hours, cost and weeks that its tasks add up to. Weeks are counted from 1."""
    spent = 0
    for phase in plan["phases"]:
        hours = sum(task["hours"] for task in phase["tasks"] if not task["left_out"])
        first = spent // plan["hours_per_week"] + 1
        spent += hours
        phase["hours"] = hours
        phase["weeks"] = [first, max(first, ceil(spent / plan["hours_per_week"]))]
    plan["hours"] = spent
    plan["cost"] = sum(task["cost"] for task in tasks_of(plan))
    plan["weeks"] = max(1, ceil(spent / plan["hours_per_week"]))
    return plan


def all_tasks(plan: Plan) -> Iterator[dict[str, Any]]:
    """Those left out too."""
    return (task for phase in plan["phases"] for task in phase["tasks"])


def tasks_of(plan: Plan) -> list[dict[str, Any]]:
    return [task for task in all_tasks(plan) if not task["left_out"]]


def change(plan: Plan, changes: Mapping[str, Mapping[str, Any]]) -> Plan:
    """Give tasks, by their keys, other titles, descriptions, hours or costs, or leave them out.

    Raises `UnknownTask`.
    """
    known = {task["key"]: task for task in all_tasks(plan)}
    for key, changed in changes.items():
        if key not in known:
            raise UnknownTask(key)
        known[key].update(changed)
    return schedule(plan)


def _phase(phase: Phase, pace: int) -> dict[str, Any]:
    tasks = [{**asdict(task), "hours": ceil(task.hours * pace / 100), "left_out": False} for task in phase.tasks]
    return {"key": phase.key, "title": phase.title, "goal": phase.goal, "tasks": tasks}


def _reasons(template: Template, profile: CreatorProfile | None) -> list[str]:
    if profile is None:
        return []
    figures = _figures(profile)
    written = {name: f"{value:,}" if isinstance(value, int) else value for name, value in figures.items()}
    return [reason.text.format(**written) for reason in template.reasons if _holds(reason.when, profile, figures)]


def _figures(profile: CreatorProfile) -> dict[str, Any]:
    """What reasons may name. A name that the creator gave stands in the text as it is: it is never formatted again."""
    followers = profiles.followers(profile)
    return {
        "followers": followers,
        "platform": profiles.largest(profile),
        "platforms": len(profile.platforms),
        "joining": followers // JOINING,
        "hours": profile.hours_per_week or 0,
    }


def _holds(when: When, profile: CreatorProfile, figures: Mapping[str, Any]) -> bool:
    least = {"followers": when.followers, "platforms": when.platforms, "hours": when.hours}
    fewer = {"followers": when.fewer_than, "hours": when.fewer_hours_than}
    return (
        all(wanted is None or figures[name] >= wanted for name, wanted in least.items())
        and all(wanted is None or figures[name] < wanted for name, wanted in fewer.items())
        and (when.fewer_hours_than is None or profile.hours_per_week is not None)
        and when.experience in (None, profile.experience)
    )
