"""Conversations: who owns them, what of them a model sees, and replying in them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import Http404
from django.utils.timezone import now
from psycopg.errors import ForeignKeyViolation, UniqueViolation

from accounts import database
from accounts.callers import Caller
from assistants import attachments, branches, catalogue, chain, estimates, providers, turns
from assistants.catalogue import Offer
from assistants.errors import AttachmentTaken, ConversationBusy, UnknownMessage
from assistants.models import Conversation, Message, Turn
from assistants.orders import Order
from assistants.providers.base import ModelCall
from assistants.records import Statement
from assistants.turns import LiveTurn
from quotas import metering

WELCOME = "Hello! What would you like to work on?"
UNTITLED = "New conversation"
TITLE_LENGTH = 60
# Shorter prompts are not worth writing to the provider's cache.
CACHED_FROM_TOKENS = 2048

# What was asked and the reply to fill, a microsecond apart so that they keep their order. Nothing where one of the
# attachments has been taken meanwhile.
BEGIN_REPLY = """
    WITH free AS (
        SELECT id FROM assistants_attachment
        WHERE id = ANY(%(attachments)s::uuid[]) AND workspace_id = %(workspace_id)s AND message_id IS NULL FOR UPDATE
    ),
    said AS (
        INSERT INTO assistants_message
            (id, conversation_id, user_id, parent_id, role, state, text, feedback, created_at, updated_at)
        SELECT * FROM (VALUES {question}
            (%(reply_id)s, %(conversation_id)s, %(user_id)s, %(question_id)s, 'assistant', 'streaming', '', '',
                %(at)s + interval '1 microsecond', now())
        ) AS new WHERE (SELECT count(*) FROM free) = cardinality(%(attachments)s::uuid[])
        RETURNING id
    ),
    taken AS (
        UPDATE assistants_attachment
        SET message_id = %(question_id)s, place = array_position(%(attachments)s::uuid[], id)
        WHERE id IN (SELECT id FROM free) AND EXISTS (SELECT FROM said)
    ),
    titled AS (
        UPDATE assistants_conversation SET updated_at = %(at)s, tip_id = %(reply_id)s,
            title = CASE WHEN title = %(untitled)s THEN %(title)s ELSE title END
        WHERE id = %(conversation_id)s AND EXISTS (SELECT FROM said)
    )
    SELECT id FROM said
"""
QUESTION = """
    (%(question_id)s, %(conversation_id)s, %(user_id)s, %(parent_id)s, 'user', 'completed', %(text)s, '',
        %(at)s, %(at)s),
"""

STATE = """
    SELECT m.id, m.conversation_id, m.parent_id, m.state, m.text, m.updated_at < now() - %(silent)s AS interrupted,
        t.request_id, t.model, t.provider, t.basis, t.stop_reason, t.output_tokens, t.error,
        t.input_tokens + t.cache_write_5m_tokens + t.cache_write_1h_tokens + t.cache_read_tokens AS prompt_tokens
    FROM assistants_message m JOIN assistants_conversation c ON c.id = m.conversation_id
        LEFT JOIN assistants_turn t ON t.message_id = m.id
    WHERE m.id = %(message_id)s AND m.role = 'assistant' AND c.id = %(conversation_id)s
        AND c.workspace_id = %(workspace_id)s AND c.deleted_at IS NULL
        AND (SELECT id FROM assistants_project WHERE conversation_id = c.id) IS NOT DISTINCT FROM %(project_id)s
