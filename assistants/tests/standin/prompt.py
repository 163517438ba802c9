"""The prompt: what stands in it, and how many tokens that is.

It is read for its directives before it is checked, so the readers trust no shape; `input_tokens` does.
"""

import json
from collections.abc import Iterator
from typing import Any

from assistants.tests.standin.tokens import count

Body = dict[str, Any]
Block = dict[str, Any]

PER_MESSAGE = 4
PER_IMAGE = 1_500


def blocks_of(message: Any) -> list[Block]:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return content if isinstance(content, list) else []


def last_user_blocks(body: Body) -> list[Block]:
    messages = body.get("messages")
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            return [block for block in blocks_of(message) if isinstance(block, dict)]
    return []


def text_of(blocks: list[Block]) -> str:
    return "\n".join(_texts(blocks))


def _texts(blocks: list[Block]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block.get("text"), str):
            yield block["text"]
        elif block.get("type") == "tool_result":
            yield text_of(blocks_of(block))


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def input_tokens(body: Body) -> int:
    """The rule of `tokens.py` over all text, 4 more a message, and 1,500 an image or document.

    Tools and tool inputs count as compact JSON with sorted keys; thinking passed back is free.
    """
    system = body.get("system", "")
    total = sum(_tokens_of(block) for block in blocks_of({"content": system}))
    total += sum(count(compact(_without_cache(tool))) for tool in body.get("tools") or [])
    for message in body["messages"]:
        total += PER_MESSAGE + sum(_tokens_of(block) for block in blocks_of(message))
    return total


def _tokens_of(block: Block) -> int:
    match block["type"]:
        case "text":
            return count(block["text"])
        case "tool_use":
            return count(block["name"]) + count(compact(block["input"]))
        case "tool_result" | "search_result":
            return sum(_tokens_of(part) for part in blocks_of(block))
        case "image" | "document":
            return PER_IMAGE
    return 0


def _without_cache(tool: dict[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in tool.items() if name != "cache_control"}
