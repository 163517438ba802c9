"""What assistants keep of a person: all of their own workspace, and in others what they began, asked and were told."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

from django.db.models import Q, QuerySet

from accounts import archives
from accounts.archives import Json, rows
from accounts.holdings import own_workspaces
from accounts.models import User
from assistants import attachments
from assistants.models import (
    Attachment,
    Conversation,
    CreatorProfile,
    Decision,
    Job,
    Message,
    Project,
    Step,
    Task,
    Turn,
)


def contribute() -> None:
    archives.contribute("conversations", "Your conversations, deleted ones too.", conversations)
    archives.contribute("messages", "What was said in them: what you asked, and the replies to it.", messages)
    archives.contribute("jobs", "Strategies, operations and documents that were made for you.", jobs)
    archives.contribute("steps", "What each step of them gave.", steps)
    archives.contribute("creator_profile", "What you told of yourself as a creator.", creator_profile)
    archives.contribute("projects", "Your projects, with their plans.", projects)
    archives.contribute(
        "project_tasks", "What was done and noted in them, and by you in those of others.", project_tasks
    )
    archives.contribute("project_decisions", "What was decided in them, and by you in those of others.", decisions)
    archives.contribute("attachments", "The files you attached, their content in Base64.", attached)
    archives.contribute("turns", "Each call of a model: what it took and how it ended.", turns)


def conversations(user: User) -> Iterable[Json]:
    found = Conversation.objects.filter(Q(user=user) | Q(workspace__in=own_workspaces(user)))
    fields = ["id", "workspace_id", "title", "system", "model", "created_at", "updated_at"]
    return rows(found, *fields, "archived_at", "deleted_at")


def messages(user: User) -> Iterable[Json]:
    found = Message.objects.filter(Q(user=user) | Q(conversation__workspace__in=own_workspaces(user)))
    return rows(
        found, "id", "conversation_id", "parent_id", "role", "state", "text", "feedback", "created_at", "updated_at"
    )


def attached(user: User) -> Iterator[Json]:
    """One file at a time, however many there are."""
    found = Attachment.objects.filter(Q(user=user) | Q(workspace__in=own_workspaces(user)))
    fields = ["id", "workspace_id", "message_id", "name", "media_type", "size", "created_at", "file"]
    for row in rows(found, *fields):
        data = attachments.content(row.pop("file"))
        yield row | {"content": None if data is None else base64.b64encode(data).decode()}


def jobs(user: User) -> Iterable[Json]:
    fields = ["id", "workspace_id", "project_id", "kind", "crew", "title", "brief", "context", "session", "model"]
    return rows(_jobs_of(user), *fields, "state", "error", "request_id", "created_at", "finished_at", "deleted_at")


def steps(user: User) -> Iterable[Json]:
    found = Step.objects.filter(job__in=_jobs_of(user))
    return rows(found, "job_id", "position", "role", "output", "model", "cost", "finished_at")


def _jobs_of(user: User) -> QuerySet[Job]:
    return Job.objects.filter(Q(user=user) | Q(workspace__in=own_workspaces(user)))


def turns(user: User) -> Iterable[Json]:
    found = Turn.objects.filter(Q(user=user) | Q(workspace__in=own_workspaces(user)))
    tokens = [field.name for field in Turn._meta.fields if field.name.endswith("_tokens")]
    fields = ["request_id", "workspace_id", "api_key_id", "message_id", "road", "model", "provider", "outcome", "error"]
    return rows(found, *fields, "stop_reason", "basis", *tokens, "cost", "duration_ms", "created_at")


def creator_profile(user: User) -> Iterable[Json]:
    fields = ["platforms", "niche", "audience", "goals", "hours_per_week", "experience", "created_at", "updated_at"]
    return rows(CreatorProfile.objects.filter(user=user), *fields)


def projects(user: User) -> Iterable[Json]:
    found = Project.objects.filter(Q(user=user) | Q(workspace__in=own_workspaces(user)))
    fields = ["id", "workspace_id", "conversation_id", "template", "title", "plan", "status", "is_shared"]
    return rows(found, *fields, "created_at", "updated_at", "finished_at")


def project_tasks(user: User) -> Iterable[Json]:
    """In their own projects all of them: the notes there are of one common work."""
    found = Task.objects.filter(Q(done_by=user) | Q(project__user=user))
    return rows(found, "project_id", "key", "notes", "done_at", "updated_at")


def decisions(user: User) -> Iterable[Json]:
    found = Decision.objects.filter(Q(user=user) | Q(project__user=user, user=None))
    fields = ["id", "project_id", "category", "text", "rationale", "confidence"]
    return rows(found, *fields, "created_at", "superseded_at")
