"""Which of a conversation's messages go on from which: every message knows its parent, a conversation its tip.

From its tip up to the beginning leads the branch that is shown, and that a model sees. What is said elsewhere than at
the tip, and a reply that is made again, begins another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404

from accounts import database
from accounts.callers import Caller
from assistants.errors import UnknownMessage
from assistants.models import Conversation

# Where a branch ends that a model is to see.
TIP = "c.tip_id"
NAMED = "%(message_id)s::uuid"
QUESTION = """(
    SELECT CASE role WHEN 'user' THEN id ELSE parent_id END FROM assistants_message
    WHERE id = %(message_id)s AND conversation_id = c.id
)"""

FILE = """
    jsonb_build_object('id', a.id, 'name', a.name, 'media_type', a.media_type, 'size', a.size, 'tokens', a.tokens,
        'file', a.file, 'is_taken', a.message_id IS NOT NULL) ORDER BY a.place, a.created_at, a.id
"""
# Files say something without a word.
SAID = "(m.text <> '' OR EXISTS (SELECT FROM assistants_attachment WHERE message_id = m.id))"
# Replies that brought nothing are passed over, and not counted. LIMIT makes each step one look into the primary key;
# left to choose, PostgreSQL reads the whole table at every step while it is small.
HISTORY = """
    WITH RECURSIVE found AS (
        SELECT c.id, c.system, c.model, {end} AS end_id FROM assistants_conversation c
        WHERE c.id = %(conversation_id)s AND c.workspace_id = %(workspace_id)s AND c.deleted_at IS NULL
            AND (SELECT id FROM assistants_project WHERE conversation_id = c.id) IS NOT DISTINCT FROM %(project_id)s
    ),
    branch AS (
        SELECT m.id, m.parent_id, m.role, m.state, m.text, 1 AS height, {said}::int AS is_said, {said}::int AS said
        FROM found JOIN assistants_message m ON m.id = found.end_id AND m.conversation_id = found.id
        UNION ALL
        SELECT m.id, m.parent_id, m.role, m.state, m.text, b.height + 1, {said}::int, b.said + {said}::int
        FROM branch b CROSS JOIN LATERAL (SELECT * FROM assistants_message WHERE id = b.parent_id LIMIT 1) m
        WHERE b.said < %(most)s
    )
    SELECT found.system, found.model, found.end_id, EXISTS (SELECT FROM branch) AS has_end,
        COALESCE((
            SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('role', b.role, 'content', b.text, 'files', (
                SELECT jsonb_agg({file}) FROM assistants_attachment a WHERE a.message_id = b.id
            ))) ORDER BY b.height DESC)
            FROM branch b WHERE b.is_said = 1 AND b.state <> 'streaming'
        ), '[]') AS messages,
        COALESCE((
            SELECT jsonb_agg({file}) FROM assistants_attachment a
            WHERE a.id = ANY(%(attachments)s::uuid[]) AND a.workspace_id = %(workspace_id)s
        ), '[]') AS attachments
    FROM found
"""

# Of those that go on from a message the newest, and so on to the end.
END = """
    WITH RECURSIVE down AS (
        SELECT id, 0 AS depth FROM assistants_message
        WHERE id = %(message_id)s AND conversation_id = %(conversation_id)s
        UNION ALL
        SELECT newest.id, down.depth + 1 FROM down CROSS JOIN LATERAL (
            SELECT id FROM assistants_message WHERE parent_id = down.id ORDER BY created_at DESC, id DESC LIMIT 1
        ) newest
    )
    SELECT id FROM down ORDER BY depth DESC LIMIT 1
"""


async def history(
    conversation_id: UUID,
    caller: Caller,
    *,
    end: str,
    message_id: UUID | None = None,
    most: int | None = None,
    attachments: Sequence[UUID] = (),
    project_id: UUID | None = None,
) -> database.Row:
    """The last messages of the branch that leads to `end`, and those of the attachments that there are: one round trip.

    Raises `Http404` or `UnknownMessage`.
    """
    params: dict[str, Any] = {
        "conversation_id": conversation_id,
        "workspace_id": caller.workspace_id,
        "message_id": message_id,
        "most": most or settings.CONVERSATION_MESSAGES,
        "attachments": list(attachments),
        "project_id": project_id,
    }
    found = await database.fetch_one(HISTORY.format(end=end, file=FILE, said=SAID), params)
    if found is None:
        raise Http404("There is no such conversation.")
    if found["end_id"] and not found["has_end"]:
        raise UnknownMessage
    return found


def newest_end(conversation: Conversation, message_id: UUID) -> UUID:
    """Of the branches that lead through a message. Raises `UnknownMessage`."""
    found = database.fetch_one_now(END, {"conversation_id": conversation.pk, "message_id": message_id})
    if found is None:
        raise UnknownMessage
    end: UUID = found["id"]
    return end
