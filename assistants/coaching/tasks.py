"""A plan's tasks: which are done, by whom, and what was noted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from math import ceil
from typing import Any
from uuid import UUID

from django.db import transaction

from assistants.coaching import plans
from assistants.errors import UnknownTask
from assistants.models import Project, Task

NEXT = 3
"""How many tasks are named as the next ones."""

# Said in a message: done by whoever said it. What was done before stays as it was.
COMPLETE = """
    INSERT INTO assistants_task (project_id, key, notes, done_at, done_by_id, message_id, updated_at)
    VALUES (%(project_id)s, %(key)s, '', %(at)s, %(user_id)s, %(message_id)s, %(at)s)
    ON CONFLICT (project_id, key) DO UPDATE SET done_at = EXCLUDED.done_at, done_by_id = EXCLUDED.done_by_id,
        message_id = EXCLUDED.message_id, updated_at = EXCLUDED.updated_at
    WHERE assistants_task.done_at IS NULL
"""


@dataclass(frozen=True)
class TaskState:
    """`key` to `left_out` are the plan's, the rest is what came of it."""

    key: str
    phase: str
    title: str
    description: str
    hours: int
    cost: int
    tips: list[str]
    pitfalls: list[str]
    decides: list[str]
    left_out: bool
    done: bool
    done_at: datetime | str | None
    done_by: UUID | str | None
    notes: str


@dataclass(frozen=True)
class Share:
    """How much of something is done. Hours and cost are what is left, by the estimates."""

    tasks: int
    done: int
    percent: int
    hours_left: int
    cost_left: int


@dataclass(frozen=True)
class Progress:
    """`weeks_left` at the plan's hours a week. `phases` have their `key`, `title` and a `Share` each."""

    overall: Share
    weeks_left: int
    phases: list[dict[str, Any]]
    next_tasks: list[TaskState]


def of(project: Project) -> list[TaskState]:
    """In the order of the plan, those left out too."""
    rows = project.tasks.values("key", "notes", "done_at", "done_by_id")
    return states(project.plan, rows)


def states(plan: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> list[TaskState]:
    """Of a plan, and the rows that were kept of its tasks."""
    kept = {row["key"]: row for row in rows}
    return [
        _state(phase["key"], task, kept.get(task["key"], {})) for phase in plan["phases"] for task in phase["tasks"]
    ]


def _state(phase: str, task: Mapping[str, Any], kept: Mapping[str, Any]) -> TaskState:
    done_at = kept.get("done_at")
    return TaskState(
        **task,
        phase=phase,
        done=done_at is not None,
        done_at=done_at,
        done_by=kept.get("done_by_id"),
        notes=kept.get("notes", ""),
    )


@transaction.atomic
def change(project: Project, key: str, *, by: UUID, at: datetime, **changes: Any) -> TaskState:
    """`done` and `notes`. Done again, it stays done by whoever did it first. Raises `UnknownTask`."""
    if key not in {task["key"] for task in plans.tasks_of(project.plan)}:
        raise UnknownTask(key)
    task, _ = Task.objects.get_or_create(project=project, key=key, defaults={"updated_at": at})
    task = Task.objects.select_for_update().get(pk=task.pk)
    if "notes" in changes:
        task.notes = changes["notes"]
    if "done" in changes and changes["done"] != (task.done_at is not None):
        task.done_at, task.done_by_id = (at, by) if changes["done"] else (None, None)
        task.message = None
    task.updated_at = at
    task.save()
    return next(state for state in of(project) if state.key == key)


def progress(plan: Mapping[str, Any], all_states: list[TaskState]) -> Progress:
    """What was left out of the plan does not count."""
    counted = [state for state in all_states if not state.left_out]
    overall = _share(counted)
    return Progress(
        overall=overall,
        weeks_left=ceil(overall.hours_left / plan["hours_per_week"]),
        phases=[
            {
                "key": phase["key"],
                "title": phase["title"],
                **asdict(_share([state for state in counted if state.phase == phase["key"]])),
            }
            for phase in plan["phases"]
        ],
        next_tasks=[state for state in counted if not state.done][:NEXT],
    )


def _share(states: list[TaskState]) -> Share:
    left = [state for state in states if not state.done]
    done = len(states) - len(left)
    # Only what is done to the last is a hundred per cent.
    percent = done * 100 // len(states) if states else 0
    return Share(len(states), done, percent, sum(state.hours for state in left), sum(state.cost for state in left))


def completing(project_id: UUID, keys: Iterable[str], *, by: UUID, message_id: UUID, at: datetime) -> list[Any]:
    """The statements by which these are done, to be committed with the message that said so."""
    said = {"project_id": project_id, "user_id": by, "message_id": message_id, "at": at}
    return [(COMPLETE, {**said, "key": key}) for key in keys]
