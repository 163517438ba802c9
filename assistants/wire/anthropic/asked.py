"""What may be asked in Anthropic's format."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from assistants.errors import InvalidRequest

Body = dict[str, Any]

PARAMETERS = frozenset(
    """
    model messages max_tokens system tools tool_choice stream stop_sequences metadata thinking cache_control
    context_management diagnostics output_config output_format temperature top_p top_k betas
    """.split()
)
# What is asked of an answer; counting a prompt takes none of it.
OF_AN_ANSWER = frozenset("max_tokens stream stop_sequences metadata diagnostics".split())
# These cost what no token counts, or reach into the operator's account, which all workspaces share.
UNPRICED = frozenset("container inference_geo mcp_servers service_tier speed user_profile_id".split())
NOT_OFFERED = "not offered here: it has no price, or is not the caller's own"
# Tools that the client runs cost tokens and nothing else; those that run at the provider have prices of their own.
CLIENT_TOOLS = ("custom", "bash_", "text_editor_", "computer_", "memory_")
# Betas that change neither the price nor the reach of a call.
BETAS = (
    "computer-use-",
    "context-management-",
    "extended-cache-ttl-",
    "fine-grained-tool-streaming-",
    "interleaved-thinking-",
    "structured-outputs-",
    "token-efficient-tools-",
)
# Anthropic's models refuse these; they are taken off, and a header says so.
SAMPLING = ("temperature", "top_p", "top_k")
ROLES = ("user", "assistant", "system")


def check(body: Body, *, counting: bool = False) -> None:
    """Raises `InvalidRequest` in the API's own words, for what it refuses before a model sees it."""
    known = PARAMETERS - OF_AN_ANSWER if counting else PARAMETERS
    for name in body:
        if name in UNPRICED:
            raise InvalidRequest(f"{name}: {NOT_OFFERED}", name)
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


def split_sampling(body: Body, *, kept: Collection[str] = ()) -> tuple[Body, list[str]]:
    """The body without what models refuse, and the names of what was taken off."""
    dropped = [name for name in SAMPLING if name in body and name not in kept]
    return {name: value for name, value in body.items() if name not in dropped}, dropped


def allowed_betas(header: str) -> tuple[str, list[str]]:
    """The `anthropic-beta` header without what may change a price, and its name if something was taken off."""
    asked = [beta.strip() for beta in header.split(",") if beta.strip()]
    allowed = [beta for beta in asked if beta.startswith(BETAS)]
    return ",".join(allowed), ["anthropic-beta"] if len(allowed) < len(asked) else []


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
        "thinking": dict,
        "output_config": dict,
    }
    for name, kind in kinds.items():
        if body.get(name) is not None:
            _check_type(name, body[name], kind)  # type: ignore[arg-type]
    for number, block in enumerate(body["system"] if isinstance(body.get("system"), list) else []):
        _check_block(f"system.{number}", block)
    for place, tool in enumerate(body.get("tools") or []):
        _check_tool(f"tools.{place}", tool)


def _check_tool(place: str, tool: Any) -> None:
    _check_type(place, tool, dict)
    kind = tool.get("type", "custom")
    if not str(kind).startswith(CLIENT_TOOLS):
        raise InvalidRequest(f"{place}.type: {NOT_OFFERED}", f"{place}.type")
    if kind == "custom":
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
    match block:
        case {"type": "text"}:
            _require(block, "text", str, at=f"{place}.")
        case {"type": "container_upload"} | {"source": {"type": "file"}}:
            raise InvalidRequest(f"{place}: {NOT_OFFERED}", place)
        case {"content": list(content)}:
            for number, inner in enumerate(content):
                _check_block(f"{place}.content.{number}", inner)
