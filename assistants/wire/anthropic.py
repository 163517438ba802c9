"""Anthropic's Messages format: what may be asked, and how answers, errors and limits are written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from assistants.catalogue import Offer
from assistants.errors import InvalidRequest
from quotas.limits import Limit

Body = dict[str, Any]

PARAMETERS = frozenset(
    """
    model messages max_tokens system tools tool_choice stream stop_sequences metadata thinking
    cache_control container context_management diagnostics inference_geo mcp_servers output_config
    output_format service_tier speed temperature top_p top_k betas user_profile_id
    """.split()
)
# What is asked of an answer; counting a prompt takes none of it.
OF_AN_ANSWER = frozenset(
    """
    max_tokens stream stop_sequences metadata container diagnostics inference_geo service_tier
    """.split()
)
# Today's models refuse these; they are taken off, and a header says so.
SAMPLING = ("temperature", "top_p", "top_k")
ROLES = ("user", "assistant", "system")
KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def check(body: Body, *, counting: bool = False) -> None:
    """Raises `InvalidRequest` in the API's own words, for what it refuses before a model sees it."""
    known = PARAMETERS - OF_AN_ANSWER if counting else PARAMETERS
    for name in body:
        if name not in known:
            raise InvalidRequest(f"{name}: Extra inputs are not permitted", name)
    _require(body, "model", str)
    _require(body, "messages", list)
    if not counting:
        _require(body, "max_tokens", int)
        if body["max_tokens"] < 1:
            raise InvalidRequest("max_tokens: Input should be greater than or equal to 1", "max_tokens")
    if not body["messages"]:
        raise InvalidRequest("messages: at least one message is required", "messages")
    for place, message in enumerate(body["messages"]):
        _check_message(f"messages.{place}", message)
    _check_types(body)


def split_sampling(body: Body) -> tuple[Body, list[str]]:
    """The body without what models refuse, and the names of what was taken off."""
    dropped = [name for name in SAMPLING if name in body]
    return {name: value for name, value in body.items() if name not in dropped}, dropped


def error_body(kind: str, message: str, request_id: str) -> Body:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}


def error_event(kind: str, message: str, request_id: str) -> bytes:
    return b"event: error\ndata: " + json.dumps(error_body(kind, message, request_id)).encode() + b"\n\n"


def rate_limit_headers(limits: list[Limit]) -> dict[str, str]:
    """For each meter the API has headers for, the limit with the least left."""
    headers = {}
    for meter in ("requests", "tokens"):
        if limit := tightest(limits, meter):
            headers[f"anthropic-ratelimit-{meter}-limit"] = str(limit.limit)
            headers[f"anthropic-ratelimit-{meter}-remaining"] = str(max(0, limit.remaining - limit.hold))
            headers[f"anthropic-ratelimit-{meter}-reset"] = _rfc3339(limit.resets_at)
    return headers


def tightest(limits: list[Limit], meter: str) -> Limit | None:
    return min((limit for limit in limits if limit.meter == meter), key=lambda limit: limit.remaining, default=None)


def models(offers: list[Offer]) -> Body:
    data = [model(offer) for offer in offers]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return {"data": data, "has_more": False, **ends}


def model(offer: Offer) -> Body:
    return {
        "type": "model",
        "id": offer.slug,
        "display_name": offer.name,
        "created_at": _rfc3339(offer.created_at),
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "max_input_tokens": offer.context,
        "max_tokens": offer.max_output,
    }


def _require(body: Mapping[str, Any], name: str, kind: type, *, at: str = "") -> None:
    if name not in body:
        raise InvalidRequest(f"{at}{name}: Field required", f"{at}{name}")
    _check_type(f"{at}{name}", body[name], kind)


def _check_type(name: str, value: object, kind: type | tuple[type, ...]) -> None:
    # bool is an int to Python, and to nobody else.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InvalidRequest(f"{name}: Input is of the wrong type", name)


def _check_types(body: Body) -> None:
    kinds = {
        "stream": bool,
        "system": (str, list),
        "tools": list,
        "tool_choice": dict,
        "stop_sequences": list,
        "metadata": dict,
    }
    for name, kind in kinds.items():
        if body.get(name) is not None:
            _check_type(name, body[name], kind)  # type: ignore[arg-type]
    for place, tool in enumerate(body.get("tools") or []):
        _check_tool(f"tools.{place}", tool)


def _check_tool(place: str, tool: Any) -> None:
    _check_type(place, tool, dict)
    if tool.get("type", "custom") == "custom":
        _require(tool, "name", str, at=f"{place}.")
        _require(tool, "input_schema", dict, at=f"{place}.")


def _check_message(place: str, message: object) -> None:
    if not isinstance(message, dict):
        raise InvalidRequest(f"{place}: Input should be an object", place)
    if message.get("role") not in ROLES:
        raise InvalidRequest(f"{place}.role: Input should be 'user' or 'assistant'", f"{place}.role")
    if "content" not in message:
        raise InvalidRequest(f"{place}.content: Field required", f"{place}.content")
    content = message["content"]
    if not content or not isinstance(content, str | list):
        raise InvalidRequest(
            f"{place}.content: Input should be text or a list of blocks, not empty", f"{place}.content"
        )
    for number, block in enumerate(content if isinstance(content, list) else []):
        _check_block(f"{place}.content.{number}", block)


def _check_block(place: str, block: Any) -> None:
    _check_type(place, block, dict)
    _require(block, "type", str, at=f"{place}.")
    if block["type"] == "text":
        _require(block, "text", str, at=f"{place}.")


def _rfc3339(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
