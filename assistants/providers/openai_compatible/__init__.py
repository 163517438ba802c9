"""Any server that speaks OpenAI's chat completions: Groq, xAI, Ollama, vLLM, a model next door.

What is asked is translated from Anthropic's format, and what is answered into it; none of OpenAI's words come through
this door. Such servers count no tokens beforehand, so a count is an estimate of ours and nobody is asked for it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from assistants import estimates
from assistants.providers.base import ModelCall, ProviderError, ProviderMisconfigured
from assistants.providers.openai_compatible.answered import Events, message_of
from assistants.providers.openai_compatible.asked import to_chat
from assistants.providers.upstream import Upstream, refusal

NO_QUOTA = "insufficient_quota"
KINDS = {413: "request_too_large"}


class OpenAICompatible:
    demo = False

    def __init__(self, name: str, base_url: str, key: str = "") -> None:
        """`base_url` as OpenAI's SDK takes it, such as `https://api.groq.com/openai/v1`; a server may want no key."""
        self.name = name
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._completions = Upstream(f"{base_url.rstrip('/')}/chat/completions", headers, failure)

    async def stream(self, call: ModelCall) -> AsyncGenerator[bytes]:
        events = Events(call.body["model"], estimates.likely_prompt_tokens(call.body))
        async with aclosing(self._completions.stream(to_chat(call.body))) as chunks:
            async for chunk in chunks:
                if told := events.feed(chunk):
                    yield told
                if events.failure:
                    raise events.failure
        if told := events.end():
            yield told

    async def complete(self, call: ModelCall) -> bytes:
        answer = await self._completions.answer(to_chat(call.body))
        return message_of(answer, call.body["model"], estimates.likely_prompt_tokens(call.body))

    async def count_tokens(self, call: ModelCall) -> int:
        return estimates.likely_prompt_tokens(call.body)

    async def close(self) -> None:
        await self._completions.close()


def failure(status: int, body: object) -> ProviderError:
    """Our error for an answer that is not good."""
    said = _said(body)
    if status == 404:
        return ProviderMisconfigured("The provider knows no such address or model.")
    if status == 429 and NO_QUOTA in (said.get("code"), said.get("type")):
        return ProviderMisconfigured("The provider's account has nothing left.")
    message = str(said.get("message", "The provider gave no reason."))
    return refusal(status, message, KINDS.get(status, "invalid_request_error"))


def _said(body: object) -> Mapping[str, Any]:
    """The error, which stands under a name of its own, alone, or is nothing but a text."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, Mapping) else {}
