"""A request in Anthropic's format, as OpenAI's chat completions are asked the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from assistants.providers.base import ProviderRejected

Body = dict[str, Any]
Block = dict[str, Any]

EFFORTS = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def to_chat(body: Body) -> Body:
    """Thinking, caching and what else has no counterpart is left out. Raises `ProviderRejected` for what cannot be."""
    try:
        return _translated(body)
    except (AttributeError, KeyError, TypeError) as exc:
        raise _rejected("The request is malformed.") from exc


def _translated(body: Body) -> Body:
    config = body.get("output_config") or {}
    choice = body.get("tool_choice") or {}
    asked = {
        "model": body["model"],
        "messages": [*_system(body), *(said for message in body["messages"] for said in _messages(message))],
        "max_tokens": body["max_tokens"],
        "stop": body.get("stop_sequences"),
        "temperature": body.get("temperature"),
        "top_p": body.get("top_p"),
        "tools": [_tool(tool) for tool in body.get("tools") or []],
        "tool_choice": _tool_choice(choice) if choice else None,
        "parallel_tool_calls": False if choice.get("disable_parallel_tool_use") else None,
        "response_format": _response_format(config["format"]) if config.get("format") else None,
        "reasoning_effort": EFFORTS.get(str(config.get("effort"))),
        "user": (body.get("metadata") or {}).get("user_id"),
    }
    if body.get("stream"):
        asked |= {"stream": True, "stream_options": {"include_usage": True}}
    return {name: value for name, value in asked.items() if value not in (None, [])}


def _system(body: Body) -> list[Body]:
    text = _text(body.get("system"))
    return [{"role": "system", "content": text}] if text else []


def _messages(message: Body) -> Iterator[Body]:
    """One message of Anthropic's holds all results of tools, which are messages of their own here."""
    blocks = _blocks(message["content"])
    if message["role"] == "assistant":
        yield _assistant(blocks)
        return
    if message["role"] == "system":
        yield {"role": "system", "content": _text(blocks)}
        return
    results = [block for block in blocks if block["type"] == "tool_result"]
    for result in results:
        yield {"role": "tool", "tool_call_id": result["tool_use_id"], "content": _result(result)}
    # A tool's message holds text alone, so what else it brought follows as said by the user.
    shown = [part for result in results for part in _blocks(result.get("content")) if part["type"] != "text"]
    if said := shown + [block for block in blocks if block["type"] != "tool_result"]:
        yield {"role": "user", "content": _content(said)}


def _assistant(blocks: list[Block]) -> Body:
    calls = [_call(block) for block in blocks if block["type"] == "tool_use"]
    return {"role": "assistant", "content": _text(blocks) or None} | ({"tool_calls": calls} if calls else {})


def _call(block: Block) -> Body:
    arguments = json.dumps(block["input"], ensure_ascii=False)
    return {"id": block["id"], "type": "function", "function": {"name": block["name"], "arguments": arguments}}


def _result(block: Block) -> str:
    text = _text(block.get("content"))
    return f"Error: {text}" if block.get("is_error") else text


def _content(blocks: list[Block]) -> str | list[Body]:
    """Plain where it is one text: some servers know nothing else."""
    parts = [_part(block) for block in blocks]
    return parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts


def _part(block: Block) -> Body:
    match block:
        case {"type": "text", "text": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "image", "source": {"type": "base64"} as source}:
            return {"type": "image_url", "image_url": {"url": _data_url(source)}}
        case {"type": "image", "source": {"type": "url", "url": str(url)}}:
            return {"type": "image_url", "image_url": {"url": url}}
        case {"type": "document", "source": {"type": "base64"} as source}:
            named = {"filename": block.get("title") or "document.pdf", "file_data": _data_url(source)}
            return {"type": "file", "file": named}
        case {"type": "document", "source": {"type": "text", "data": str(text)}}:
            return {"type": "text", "text": _titled(block, text)}
        case {"type": "document", "source": {"type": "content", "content": content}}:
            return {"type": "text", "text": _titled(block, _text(content))}
        case {"type": "search_result", "content": list(content)}:
            return {"type": "text", "text": _titled(block, _text(content))}
    raise _rejected(f"A block of the type {block.get('type')!r} like this one cannot be sent to this model.")


def _data_url(source: Block) -> str:
    return f"data:{source['media_type']};base64,{source['data']}"


def _titled(block: Block, text: str) -> str:
    return f"{block['title']}\n\n{text}" if block.get("title") else text


def _tool(tool: Body) -> Body:
    if tool.get("type", "custom") != "custom":
        raise _rejected(f"This model has no tool of the type {tool['type']!r}.")
    function = {"name": tool["name"], "parameters": tool["input_schema"]}
    function |= {name: tool[name] for name in ("description", "strict") if tool.get(name)}
    return {"type": "function", "function": function}


def _tool_choice(choice: Body) -> str | Body:
    if choice["type"] == "tool":
        return {"type": "function", "function": {"name": choice["name"]}}
    return CHOICES[choice["type"]]


def _response_format(wanted: Body) -> Body:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": wanted["schema"], "strict": True}}


def _text(content: Any) -> str:
    return "\n\n".join(block["text"] for block in _blocks(content) if block["type"] == "text")


def _blocks(content: Any) -> list[Block]:
    """Content is text or a list of blocks."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return content or []


def _rejected(message: str) -> ProviderRejected:
    return ProviderRejected(message, status=400, kind="invalid_request_error")
