"""Conversations: who owns them, what of them a model sees, and replying in them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404
from django.utils.timezone import now
from psycopg.errors import ForeignKeyViolation, UniqueViolation

from accounts import database
from accounts.callers import Caller
from assistants import catalogue, chain, estimates, providers, turns
from assistants.catalogue import Offer
from assistants.errors import ConversationBusy
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

HISTORY = """
    SELECT c.system, c.model,
        COALESCE(jsonb_agg(m.message ORDER BY m.created_at) FILTER (WHERE m.message IS NOT NULL), '[]') AS messages
    FROM assistants_conversation c LEFT JOIN LATERAL (
        SELECT created_at, jsonb_build_object('role', role, 'content', text) AS message
        FROM assistants_message WHERE conversation_id = c.id AND text <> '' AND state <> 'streaming'
        ORDER BY created_at DESC LIMIT %(most)s
    ) m ON true
    WHERE c.id = %(conversation_id)s AND c.workspace_id = %(workspace_id)s AND c.deleted_at IS NULL
        AND (SELECT id FROM assistants_project WHERE conversation_id = c.id) IS NOT DISTINCT FROM %(project_id)s
    GROUP BY c.id
"""

# What was asked and the reply to fill, a microsecond apart so that they keep their order.
BEGIN_REPLY = """
    WITH titled AS (
        UPDATE assistants_conversation SET updated_at = %(at)s,
            title = CASE WHEN title = %(untitled)s THEN %(title)s ELSE title END
        WHERE id = %(conversation_id)s
    )
    INSERT INTO assistants_message (id, conversation_id, user_id, role, state, text, feedback, created_at, updated_at)
    VALUES
        (%(question_id)s, %(conversation_id)s, %(user_id)s, 'user', 'completed', %(text)s, '', %(at)s, %(at)s),
        (%(reply_id)s, %(conversation_id)s, %(user_id)s, 'assistant', 'streaming', '', '',
            %(at)s + interval '1 microsecond', now())
    RETURNING id
"""

STATE = """
    SELECT m.id, m.conversation_id, m.state, m.text, m.updated_at < now() - %(silent)s AS interrupted,
        t.request_id, t.model, t.provider, t.basis, t.stop_reason, t.output_tokens, t.error,
        t.input_tokens + t.cache_write_5m_tokens + t.cache_write_1h_tokens + t.cache_read_tokens AS prompt_tokens
    FROM assistants_message m JOIN assistants_conversation c ON c.id = m.conversation_id
        LEFT JOIN assistants_turn t ON t.message_id = m.id
    WHERE m.id = %(message_id)s AND m.role = 'assistant' AND c.id = %(conversation_id)s
        AND c.workspace_id = %(workspace_id)s AND c.deleted_at IS NULL
        AND (SELECT id FROM assistants_project WHERE conversation_id = c.id) IS NOT DISTINCT FROM %(project_id)s
"""


@dataclass(frozen=True)
class NewMessage:
    """What somebody says. `system`, where given, stands in for the conversation's own.

    `project_id` is whose conversation it must be; without it, it must be no project's. What stands in `along` is
    committed with the message, whose id is `question_id`.
    """

    text: str
    max_tokens: int
    system: str | None = None
    project_id: UUID | None = None
    along: tuple[Statement, ...] = ()


async def reply_to(
    new: NewMessage, *, conversation_id: UUID, caller: Caller, request_id: str, at: datetime
) -> LiveTurn:
    """Save what was said and begin the reply. Raises `Http404`, `ConversationBusy`, `QuotaExceeded`."""
    return await turns.unhurried(_reply_to(new, conversation_id, caller, request_id, at))


async def _reply_to(new: NewMessage, conversation_id: UUID, caller: Caller, request_id: str, at: datetime) -> LiveTurn:
    history = await _history(conversation_id, caller, new.project_id)
    offer = await catalogue.find(history["model"])
    system = history["system"] if new.system is None else new.system
    body = prompt(system, [*history["messages"], {"role": "user", "content": new.text}], offer, new.max_tokens)
    order = Order(
        caller,
        request_id,
        Turn.Road.CONVERSATION,
        offer,
        ModelCall(body),
        message_id=reply_id(request_id),
        fallbacks=await chain.fallbacks_of(offer, caller),
    )
    turn = await turns.admit(order, providers.of(offer), at=at)
    try:
        await _begin_reply(conversation_id, new, turn, at)
    except (UniqueViolation, ForeignKeyViolation) as exc:
        await metering.release(turn.admission.reservation_id)
        raise ConversationBusy if isinstance(exc, UniqueViolation) else Http404 from exc
    turn.begin()
    return turn


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
    if estimates.prompt_tokens(body) >= CACHED_FROM_TOKENS:
        body["cache_control"] = {"type": "ephemeral"}
    return body


def _too_long(body: dict[str, Any], messages: list[dict[str, Any]], offer: Offer) -> bool:
    tokens: int = estimates.prompt_tokens({**body, "messages": messages}) + body["max_tokens"]
    return tokens > offer.context


async def _history(conversation_id: UUID, caller: Caller, project_id: UUID | None) -> database.Row:
    params = {
        "conversation_id": conversation_id,
        "workspace_id": caller.workspace_id,
        "project_id": project_id,
        "most": settings.CONVERSATION_MESSAGES - 1,  # The new one is the last of them.
    }
    found = await database.fetch_one(HISTORY, params)
    if found is None:
        raise Http404("There is no such conversation.")
    return found


async def _begin_reply(conversation_id: UUID, new: NewMessage, turn: LiveTurn, at: datetime) -> None:
    params = {
        "conversation_id": conversation_id,
        "user_id": turn.order.caller.user_id,
        "question_id": question_id(turn.order.request_id),
        "reply_id": turn.order.message_id,
        "text": new.text,
        "title": title_from(new.text),
        "untitled": UNTITLED,
        "at": at,
    }
    await database.fetch_first_of([(BEGIN_REPLY, params), *new.along])


def title_from(text: str) -> str:
    """Of a conversation that nobody has named, by the first that is said in it."""
    return " ".join(text.split())[:TITLE_LENGTH]


async def reply_state(
    message_id: UUID, conversation_id: UUID, caller: Caller, *, project_id: UUID | None = None
) -> database.Row:
    """A reply as the database has it, with its turn once that ended. Raises `Http404`, and where it is in a
    project's conversation other than the one that is named."""
    params = {
        "message_id": message_id,
        "conversation_id": conversation_id,
        "workspace_id": caller.workspace_id,
        "project_id": project_id,
        "silent": settings.RESERVATION_LEASE,
    }
    found = await database.fetch_one(STATE, params)
    if found is None:
        raise Http404("There is no such message.")
    return found


def create(caller: Caller, *, title: str, system: str, model: str, welcome: str = WELCOME) -> Conversation:
    """A conversation that begins with a word of welcome, which is never sent to the model."""
    conversation = Conversation.objects.create(
        workspace_id=caller.workspace_id, user_id=caller.user_id, title=title, system=system, model=model
    )
    moment = now()
    conversation.messages.create(role=Message.Role.ASSISTANT, text=welcome, created_at=moment, updated_at=moment)
    return conversation


def as_markdown(conversation: Conversation) -> str:
    said = (f"**{message.get_role_display()}**\n\n{message.text}" for message in conversation.messages.all())
    return "\n\n".join([f"# {conversation.title}", *said]) + "\n"
