"""The checks of the real API, in its words: what it refuses, the stand-in refuses."""

import json
import re
from collections.abc import Mapping
from typing import Any

from assistants.tests.standin.prompt import Block, Body, blocks_of

SAMPLING = {"temperature", "top_p", "top_k"}
PROMPT = {"messages", "model", "cache_control", "output_config", "speed", "system", "thinking", "tool_choice", "tools"}
OF_A_MESSAGE = {"max_tokens", "container", "diagnostics", "inference_geo", "metadata", "service_tier"}
MESSAGE = PROMPT | OF_A_MESSAGE | {"stop_sequences", "stream"}
LATEST, FIRST = "2026-10-21", "2023-06-01"

MODELS = {
    "claude-fable-5-2": "Claude Fable 5.2",
    "claude-opus-5-5": "Claude Opus 5.5",
    "claude-sonnet-5-5": "Claude Sonnet 5.5",
    "claude-haiku-5-5": "Claude Haiku 5.5",
    "claude-fable-5-1": "Claude Fable 5.1",
    "claude-opus-5": "Claude Opus 5",
    "claude-sonnet-5": "Claude Sonnet 5",
    "claude-haiku-4-5": "Claude Haiku 4.5",
}
MAX_INPUT, MAX_OUTPUT = 1_000_000, 128_000

REQUIRED = {
    "text": ("text",),
    "image": ("source",),
    "document": ("source",),
    "search_result": ("source", "title", "content"),
    "tool_use": ("id", "name", "input"),
    "tool_result": ("tool_use_id",),
    "thinking": ("thinking", "signature"),
    "redacted_thinking": ("data",),
}
OPTIONAL = {
    "text": ("cache_control", "citations"),
    "image": ("cache_control", "transformations"),
    "document": ("cache_control", "citations", "context", "title"),
    "search_result": ("cache_control", "citations"),
    "tool_use": ("cache_control", "caller", "toolset_name"),
    "tool_result": ("cache_control", "content", "is_error", "toolset_name"),
}
BY_ROLE = {
    "user": {"text", "image", "document", "search_result", "tool_result"},
    "assistant": {"text", "document", "tool_use", "thinking", "redacted_thinking"},
    "system": {"text"},
}

ERRORS = {
    400: ("invalid_request_error", "Bad request"),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the Anthropic API."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "Not found"),
    405: ("invalid_request_error", "Method Not Allowed"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "Request timed out"),
    529: ("overloaded_error", "Overloaded"),
}


class ApiError(Exception):
    def __init__(self, status: int, message: str = "", *, retry_after: int | None = None) -> None:
        self.status = status
        self.type, usual = ERRORS.get(status, ERRORS[500])
        self.message = message or usual
        self.retry_after = retry_after
        super().__init__(self.message)


def check_headers(headers: Mapping[str, str]) -> str:
    """The API version asked for. The SDK sends the key as a Bearer token since its version 2; `x-api-key` wins."""
    key = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ").strip()
    if not key:
        raise ApiError(401, "x-api-key header is required")
    if key == "sk-wrong":
        raise ApiError(401)
    version = headers.get("anthropic-version", "")
    if not version:
        raise ApiError(400, "anthropic-version: header is required")
    if version not in (FIRST, LATEST):
        raise ApiError(400, f'anthropic-version: "{version}" is not a valid version')
    return version


def read(raw: bytes) -> Body:
    try:
        body = json.loads(raw, parse_constant=_no_constant)
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as exc:
        raise ApiError(400, "The request body is not valid JSON") from exc
    if not isinstance(body, dict):
        raise ApiError(400, "Input should be an object")
    return body


def _no_constant(name: str) -> None:
    raise ValueError(name)


