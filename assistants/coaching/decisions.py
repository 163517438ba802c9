"""What was decided. Of each category one decision stands; a later one takes its place, and both are kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.shortcuts import get_object_or_404

from assistants.coaching import plans
from assistants.models import Decision, Project
from assistants.records import Statement

# The project's row is the lock: two decisions at once, by chat or by hand, take each other's place one after the other.
LOCK = "SELECT id FROM assistants_project WHERE id = %(project_id)s FOR NO KEY UPDATE"
SUPERSEDE = """
    UPDATE assistants_decision SET superseded_at = %(at)s, superseded_by_id = %(id)s
    WHERE project_id = %(project_id)s AND category = %(category)s AND superseded_at IS NULL
"""
INSERT = """
    INSERT INTO assistants_decision
        (id, project_id, user_id, message_id, category, text, rationale, confidence, tasks, created_at)
    VALUES (%(id)s, %(project_id)s, %(user_id)s, %(message_id)s, %(category)s, %(text)s, %(rationale)s,
        %(confidence)s, %(tasks)s, %(at)s)
"""


def recording(
    project_id: UUID,
    plan: Mapping[str, Any],
    decision: Mapping[str, str],
    *,
    by: UUID,
    message_id: UUID | None,
    at: datetime,
    decision_id: UUID,
) -> list[Statement]:
    """The statements, for one transaction, that record a decision (`category`, `text`, `rationale`, `confidence`)."""
    params = {
        "id": decision_id,
        "project_id": project_id,
        "user_id": by,
        "message_id": message_id,
        "category": str(decision["category"]),
        "text": decision["text"],
        "rationale": decision["rationale"],
        "confidence": str(decision["confidence"]),
        "tasks": settled(plan, decision["category"]),
        "at": at,
    }
    return [(LOCK, params), (SUPERSEDE, params), (INSERT, params)]


def settled(plan: Mapping[str, Any], category: str) -> list[str]:
    """The plan's tasks that such a decision settles."""
    return [task["key"] for task in plans.tasks_of(dict(plan)) if category in task["decides"]]


@transaction.atomic
def record(project: Project, *, category: str, text: str, rationale: str, by: UUID, at: datetime) -> Decision:
    """By hand."""
    decision_id = uuid4()
    said = {"category": category, "text": text, "rationale": rationale, "confidence": Decision.Confidence.HIGH}
    statements = recording(project.pk, project.plan, said, by=by, message_id=None, at=at, decision_id=decision_id)
    with connection.cursor() as cursor:
        for sql, params in statements:
            cursor.execute(sql, params)
    return Decision.objects.get(pk=decision_id)


@transaction.atomic
def withdraw(project: Project, decision_id: UUID) -> None:
    """As if it had never been: what it took the place of stands again, or is followed by what took its own place.

    Raises `Http404` where the project has none such.
    """
    get_object_or_404(Project.objects.select_for_update(no_key=True), pk=project.pk)
    decision = get_object_or_404(project.decisions, pk=decision_id)
    former = list(decision.supersedes.values_list("pk", flat=True))
    decision.delete()
    # Only now: two that stand are one too many for the constraint.
    Decision.objects.filter(pk__in=former).update(superseded_by=decision.superseded_by_id)
    if decision.superseded_at is None:
        Decision.objects.filter(pk__in=former).update(superseded_at=None)
