"""The record of a turn, and the reply it leaves in a conversation: statements committed with its settlement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from accounts.database import Params

if TYPE_CHECKING:
    from assistants.turns import LiveTurn

Statement = tuple[str, Params]

# What has come so far never takes the place of how it ended, which another statement may be writing meanwhile.
SAVE_REPLY = """
    UPDATE assistants_message SET text = %(text)s, state = %(state)s, updated_at = now()
    WHERE id = %(message_id)s AND (state = 'streaming' OR (state = 'incomplete' AND %(state)s <> 'streaming'))
"""
# Whether somebody asked, in another process, that it stop.
SAVE_PROGRESS = f"{SAVE_REPLY} RETURNING stop_asked_at IS NOT NULL AS is_to_stop"

# A reply that was erased meanwhile is left out; one that is being erased is waited for.
MESSAGE = "(SELECT id FROM assistants_message WHERE id = %(message_id)s FOR KEY SHARE)"


def of_turn(turn: LiveTurn) -> list[Statement]:
    statements = [_insert("assistants_turn", _fields(turn))]
    if turn.order.message_id:
        state = str(turn.message_state)
        statements.append((SAVE_REPLY, {"message_id": turn.order.message_id, "text": turn.text, "state": state}))
    return statements


def of_progress(turn: LiveTurn) -> Statement:
    """Its reply as far as it has come; answers whether it `is_to_stop`."""
    return SAVE_PROGRESS, {"message_id": turn.order.message_id, "text": turn.text, "state": "streaming"}


def _fields(turn: LiveTurn) -> dict[str, Any]:
    order, usage = turn.order, turn.usage
    return {
        "reservation_id": turn.admission.reservation_id,
        "request_id": order.request_id,
        "workspace_id": order.caller.workspace_id,
        "user_id": order.caller.user_id,
        "api_key_id": order.caller.key_id,
        "message_id": order.message_id,
        "road": str(order.road),
        "model": order.offer.slug,
        "provider": turn.provider.name,
        "asked_model": turn.asked if turn.fallback else "",
        "tried": Jsonb(turn.chain.tried),
        "outcome": str(turn.outcome),
        "error": turn.failure.code if turn.failure else "",
        "stop_reason": turn.reading.stop_reason[:40],
        "basis": str(turn.basis or ""),
        "input_tokens": usage.input,
        "cache_write_5m_tokens": usage.cache_write_5m,
        "cache_write_1h_tokens": usage.cache_write_1h,
        "cache_read_tokens": usage.cache_read,
        "output_tokens": usage.output,
        "cost": turn.cost,
        "first_token_ms": turn.first_token_ms,
        "duration_ms": turn.duration_ms,
        "created_at": turn.created_at,
    }


def _insert(table: str, fields: dict[str, Any]) -> Statement:
    names = ", ".join(fields)
    places = ", ".join(MESSAGE if name == "message_id" else f"%({name})s" for name in fields)
    return f"INSERT INTO {table} ({names}) VALUES ({places}) ON CONFLICT DO NOTHING", fields
