"""What coaching keeps of a person, and how it is taken out: their own goes, what others work on stays without them."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q

from accounts.erasure import Leaver
from assistants.coaching import plans, templates
from assistants.models import CreatorProfile, Decision, Message, Project, Task


def take_out(leaver: Leaver, conversations: list[UUID]) -> dict[str, int]:
    """`conversations` are those that go, and their projects with them. Others' words in a shared project stay."""
    doomed = Project.objects.filter(Q(conversation__in=conversations) | Q(workspace__in=leaver.workspace_ids))
    said = Message.objects.filter(user=leaver.user_id)
    return {
        "projects": doomed.delete()[0],
        "decisions": Decision.objects.filter(Q(user=leaver.user_id) | Q(message__in=said)).delete()[0],
        "tasks": _forget_who_did(leaver),
        "plans": _forget_whose(leaver),
        "profile": CreatorProfile.objects.filter(user=leaver.user_id).delete()[0],
    }


def _forget_who_did(leaver: Leaver) -> int:
    """It stays done. Notes do not say whose they are, so those on what this person did go."""
    Task.objects.filter(project__user=leaver.user_id).update(notes="")
    done = Task.objects.filter(Q(done_by=leaver.user_id) | Q(message__user=leaver.user_id))
    return done.update(notes="", done_by=None, message=None)


def _forget_whose(leaver: Leaver) -> int:
    """A project that others work on goes on under the template's name and plan, without what the profile gave it."""
    staying = list(Project.objects.filter(user=leaver.user_id))
    # The word of welcome tells what the profile said.
    Message.objects.filter(conversation__project__in=staying, user=None).delete()
    known = {template.slug: template for template in templates.every()}
    for project in staying:
        template = known.get(project.template)
        project.title = template.title if template else project.template
        project.plan = plans.make(template, None) if template else project.plan
        project.save(update_fields=["title", "plan"])
    return len(staying)
