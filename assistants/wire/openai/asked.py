"""A request in OpenAI's format, as Anthropic would be asked the same."""

from __future__ import annotations

import re
from typing import Any

from accounts.bodies import MalformedBody, read_json
from assistants.errors import InvalidRequest

Body = dict[str, Any]

DEFAULT_MAX_TOKENS = 4096
TRANSLATED = frozenset(
    """
    model messages max_tokens max_completion_tokens stream stream_options stop tools tool_choice
    parallel_tool_calls user response_format reasoning_effort n temperature top_p
    """.split()
)
# Parameters of the original that have no counterpart: accepted, taken off, and named in a header.
DROPPED = frozenset(
    """
    top_k frequency_penalty presence_penalty logit_bias logprobs top_logprobs seed
    store metadata service_tier safety_identifier prompt_cache_key prompt_cache_options
    prompt_cache_retention verbosity prediction modalities web_search_options moderation
    """.split()
)
EFFORTS = {
    "none": None,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}
DATA_URL = re.compile(r"data:(?P<media>[\w.+-]+/[\w.+-]+);base64,(?P<data>.+)", re.DOTALL)


def to_anthropic(body: Body) -> tuple[Body, list[str]]:
    """The same request for Anthropic, and the names of what was dropped. Raises `InvalidRequest`."""
    for name in body:
        if name not in TRANSLATED | DROPPED:
            raise InvalidRequest(f"Unrecognized request argument supplied: {name}", name)
    if body.get("n") not in (None, 1):
        raise InvalidRequest("'n' must be 1: a model here gives one answer.", "n")
    asked = {
        "model": _text(body, "model"),
        "messages": _messages(body),
        "max_tokens": _max_tokens(body),
        "system": _system(body),
        "stream": _flag(body, "stream"),
        "stop_sequences": _stop(body),
        "tools": [_tool(place, tool) for place, tool in enumerate(_list(body, "tools"))],
        "tool_choice": _tool_choice(body),
        "metadata": {"user_id": _text(body, "user")} if body.get("user") else None,
        "output_config": _output_config(body),
        "temperature": _number(body, "temperature"),
        "top_p": _number(body, "top_p"),
    }
    dropped = [name for name in body if name in DROPPED and body[name] is not None]
    return {name: value for name, value in asked.items() if value not in (None, [], "", {})}, dropped


def wants_usage(body: Body) -> bool:
    options = body.get("stream_options") or {}
    if not isinstance(options, dict):
        raise InvalidRequest("'stream_options' must be an object.", "stream_options")
    if options and not body.get("stream"):
        raise InvalidRequest("'stream_options' is only allowed when 'stream' is enabled.", "stream_options")
    return bool(options.get("include_usage"))


def _system(body: Body) -> str:
    messages = [message for message in body["messages"] if message["role"] in ("system", "developer")]
    return "\n\n".join(_plain(message.get("content")) for message in messages)


def _messages(body: Body) -> list[Body]:
    given = body.get("messages")
    if not isinstance(given, list) or not given:
        raise InvalidRequest("'messages' must be a list with at least one message.", "messages")
    translated: list[Body] = []
    for place, message in enumerate(given):
        if not isinstance(message, dict) or message.get("role") not in tuple(ROLES):
            raise InvalidRequest(
                f"messages[{place}].role must be one of {', '.join(ROLES)}.", f"messages[{place}].role"
            )
        if message["role"] in ("system", "developer"):
            continue
        turn = {
            "role": "assistant" if message["role"] == "assistant" else "user",
            "content": ROLES[message["role"]](message),
        }
        if not turn["content"]:
            raise InvalidRequest(f"messages[{place}].content must not be empty.", f"messages[{place}].content")
        # Anthropic wants all the results of one round of tools in one message.
        if message["role"] == "tool" and translated and translated[-1]["content"][0]["type"] == "tool_result":
            translated[-1]["content"] += turn["content"]
        else:
            translated.append(turn)
    if not translated:
        raise InvalidRequest("'messages' must hold a message that is not the system's.", "messages")
    return translated


def _user(message: Body) -> list[Body]:
    return [_part(part) for part in _parts(message.get("content"))]


def _assistant(message: Body) -> list[Body]:
    spoken = [_part(part) for part in _parts(message.get("content") or message.get("refusal"))]
    return spoken + [_tool_use(call) for call in _list(message, "tool_calls")]


def _tool_result(message: Body) -> list[Body]:
    if not isinstance(message.get("tool_call_id"), str):
        raise InvalidRequest("A message of the role 'tool' needs the 'tool_call_id' it answers.", "messages")
    content = _plain(message.get("content"))
    return [{"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": content}]


ROLES = {"user": _user, "assistant": _assistant, "tool": _tool_result, "system": _user, "developer": _user}