"""


class Root(Enum):
    """The place before all messages."""

    ROOT = "root"


@dataclass(frozen=True)
class NewMessage:
    """What somebody says, nothing where files say it all, and what it goes on from; None is the conversation's tip.
    `system`, where given, stands in for the conversation's own.

    `project_id` is whose conversation it must be; without it, it must be no project's. What stands in `along` is
    committed with the message, whose id is `question_id`. `facts` are what of `system` people wrote, as plain data.
    """

    text: str
    max_tokens: int
    system: str | None = None
    parent: UUID | Root | None = None
    attachments: tuple[UUID, ...] = ()
    project_id: UUID | None = None
    facts: Any = None
    along: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Again:
    """Another reply to a question: to the one that `message_id` is, or that it answers. `model` may be another one."""

    message_id: UUID
    max_tokens: int
    model: str | None = None
    system: str | None = None
    project_id: UUID | None = None
    facts: Any = None


async def reply_to(
    new: NewMessage | Again, *, conversation_id: UUID, caller: Caller, request_id: str, at: datetime
) -> LiveTurn:
    """Save what was said, if it is new, and begin the reply.

    Raises `Http404`, `UnknownMessage`, `UnknownAttachment`, `AttachmentTaken`, `ConversationBusy`, and as `turns.admit`
    does.
    """
    replying = _reply_again if isinstance(new, Again) else _reply_to
    return await turns.unhurried(replying(new, conversation_id, caller, request_id, at))  # type: ignore[arg-type]


async def _reply_to(new: NewMessage, conversation_id: UUID, caller: Caller, request_id: str, at: datetime) -> LiveTurn:
    end, message_id = _place_of(new.parent)
    most = settings.CONVERSATION_MESSAGES - 1  # The new one is the last of them.
    history = await branches.history(
        conversation_id,
        caller,
        end=end,
        message_id=message_id,
        most=most,
        attachments=new.attachments,
        project_id=new.project_id,
    )
    files = attachments.checked(new.attachments, history["attachments"])
    question = {"role": "user", "content": new.text} | ({"files": files} if files else {})
    asked_id = question_id(request_id)
    turn = await _admitted(new, history, [*history["messages"], question], asked_id, caller, request_id, at)
    said = {
        "question_id": asked_id,
        "text": new.text,
        "title": title_from(new.text or files[0]["name"]),
        "parent_id": history["end_id"],
        "attachments": list(new.attachments),
    }
    await _begin(turn, BEGIN_REPLY.format(question=QUESTION), conversation_id, said, along=new.along)
    return turn


async def _reply_again(new: Again, conversation_id: UUID, caller: Caller, request_id: str, at: datetime) -> LiveTurn:
    history = await branches.history(
        conversation_id, caller, end=branches.QUESTION, message_id=new.message_id, project_id=new.project_id
    )
    messages = history["messages"]
    if not (messages and messages[-1]["role"] == "user"):
        raise UnknownMessage
    turn = await _admitted(new, history, messages, history["end_id"], caller, request_id, at)
    asked = {"question_id": history["end_id"], "title": UNTITLED, "attachments": []}
    await _begin(turn, BEGIN_REPLY.format(question=""), conversation_id, asked)
    return turn


def _place_of(parent: UUID | Root | None) -> tuple[str, UUID | None]:
    if parent is None:
        return branches.TIP, None
    return branches.NAMED, None if parent is Root.ROOT else parent


async def _admitted(
    new: NewMessage | Again,
    history: database.Row,
    messages: list[dict[str, Any]],
    asked_id: UUID,
    caller: Caller,
    request_id: str,
    at: datetime,
) -> LiveTurn:
    offer = await catalogue.find((new.model if isinstance(new, Again) else None) or history["model"])
    system = history["system"] if new.system is None else new.system
    body = prompt(system, messages, offer, new.max_tokens)
    estimate = _tokens(body, body["messages"])
    body["messages"] = await attachments.with_files(body["messages"])
    order = Order(
        caller,
        request_id,
        Turn.Road.CONVERSATION,
        offer,
        ModelCall(body),
        message_id=reply_id(request_id),
        question_id=asked_id,
        fallbacks=await chain.fallbacks_of(offer, caller),
        prompt_estimate=estimate,
        facts=new.facts,
    )
    return await turns.admit(order, providers.of(offer), at=at)


async def _begin(
    turn: LiveTurn, statement: str, conversation_id: UUID, said: dict[str, Any], *, along: tuple[Statement, ...] = ()
) -> None:
    order = turn.order
    always = {
        "conversation_id": conversation_id,
        "workspace_id": order.caller.workspace_id,
        "user_id": order.caller.user_id,
        "reply_id": order.message_id,
        "untitled": UNTITLED,
        "at": turn.created_at,
    }
    try:
        if await database.fetch_first_of([(statement, always | said), *along]) is None:
            raise AttachmentTaken
    except (UniqueViolation, ForeignKeyViolation, AttachmentTaken) as exc:
        await metering.release(turn.admission.reservation_id)
        if isinstance(exc, AttachmentTaken):
            raise
        raise ConversationBusy if isinstance(exc, UniqueViolation) else Http404 from exc
    turn.begin()


def reply_id(request_id: str) -> UUID:
    """Of the reply to a request, so that it is found by that alone, whatever became of the process."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"reply to {request_id}")


def question_id(request_id: str) -> UUID:
    """Likewise, of what was asked."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"question of {request_id}")


def prompt(system: str, messages: list[dict[str, Any]], offer: Offer, max_tokens: int) -> dict[str, Any]:
    """The request for a model: the last messages, from the first that is a person's, as many as its context holds."""
    body: dict[str, Any] = {"model": offer.slug, "max_tokens": min(max_tokens, offer.max_output), "stream": True}
    if system:
        body["system"] = system
    while len(messages) > 1 and (messages[0]["role"] != "user" or _too_long(body, messages, offer)):
        messages = messages[1:]
    body["messages"] = messages
    if _tokens(body, messages) >= CACHED_FROM_TOKENS:
        body["cache_control"] = {"type": "ephemeral"}
    return body


def _too_long(body: dict[str, Any], messages: list[dict[str, Any]], offer: Offer) -> bool:
    return _tokens(body, messages) + int(body["max_tokens"]) > offer.context


def _tokens(body: dict[str, Any], messages: list[dict[str, Any]]) -> int:
    """Estimated before the files are read."""
    return estimates.prompt_tokens({**body, "messages": messages}) + attachments.tokens(messages)


def title_from(text: str) -> str:
    """Of a conversation that nobody has named, by the first that is said in it."""
    return " ".join(text.split())[:TITLE_LENGTH]


async def reply_state(
    message_id: UUID, conversation_id: UUID, caller: Caller, *, project_id: UUID | None = None
) -> database.Row:
    """A reply as the database has it, with its turn once that ended.

    Raises `UnknownMessage`, and where it is in a project's conversation other than the one that is named.
    """
    params = {
        "message_id": message_id,
        "conversation_id": conversation_id,
        "workspace_id": caller.workspace_id,
        "project_id": project_id,
        "silent": settings.RESERVATION_LEASE,
    }
    found = await database.fetch_one(STATE, params)
    if found is None:
        raise UnknownMessage
    return found


@transaction.atomic
def create(caller: Caller, *, title: str, system: str, model: str, welcome: str = WELCOME) -> Conversation:
    """A conversation that begins with a word of welcome, which is never sent to the model."""
    conversation = Conversation.objects.create(
        workspace_id=caller.workspace_id, user_id=caller.user_id, title=title, system=system, model=model
    )
    moment = now()
    conversation.tip = conversation.messages.create(
        role=Message.Role.ASSISTANT, text=welcome, created_at=moment, updated_at=moment
    )
    conversation.save(update_fields=["tip"])
    return conversation
