"""Ending a reply before its end, wherever it is being written."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts import database
from accounts.callers import Caller
from assistants import conversations, running
from assistants.models import Message

ASK = """
    UPDATE assistants_message SET stop_asked_at = %(at)s WHERE id = %(message_id)s AND state = 'streaming' RETURNING id
"""


async def stop(
    message_id: UUID, conversation_id: UUID, caller: Caller, *, at: datetime, project_id: UUID | None = None
) -> database.Row:
    """The reply, ended unless another process writes it, which sees within `CHECKPOINT_SECONDS` that it is to end.

    One that has ended stays as it is. Raises `UnknownMessage`.
    """
    reply = await conversations.reply_state(message_id, conversation_id, caller, project_id=project_id)
    if reply["state"] != Message.State.STREAMING:
        return reply
    if turn := running.answering(message_id):
        await turn.end_early()
    else:
        await database.fetch_one(ASK, {"message_id": message_id, "at": at})
    return await conversations.reply_state(message_id, conversation_id, caller, project_id=project_id)
