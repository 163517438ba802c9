"""Projects: made from a template, one at a time unless the plan allows more, seen by whom they are shared with."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.shortcuts import get_object_or_404

from accounts.callers import Caller
from accounts.models import User
from assistants import conversations
from assistants.coaching import plans, profiles, templates, welcome
from assistants.crew import leaving
from assistants.errors import ActiveProjectExists, NoActiveProject, NotYourProject
from assistants.models import Conversation, Job, Project
from billing import subscriptions

Status = Project.Status
OVER = (Status.COMPLETED, Status.ABANDONED)


def seen(caller: Caller, project_id: UUID) -> Project:
    """Raises `Http404` where it is neither theirs nor shared with them."""
    return get_object_or_404(Project.objects.seen_by(caller.user_id, caller.workspace_id), id=project_id)


def active(caller: Caller) -> Project:
    """Their newest one here. Raises `NoActiveProject`."""
    theirs = Project.objects.filter(user=caller.user_id, workspace=caller.workspace_id, status=Status.ACTIVE)
    found = theirs.first()
    if found is None:
        raise NoActiveProject
    return found


@transaction.atomic
def create(caller: Caller, *, template: str, title: str, model: str, is_shared: bool, at: datetime) -> Project:
    """With a plan and a word of welcome made from the profile. Raises `UnknownTemplate`, `ActiveProjectExists`."""
    chosen = templates.named(template)
    profile = profiles.of(caller.user_id)
    plan = plans.make(chosen, profile)
    slot = _free_slot(caller)
    title = title or chosen.title
    conversation = conversations.create(
        caller, title=title, system="", model=model, welcome=welcome.text(title, plan, profile)
    )
    return Project.objects.create(
        workspace_id=caller.workspace_id,
        user_id=caller.user_id,
        template=chosen.slug,
        title=title,
        plan=plan,
        slot=slot,
        is_shared=is_shared,
        conversation=conversation,
        created_at=at,
        updated_at=at,
    )


@transaction.atomic
def change(caller: Caller, project_id: UUID, *, at: datetime, **changes: Any) -> Project:
    """Its title, status, whether it is shared, tasks of its plan. One that becomes active again takes a place again.

    Raises `Http404`, `NotYourProject`, `ActiveProjectExists`, `UnknownTask`.
    """
    project = _theirs(caller, project_id)
    if "plan" in changes:
        plans.change(project.plan, changes.pop("plan")["tasks"])
    if "status" in changes:
        _move(project, changes.pop("status"), caller, at)
    for name, value in changes.items():
        setattr(project, name, value)
    project.updated_at = at
    project.save()
    return project


@transaction.atomic
def delete(caller: Caller, project_id: UUID, *, at: datetime) -> None:
    """With its tasks, decisions and documents. What it used of an allowance stays used. Raises as `change` does."""
    seen(caller, project_id)
    # A message locks the conversation before the project, and so must this.
    conversation = Conversation.objects.select_for_update(no_key=True, of=("self",)).get(project=project_id)
    project = _theirs(caller, project_id)
    leaving.let_go(Job.objects.filter(project=project))
    project.delete()
    conversation.deleted_at = at
    conversation.save(update_fields=["deleted_at"])


def _theirs(caller: Caller, project_id: UUID) -> Project:
    """Held until the end of the transaction. Who works on a shared one does not end it or lend it on."""
    mine = Project.objects.seen_by(caller.user_id, caller.workspace_id).select_for_update(no_key=True)
    project = get_object_or_404(mine, id=project_id)
    if project.user_id != caller.user_id:
        raise NotYourProject
    return project


def _move(project: Project, status: str, caller: Caller, at: datetime) -> None:
    if status == Status.ACTIVE and project.status != Status.ACTIVE:
        project.slot = _free_slot(caller)
    if status != project.status:
        project.finished_at = at if status in OVER else None
    project.status = status


def _free_slot(caller: Caller) -> int:
    """The lowest place for an active project that is free. Raises `ActiveProjectExists`.

    The person's row is the lock, so that of two at once the second sees what the first took.
    """
    User.objects.select_for_update(no_key=True).get(pk=caller.user_id)
    most = subscriptions.current_plan(caller.workspace_id).active_projects
    taken = set(Project.objects.filter(user=caller.user_id, status=Status.ACTIVE).values_list("slot", flat=True))
    free = next((slot for slot in range(most) if slot not in taken), None)
    if free is None:
        raise ActiveProjectExists(most)
    return free
