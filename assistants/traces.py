"""What people said, and how it is taken out: the text goes, the record of what it took stays."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from accounts.erasure import Leaver
from assistants.coaching import traces as coaching
from assistants.conversations import UNTITLED, title_from
from assistants.models import Conversation, Job, Message

# Nothing can be said in a conversation, and no reply can end, while its row is held; what comes then finds it gone.
THEIRS = "SELECT id FROM assistants_message WHERE conversation_id = ANY(%(conversations)s) OR user_id = %(user)s"
LOCK = f"WITH held AS ({THEIRS} FOR UPDATE) SELECT count(*) FROM held"
FREE_TURNS = f"UPDATE assistants_turn SET message_id = NULL WHERE message_id IN ({THEIRS})"
DELETE_MESSAGES = f"DELETE FROM assistants_message WHERE id IN ({THEIRS})"
DELETE_CONVERSATIONS = "DELETE FROM assistants_conversation WHERE id = ANY(%(conversations)s)"


def take_out(leaver: Leaver) -> dict[str, int]:
    """Their own conversations, and what they asked elsewhere with the replies. What others said stays theirs."""
    doomed = _conversations_of(leaver)
    params: dict[str, Any] = {"conversations": doomed, "user": leaver.user_id}
    coached = coaching.take_out(leaver, doomed)
    with connection.cursor() as cursor:
        cursor.execute(LOCK, params)
        titled = _retitle(leaver, doomed)
        cursor.execute(FREE_TURNS, params)
        cursor.execute(DELETE_MESSAGES, params)
        messages = cursor.rowcount
        cursor.execute(DELETE_CONVERSATIONS, params)
        conversations = cursor.rowcount
    _, gone = Job.objects.filter(Q(workspace__in=leaver.workspace_ids) | Q(user=leaver.user_id)).delete()
    jobs = gone.get(Job._meta.label, 0)
    return {"messages": messages, "conversations": conversations, "titles": titled, "jobs": jobs, **coached}


def _conversations_of(leaver: Leaver) -> list[UUID]:
    """Those of their own workspaces, and elsewhere those they began in which nobody else has asked anything. Held."""
    others = Message.objects.filter(conversation=OuterRef("pk"), user__isnull=False).exclude(user=leaver.user_id)
    theirs = Q(workspace__in=leaver.workspace_ids) | Q(user=leaver.user_id) & ~Exists(others)
    found = Conversation.objects.filter(theirs).order_by("pk").select_for_update()
    return list(found.values_list("pk", flat=True))


def _retitle(leaver: Leaver, doomed: list[UUID]) -> int:
    """Where others go on talking, what this person called the conversation, or told the model before it, goes."""
    staying = Conversation.objects.exclude(pk__in=doomed)
    begun = staying.filter(user=leaver.user_id).exclude(title=UNTITLED, system="")
    count = begun.update(title=UNTITLED, system="")
    asked = Message.objects.filter(user=leaver.user_id, role=Message.Role.USER, conversation__in=staying)
    for conversation, title, text in asked.values_list("conversation", "conversation__title", "text").iterator():
        if title == title_from(text):
            count += Conversation.objects.filter(pk=conversation).update(title=UNTITLED)
    return count
