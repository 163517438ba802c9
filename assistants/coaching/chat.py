"""A project's chat: a conversation that knows its project, and reads what is said in it.

What somebody says is read before it is answered. Its decisions and finished tasks are committed with the message
itself, so they are there whatever becomes of the reply or of whoever asked, never twice, and never of a message that
was refused; and the model that answers knows them already.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from accounts import database
from accounts.callers import Caller
from assistants import conversations
from assistants.coaching import context as contexts
from assistants.coaching import decisions, prompts, steps, tasks
from assistants.coaching.detector import Decided, Findings, detect
from assistants.conversations import Again, NewMessage
from assistants.models import Decision
from assistants.records import Statement
from assistants.streaming import event
from assistants.turns import LiveTurn

RECORDED = (Decision.Confidence.HIGH, Decision.Confidence.MEDIUM)
ENDED = b"event: message.completed\n"

# What a turn left: what was said, what it answered to, the reply, and what was recorded with it.
TURN = """
    SELECT p.plan, q.text AS said, r.text AS reply,
        (SELECT text FROM assistants_message
            WHERE id = q.parent_id AND role = 'assistant' AND user_id IS NOT NULL) AS before,
        (SELECT COALESCE(jsonb_agg(to_jsonb(found)), '[]') FROM (
            SELECT id, category, text, rationale, confidence FROM assistants_decision
            WHERE message_id = q.id ORDER BY category) found) AS decisions,
        (SELECT COALESCE(jsonb_agg(key ORDER BY id), '[]') FROM assistants_task WHERE message_id = q.id) AS done
    FROM assistants_message r
        JOIN assistants_project p ON p.conversation_id = r.conversation_id
        JOIN assistants_message q ON q.id = r.parent_id
    WHERE r.id = %(reply_id)s
"""


async def say(
    new: NewMessage, *, project_id: UUID, caller: Caller, request_id: str, at: datetime
) -> tuple[LiveTurn, UUID]:
    """The reply as it begins, and its conversation. Raises as `conversations.reply_to` does."""
    context = await contexts.seen(caller, project_id, parent=new.parent)
    # Reading takes a while, and others are being answered.
    found = await asyncio.to_thread(detect, new.text, before=context["before"], tasks=context["tasks"])
    recorded = [decision for decision in found.decisions if decision.confidence in RECORDED]
    known = prompts.facts(context, map(asdict, recorded), found.done)
    new = replace(
        new,
        system=prompts.system(known),
        project_id=project_id,
        facts=known,
        along=_recording(context, recorded, found, caller, conversations.question_id(request_id), at),
    )
    return await _reply_to(new, context, caller, request_id, at)


async def say_again(
    new: Again, *, project_id: UUID, caller: Caller, request_id: str, at: datetime
) -> tuple[LiveTurn, UUID]:
    """Another reply, to one who knows the project as it is now; nothing is read from the question again."""
    context = await contexts.seen(caller, project_id)
    known = prompts.facts(context)
    new = replace(new, system=prompts.system(known), project_id=project_id, facts=known)
    return await _reply_to(new, context, caller, request_id, at)


async def _reply_to(
    new: NewMessage | Again, context: contexts.Context, caller: Caller, request_id: str, at: datetime
) -> tuple[LiveTurn, UUID]:
    conversation_id = UUID(context["conversation_id"])
    turn = await conversations.reply_to(
        new, conversation_id=conversation_id, caller=caller, request_id=request_id, at=at
    )
    return turn, conversation_id


def _recording(
    context: contexts.Context, recorded: list[Decided], found: Findings, caller: Caller, message_id: UUID, at: datetime
) -> tuple[Statement, ...]:
    project_id = UUID(context["id"])
    statements = tasks.completing(project_id, found.done, by=caller.user_id, message_id=message_id, at=at)
    for decision in recorded:
        statements += decisions.recording(
            project_id,
            context["plan"],
            asdict(decision),
            by=caller.user_id,
            message_id=message_id,
            at=at,
            decision_id=uuid4(),
        )
    return tuple(statements)


async def actions(reply_id: UUID) -> tuple[dict[str, Any], str]:
    """What a turn led to, and its reply: `decisions` and `completed_tasks` as they were recorded, `suggested`
    decisions, of which it is not sure, and `next_steps` from the reply."""
    row = await database.fetch_one(TURN, {"reply_id": reply_id})
    if row is None:  # Erased meanwhile.
        return {"decisions": [], "suggested": [], "completed_tasks": [], "next_steps": []}, ""
    titles = {task["key"]: task["title"] for phase in row["plan"]["phases"] for task in phase["tasks"]}
    read = await asyncio.to_thread(detect, row["said"], before=row["before"] or "", tasks=[])
    return {
        "decisions": row["decisions"],
        "suggested": [asdict(found) for found in read.decisions if found.confidence not in RECORDED],
        "completed_tasks": [{"key": key, "title": titles.get(key, key)} for key in row["done"]],
        "next_steps": steps.of(row["reply"]),
    }, row["reply"]


async def with_actions(frames: AsyncIterator[bytes], reply_id: UUID) -> AsyncIterator[bytes]:
    """The events of a reply, and `actions` before the last one of a reply that came whole."""
    async for frame in frames:
        if frame.startswith(ENDED):
            found, reply = await actions(reply_id)
            yield event("actions", found, offset=len(reply))
        yield frame