def check_message(body: Body, version: str) -> None:
    _check_prompt(body, version, MESSAGE)
    _check_max_tokens(body)
    _check_thinking(body)
    stops = body.get("stop_sequences") or []
    if not all(isinstance(stop, str) and stop.strip() for stop in stops):
        raise ApiError(400, "stop_sequences: each stop sequence must contain non-whitespace")
    if not isinstance(body.get("stream", False), bool):
        raise ApiError(400, "stream: Input should be a valid boolean")


def check_count(body: Body, version: str) -> None:
    _check_prompt(body, version, PROMPT)


def _check_prompt(body: Body, version: str, known: set[str]) -> None:
    needed = ("max_tokens", "messages", "model") if known is MESSAGE else ("messages", "model")
    for name in needed:
        if name not in body:
            raise ApiError(400, f"{name}: Field required")
    for name in body:
        if name not in (known if version == LATEST else known | SAMPLING):
            raise ApiError(400, f"{name}: Extra inputs are not permitted")
    if not isinstance(body["model"], str):
        raise ApiError(400, "model: Input should be a valid string")
    if body["model"] not in MODELS:
        raise ApiError(404, f"model: {body['model']}")
    _check_messages(body["messages"], version)
    _check_system(body.get("system", ""))
    _check_tools(body)
    if (marks := _cache_marks(body)) > 4:
        raise ApiError(400, f"A maximum of 4 blocks with cache_control may be provided. Found {marks}.")


def _check_max_tokens(body: Body) -> None:
    asked = body["max_tokens"]
    if not isinstance(asked, int) or isinstance(asked, bool):
        raise ApiError(400, "max_tokens: Input should be a valid integer")
    if asked < 1:
        raise ApiError(400, "max_tokens: Input should be greater than or equal to 1")
    if asked > MAX_OUTPUT:
        most = f"{MAX_OUTPUT}, which is the maximum allowed number of output tokens for {body['model']}"
        raise ApiError(400, f"max_tokens: {asked} > {most}")


