"""All that is known of a project, as plain data: for the chat, for the detector, and for what is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.http import Http404

from accounts import database
from accounts.callers import Caller
from assistants.coaching import tasks
from assistants.conversations import Root
from assistants.models import Project

Context = dict[str, Any]
"""`id`, `conversation_id`, `template`, `title`, `status`, `profile` (None without one), `plan`, `tasks` (each as a
`TaskState`), `decisions` (those that stand), `progress`, `before` (the reply that is gone on from)."""

# One statement, since a message waits for it.
CONTEXT = """
    SELECT p.id, p.conversation_id, p.template, p.title, p.status, p.plan,
        (SELECT to_jsonb(found) FROM (
            SELECT platforms, niche, audience, goals, hours_per_week, experience
            FROM assistants_creatorprofile WHERE user_id = p.user_id) found) AS profile,
        (SELECT COALESCE(jsonb_agg(to_jsonb(found)), '[]') FROM (
            SELECT key, notes, done_at, done_by_id
            FROM assistants_task WHERE project_id = p.id) found) AS kept,
        (SELECT COALESCE(jsonb_agg(to_jsonb(found)), '[]') FROM (
            SELECT category, text, rationale, confidence, created_at
            FROM assistants_decision WHERE project_id = p.id AND superseded_at IS NULL ORDER BY category
            ) found) AS decisions,
        (SELECT m.text FROM assistants_message m
            WHERE m.id = COALESCE(%(parent_id)s::uuid, c.tip_id) AND m.conversation_id = c.id
                AND m.role = 'assistant' AND m.user_id IS NOT NULL AND m.state <> 'streaming') AS before
    FROM assistants_project p JOIN assistants_conversation c ON c.id = p.conversation_id WHERE p.id = %(project_id)s
"""
# Of one of their own, or one that is shared with them.
SEEN = f"{CONTEXT} AND p.workspace_id = %(workspace_id)s AND (p.user_id = %(user_id)s OR p.is_shared)"


def context_of(project: Project) -> Context:
    """What a deliverable, or anybody who works from a project, needs to know of it."""
    row = database.fetch_one_now(CONTEXT, {"project_id": project.pk, "parent_id": None})
    if row is None:
        raise Project.DoesNotExist
    return _context(row)


async def seen(caller: Caller, project_id: UUID, *, parent: UUID | Root | None = None) -> Context:
    """As who goes on from `parent` sees it. Raises `Http404`."""
    params = {
        "project_id": project_id,
        "workspace_id": caller.workspace_id,
        "user_id": caller.user_id,
        # No message has the id of the project.
        "parent_id": project_id if parent is Root.ROOT else parent,
    }
    row = await database.fetch_one(SEEN, params)
    if row is None:
        raise Http404
    return _context(row)


def _context(row: Mapping[str, Any]) -> Context:
    read = {name: database.from_json(row[name]) for name in ("plan", "profile", "kept", "decisions")}
    states = tasks.states(read["plan"], read.pop("kept"))
    return {
        **{name: str(row[name]) for name in ("id", "conversation_id", "template", "title", "status")},
        **read,
        "tasks": [asdict(state) for state in states],
        "progress": asdict(tasks.progress(read["plan"], states)),
        "before": row["before"] or "",
    }