def _parts(content: object) -> list[Body]:
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return content
    raise InvalidRequest("A message's content must be text or a list of parts.", "messages")


def _part(part: Body) -> Body:
    match part:
        case {"type": "text", "text": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "refusal", "refusal": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return {"type": "image", "source": _image(url)}
    raise InvalidRequest(f"A part of the type {part.get('type')!r} cannot be sent to this model.", "messages")


def _image(url: str) -> Body:
    if found := DATA_URL.fullmatch(url):
        return {"type": "base64", "media_type": found["media"], "data": found["data"]}
    if url.startswith(("https://", "http://")):
        return {"type": "url", "url": url}
    raise InvalidRequest("An image must be an http(s) URL or base64 data.", "messages")


def _plain(content: object) -> str:
    parts = [_part(part) for part in _parts(content)]
    if any(part["type"] != "text" for part in parts):
        raise InvalidRequest("Only text can stand here.", "messages")
    return "".join(part["text"] for part in parts)


def _tool_use(call: object) -> Body:
    match call:
        case {"id": str(call_id), "function": {"name": str(name), "arguments": str(arguments)}}:
            return {"type": "tool_use", "id": call_id, "name": name, "input": _arguments(arguments)}
    raise InvalidRequest("A tool call needs an id, and a function with a name and arguments.", "messages")


def _arguments(text: str) -> Body:
    try:
        value = read_json((text or "{}").encode())
    except MalformedBody as exc:
        raise InvalidRequest("A tool call's arguments must be JSON.", "messages") from exc
    if not isinstance(value, dict):
        raise InvalidRequest("A tool call's arguments must be a JSON object.", "messages")
    return value


def _tool(place: int, tool: object) -> Body:
    match tool:
        case {"type": "function", "function": {"name": str(name), **rest}}:
            schema = rest.get("parameters") or {"type": "object", "properties": {}}
            if not isinstance(schema, dict):
                raise InvalidRequest(f"tools[{place}].function.parameters must be an object.", f"tools[{place}]")
            said = {key: rest[key] for key in ("description", "strict") if rest.get(key)}
            return {"name": name, "input_schema": schema, **said}
    raise InvalidRequest(f"tools[{place}] must be a function with a name.", f"tools[{place}]")


def _tool_choice(body: Body) -> Body | None:
    alone = {"disable_parallel_tool_use": True} if body.get("parallel_tool_calls") is False else {}
    match body.get("tool_choice"):
        case None | "auto":
            return {"type": "auto", **alone} if alone and body.get("tools") else None
        case "none":
            return {"type": "none"}
        case "required":
            return {"type": "any", **alone}
        case {"type": "function", "function": {"name": str(name)}}:
            return {"type": "tool", "name": name, **alone}
    raise InvalidRequest("'tool_choice' must be none, auto, required or a function.", "tool_choice")


def _max_tokens(body: Body) -> int:
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InvalidRequest(f"'{name}' must be a whole number of at least 1.", name)
        return value
    return DEFAULT_MAX_TOKENS


def _stop(body: Body) -> list[str]:
    stop = body.get("stop") or []
    stop = [stop] if isinstance(stop, str) else stop
    if not isinstance(stop, list) or not all(isinstance(text, str) for text in stop):
        raise InvalidRequest("'stop' must be text or a list of texts.", "stop")
    return stop


def _output_config(body: Body) -> Body:
    config: Body = {}
    match body.get("response_format"):
        case None | {"type": "text"}:
            pass
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            config["format"] = {"type": "json_schema", "schema": schema}
        case _:
            raise InvalidRequest("'response_format' must be text or json_schema.", "response_format")
    effort = body.get("reasoning_effort")
    if effort is not None and effort not in tuple(EFFORTS):
        raise InvalidRequest(f"'reasoning_effort' must be one of {', '.join(EFFORTS)}.", "reasoning_effort")
    if effort and EFFORTS[effort]:
        config["effort"] = EFFORTS[effort]
    return config


def _text(body: Body, name: str) -> str:
    if not isinstance(body.get(name), str) or not body[name]:
        raise InvalidRequest(f"'{name}' must be text.", name)
    return str(body[name])


def _number(body: Body, name: str) -> float | None:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        raise InvalidRequest(f"'{name}' must be a number.", name)
    return value


def _flag(body: Body, name: str) -> bool:
    if not isinstance(body.get(name), bool | None):
        raise InvalidRequest(f"'{name}' must be true or false.", name)
    return bool(body.get(name))


def _list(body: Body, name: str) -> list[Any]:
    value = body.get(name) or []
    if not isinstance(value, list):
        raise InvalidRequest(f"'{name}' must be a list.", name)
    return value
