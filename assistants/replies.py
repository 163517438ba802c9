"""A conversation's reply as events: `message.started`, `text`, `usage`, `message.completed`, `error`.

Every event's id counts the characters of the answer so far, so a client that lost the line says with `Last-Event-ID`
how much it has, and gets the rest: from the running turn, or from the database where it runs elsewhere or has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID

from accounts.callers import Caller
from assistants import conversations
from assistants.listening import Listener
from assistants.models import Message
from assistants.streaming import KEEP_ALIVE, event
from assistants.turns import LiveTurn

POLL_SECONDS = 1.0


async def follow(listener: Listener, conversation_id: UUID, *, offset: int = 0) -> AsyncIterator[bytes]:
    """The events of a running turn, from `offset` on."""
    turn = listener.turn
    order = turn.order
    said = {
        "parent_id": id_of(order.question_id),
        "request_id": order.request_id,
        "model": order.offer.slug,
        "demo": turn.provider.demo,
    }
    yield started(conversation_id, order.message_id, said, offset=offset)
    if caught_up := turn.text[offset:]:
        offset += len(caught_up)
        yield event("text", {"text": caught_up}, offset=offset)
    async for piece in listener.pieces():
        if piece is None:
            yield KEEP_ALIVE
        # What was caught up with above may come again in a piece.
        elif fresh := piece.text[max(0, offset - piece.offset) :]:
            offset += len(fresh)
            yield event("text", {"text": fresh}, offset=offset)
    yield event("usage", usage_of(turn), offset=offset)
    if failure := listener.failure:
        yield event("error", problem(failure.code, str(failure), turn.order.request_id), offset=offset)
    else:
        completed = {"message_id": str(turn.order.message_id), "stop_reason": turn.reading.stop_reason}
        yield event("message.completed", completed, offset=offset)


async def replay(
    message_id: UUID, conversation_id: UUID, caller: Caller, *, offset: int, project_id: UUID | None = None
) -> AsyncIterator[bytes]:
    """The same of a turn that has ended, or runs in another process, as the database has it."""
    row = await conversations.reply_state(message_id, conversation_id, caller, project_id=project_id)
    said = {
        "parent_id": id_of(row["parent_id"]),
        "request_id": row["request_id"],
        "model": row["model"],
        "demo": row["provider"] == "demo",
    }
    yield started(conversation_id, message_id, said, offset=offset)
    while True:
        if fresh := row["text"][offset:]:
            offset += len(fresh)
            yield event("text", {"text": fresh}, offset=offset)
        if row["state"] != Message.State.STREAMING or row["interrupted"]:
            break
        await asyncio.sleep(POLL_SECONDS)
        row = await conversations.reply_state(message_id, conversation_id, caller, project_id=project_id)
    if row["request_id"]:
        yield event("usage", usage_of_row(row), offset=offset)
    if row["state"] == Message.State.COMPLETED:
        yield event(
            "message.completed", {"message_id": str(message_id), "stop_reason": row["stop_reason"] or ""}, offset=offset
        )
    else:
        code = row["error"] or "interrupted"
        yield event("error", problem(code, "The answer was broken off.", row["request_id"]), offset=offset)


def started(conversation_id: UUID, message_id: UUID | None, said: Mapping[str, Any], *, offset: int) -> bytes:
    data = {"conversation_id": str(conversation_id), "message_id": str(message_id), **said}
    return event("message.started", data, offset=offset)


def id_of(message_id: UUID | None) -> str | None:
    return str(message_id) if message_id else None


def problem(code: str, detail: str, request_id: str | None) -> dict[str, Any]:
    return {"code": code, "detail": detail, "request_id": request_id}


def usage_of(turn: LiveTurn) -> dict[str, Any]:
    return _usage(turn.usage.prompt, turn.usage.output, str(turn.basis or ""))


def usage_of_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Zero where its turn has left no record."""
    return _usage(row["prompt_tokens"] or 0, row["output_tokens"] or 0, row["basis"] or "")


def _usage(prompt: int, output: int, basis: str) -> dict[str, Any]:
    return {"input_tokens": prompt, "output_tokens": output, "total_tokens": prompt + output, "basis": basis}
