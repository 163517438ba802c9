"""Anthropic's API. Answers are passed on as bytes over aiohttp, which carries four times what the SDK's client does;
the SDK counts tokens, where its retries and typed errors are used and speed is not."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

import anthropic
from anthropic.types import MessageTokensCount
from django.conf import settings

from assistants.providers.base import ModelCall, ProviderBroken, ProviderError, ProviderTimeout
from assistants.providers.upstream import Upstream, refusal

# The version whose events `assistants.reading` was written for.
VERSION = "2026-10-21"
COUNT_SECONDS = 5


class Anthropic:
    name = "anthropic"
    demo = False

    def __init__(self, key: str, base_url: str) -> None:
        headers = {"x-api-key": key, "anthropic-version": VERSION}
        self._messages = Upstream(f"{base_url.rstrip('/')}/v1/messages", headers, failure)
        self._sdk = anthropic.AsyncAnthropic(
            api_key=key, base_url=base_url, max_retries=settings.PROVIDER_RETRIES, timeout=COUNT_SECONDS
        )

    def stream(self, call: ModelCall) -> AsyncGenerator[bytes]:
        return self._messages.stream(call.body, _beta(call))

    async def complete(self, call: ModelCall) -> bytes:
        return await self._messages.answer(call.body, _beta(call))

    async def count_tokens(self, call: ModelCall) -> int:
        try:
            counted = await self._sdk.post(
                "/v1/messages/count_tokens",
                body=call.body,
                cast_to=MessageTokensCount,
                options={"headers": _beta(call)},
            )
        except anthropic.APIStatusError as exc:
            raise failure(exc.status_code, exc.body) from exc
        except anthropic.APITimeoutError as exc:
            raise ProviderTimeout("The provider did not count in time.") from exc
        except (anthropic.APIError, ValueError) as exc:
            raise ProviderBroken("The provider could not count.") from exc
        return counted.input_tokens

    async def close(self) -> None:
        await self._messages.close()


def failure(status: int, body: object) -> ProviderError:
    """Our error for an answer that is not good."""
    error = body.get("error") if isinstance(body, Mapping) else None
    said: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    message = str(said.get("message", "The provider gave no reason."))
    return refusal(status, message, str(said.get("type", "invalid_request_error")))


def _beta(call: ModelCall) -> dict[str, str]:
    return {"anthropic-beta": call.beta} if call.beta else {}
