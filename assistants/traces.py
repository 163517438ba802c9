"""What people said, and how it is taken out: the text goes, the record of what it took stays."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from accounts.erasure import Leaver
from assistants.attachments import let_go
from assistants.coaching import traces as coaching
from assistants.conversations import UNTITLED, title_from
from assistants.crew import leaving
from assistants.models import Attachment, Conversation, Job, Message

# Nothing can be said in a conversation, and no reply can end, while its row is held; what comes then finds it gone.
THEIRS = "SELECT id FROM assistants_message WHERE conversation_id = ANY(%(conversations)s) OR user_id = %(user)s"
LOCK = f"WITH held AS ({THEIRS} FOR UPDATE) SELECT count(*) FROM held"
FREE_TURNS = f"UPDATE assistants_turn SET message_id = NULL WHERE message_id IN ({THEIRS})"
# What others said goes on from what was said before: nobody loses more of a branch than what goes.
ABOVE = f"""
    WITH RECURSIVE doomed AS (SELECT id, parent_id FROM assistants_message WHERE id IN ({THEIRS})),
    above AS (
        {{those}}
        UNION ALL
        SELECT above.id, doomed.parent_id FROM above JOIN doomed ON doomed.id = above.parent_id
    )
"""
RELINK_MESSAGES = (
    ABOVE.format(
        those="""
        SELECT m.id, m.parent_id FROM assistants_message m JOIN doomed ON doomed.id = m.parent_id
        WHERE m.id NOT IN (SELECT id FROM doomed)
    """
    )
    + """
    UPDATE assistants_message m SET parent_id = above.parent_id FROM above
    WHERE above.id = m.id AND NOT EXISTS (SELECT FROM doomed WHERE doomed.id = above.parent_id)
"""
)
RELINK_TIPS = (
    ABOVE.format(
        those="SELECT c.id, c.tip_id AS parent_id FROM assistants_conversation c JOIN doomed ON doomed.id = c.tip_id"
    )
    + """
    UPDATE assistants_conversation c SET tip_id = above.parent_id FROM above
    WHERE above.id = c.id AND NOT EXISTS (SELECT FROM doomed WHERE doomed.id = above.parent_id)
"""
)
DELETE_MESSAGES = f"DELETE FROM assistants_message WHERE id IN ({THEIRS})"
DELETE_CONVERSATIONS = "DELETE FROM assistants_conversation WHERE id = ANY(%(conversations)s)"


def take_out(leaver: Leaver) -> dict[str, int]:
    """Their own conversations, and what they asked elsewhere with the replies. What others said stays theirs."""
    doomed = _conversations_of(leaver)
    params: dict[str, Any] = {"conversations": doomed, "user": leaver.user_id}
    # Documents of their projects tell of them, whoever had them made.
    theirs = Q(workspace__in=leaver.workspace_ids) | Q(user=leaver.user_id) | Q(project__user=leaver.user_id)
    jobs = leaving.let_go(Job.objects.filter(theirs))
    coached = coaching.take_out(leaver, doomed)
    with connection.cursor() as cursor:
        cursor.execute(LOCK, params)
        titled = _retitle(leaver, doomed)
        attachments = let_go(_attachments_of(leaver, doomed))
        for statement in (FREE_TURNS, RELINK_MESSAGES, RELINK_TIPS, DELETE_MESSAGES):
            cursor.execute(statement, params)
        messages = cursor.rowcount
        cursor.execute(DELETE_CONVERSATIONS, params)
        conversations = cursor.rowcount
    counts = {"messages": messages, "conversations": conversations, "titles": titled, "attachments": attachments}
    return {**counts, "jobs": jobs, **coached}


def _attachments_of(leaver: Leaver, doomed: list[UUID]) -> list[Attachment]:
    """What they gave, and what goes with a message that goes. Held."""
    theirs = Q(workspace__in=leaver.workspace_ids) | Q(user=leaver.user_id)
    with_messages = Q(message__conversation__in=doomed) | Q(message__user=leaver.user_id)
    return list(Attachment.objects.filter(theirs | with_messages).order_by("pk").select_for_update(of=("self",)))


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