def _check_thinking(body: Body) -> None:
    thinking = body.get("thinking") or {"type": "disabled"}
    kind = thinking.get("type")
    if kind not in ("enabled", "disabled", "adaptive", "between_tools"):
        raise ApiError(400, f"thinking: Input tag '{kind}' found using 'type' does not match any of the expected tags")
    if kind == "enabled":
        budget = thinking.get("budget_tokens")
        if budget is None:
            raise ApiError(400, "thinking.enabled.budget_tokens: Field required")
        if budget < 1024:
            raise ApiError(400, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        if budget >= body["max_tokens"]:
            raise ApiError(400, "`max_tokens` must be greater than `thinking.budget_tokens`.")
    if kind in ("enabled", "adaptive") and (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        raise ApiError(400, "Thinking may not be enabled when tool_choice forces tool use.")


def _check_messages(messages: Any, version: str) -> None:
    if not isinstance(messages, list):
        raise ApiError(400, "messages: Input should be a valid list")
    if not messages:
        raise ApiError(400, "messages: at least one message is required")
    called: set[str] = set()
    for at, message in enumerate(messages):
        _check_shape(at, message)
        blocks = blocks_of(message)
        if not blocks and (at + 1 < len(messages) or message["role"] == "user"):
            raise ApiError(400, f"messages.{at}: all messages must have non-empty content")
        for number, block in enumerate(blocks):
            _check_block(f"messages.{at}.content.{number}", message["role"], block, version)
        _check_results(at, blocks, called)
        called = {block["id"] for block in blocks if block["type"] == "tool_use"}
    if called:
        raise ApiError(400, _unanswered(len(messages) - 1, called))


def _check_shape(at: int, message: Any) -> None:
    if not isinstance(message, dict):
        raise ApiError(400, f"messages.{at}: Input should be an object")
    for name in ("role", "content"):
        if name not in message:
            raise ApiError(400, f"messages.{at}.{name}: Field required")
    for name in message.keys() - {"role", "content"}:
        raise ApiError(400, f"messages.{at}.{name}: Extra inputs are not permitted")
    if message["role"] not in BY_ROLE:
        raise ApiError(400, f"messages.{at}.role: Input should be 'user', 'assistant' or 'system'")
    if not isinstance(message["content"], str | list):
        raise ApiError(400, f"messages.{at}.content: Input should be a valid list")


def _check_block(where: str, role: str, block: Any, version: str) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in BY_ROLE[role]:
        raise ApiError(400, f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags")
    for name in REQUIRED[kind]:
        if name not in block:
            raise ApiError(400, f"{where}.{kind}.{name}: Field required")
    for name in block.keys() - {"type", *REQUIRED[kind], *OPTIONAL.get(kind, ())}:
        raise ApiError(400, f"{where}.{kind}.{name}: Extra inputs are not permitted")
    if kind == "text" and not block["text"].strip():
        raise ApiError(400, "messages: text content blocks must contain non-whitespace text")
    if kind == "tool_use" and not isinstance(block["input"], dict):
        raise ApiError(400, f"{where}.tool_use.input: Input should be an object")
    if version == LATEST and kind == "document" and role == "assistant":
        raise ApiError(400, f"{where}: document blocks are not permitted in assistant messages")
    if version == LATEST and kind == "text" and role == "user" and block.get("citations"):
        raise ApiError(400, f"{where}.text.citations: citations are not permitted in user messages")
    if kind == "tool_result" and isinstance(block.get("content"), list):
        for number, part in enumerate(block["content"]):
            _check_block(f"{where}.tool_result.content.{number}", "user", part, version)


def _check_results(at: int, blocks: list[Block], called: set[str]) -> None:
    answered = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
    if stray := answered - called:
        problem = "unexpected `tool_use_id` found in `tool_result` blocks"
        raise ApiError(400, f"messages.{at}.content: {problem}: {', '.join(sorted(stray))}.")
    if called - answered:
        raise ApiError(400, _unanswered(at - 1, called - answered))


def _unanswered(at: int, called: set[str]) -> str:
    problem = "`tool_use` ids were found without `tool_result` blocks immediately after"
    return f"messages.{at}: {problem}: {', '.join(sorted(called))}."


def _check_system(system: Any) -> None:
    if not isinstance(system, str | list):
        raise ApiError(400, "system: Input should be a valid list")
    for number, block in enumerate(system if isinstance(system, list) else []):
        _check_block(f"system.{number}", "system", block, LATEST)


def _check_tools(body: Body) -> None:
    tools = body.get("tools") or []
    for number, tool in enumerate(tools):
        if tool.get("type", "custom") == "custom":
            _check_tool(f"tools.{number}.custom", tool)
    names = [tool.get("name") for tool in tools]
    if len(set(names)) < len(names):
        raise ApiError(400, "tools: Tool names must be unique.")
    choice = body.get("tool_choice")
    if choice and not tools:
        raise ApiError(400, "tool_choice: may only be specified while providing tools.")
    if choice and choice.get("type") not in ("auto", "any", "tool", "none"):
        raise ApiError(400, f"tool_choice: Input tag '{choice.get('type')}' does not match any of the expected tags")
    if choice and choice["type"] == "tool" and choice.get("name") not in names:
        raise ApiError(400, f"Tool '{choice.get('name')}' not found in provided tools")


def _check_tool(where: str, tool: dict[str, Any]) -> None:
    for name in ("name", "input_schema"):
        if name not in tool:
            raise ApiError(400, f"{where}.{name}: Field required")
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", tool["name"]):
        raise ApiError(400, f"{where}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
    if tool["input_schema"].get("type") != "object":
        raise ApiError(400, f"{where}.input_schema.type: Input should be 'object'")


def _cache_marks(value: Any) -> int:
    if isinstance(value, dict):
        inner = sum(_cache_marks(part) for name, part in value.items() if name not in ("input", "input_schema"))
        return inner + bool(value.get("cache_control"))
    return sum(_cache_marks(part) for part in value) if isinstance(value, list) else 0
