"""Anthropic's API. Answers are passed on as bytes over aiohttp, which carries four times what the SDK's client does;
the SDK counts tokens, where its retries and typed errors are used and speed is not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp
import anthropic
from anthropic.types import MessageTokensCount
from django.conf import settings

from assistants.providers.base import (
    ModelCall,
    ProviderBroken,
    ProviderBusy,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderTimeout,
)

# The version whose events `assistants.reading` was written for.
VERSION = "2026-10-21"
BUSY = {408, 429, 503, 529}
# Our own key or account is at fault, which is not the client's to know or mend.
OURS = {401, 402, 403}
CONNECT_SECONDS = 10
COUNT_SECONDS = 5
REST_SECONDS = 0.1
FIRST_PAUSE_SECONDS = 0.25


class Anthropic:
    name = "anthropic"
    demo = False

    def __init__(self, key: str, base_url: str) -> None:
        self._url = f"{base_url.rstrip('/')}/v1/messages"
        self._headers = {"x-api-key": key, "anthropic-version": VERSION, "content-type": "application/json"}
        self._sdk = anthropic.AsyncAnthropic(
            api_key=key, base_url=base_url, max_retries=settings.PROVIDER_RETRIES, timeout=COUNT_SECONDS
        )
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()

    async def stream(self, call: ModelCall) -> AsyncGenerator[bytes]:
        with _failures_translated():
            response = await self._send(call, settings.PROVIDER_SILENCE_SECONDS)
            try:
                async for chunk in response.content.iter_any():
                    yield chunk
            except GeneratorExit:
                await _read_rest(response)
                raise
            finally:
                response.close()

    async def complete(self, call: ModelCall) -> bytes:
        with _failures_translated():
            response = await self._send(call, settings.PROVIDER_ANSWER_SECONDS)
            async with response:
                return await response.read()

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
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session:
            await session.close()

    def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if loop not in self._sessions:
            self._sessions[loop] = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self._sessions[loop]

    async def _send(self, call: ModelCall, silence: float) -> aiohttp.ClientResponse:
        """The response once its status is good. Busy and broken are tried again; what would only recur is not."""
        pause = FIRST_PAUSE_SECONDS
        for _ in range(settings.PROVIDER_RETRIES):
            try:
                return await self._try(call, silence)
            except (ProviderTimeout, ProviderRejected, ProviderMisconfigured):
                raise
            except ProviderError:
                await asyncio.sleep(pause)
                pause *= 2
        return await self._try(call, silence)

    async def _try(self, call: ModelCall, silence: float) -> aiohttp.ClientResponse:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence)
        body = json.dumps(call.body, ensure_ascii=False).encode()
        headers = self._headers | _beta(call)
        with _failures_translated():
            response = await self._session().post(self._url, data=body, headers=headers, timeout=timeout)
            if response.status == 200:
                return response
            async with response:
                raise failure(response.status, _parsed(await response.read()))


@contextmanager
def _failures_translated() -> Iterator[None]:
    try:
        yield
    except TimeoutError as exc:
        raise ProviderTimeout("The provider did not answer in time.") from exc
    except aiohttp.ClientError as exc:
        raise ProviderBroken("The provider broke the connection off, or cannot be reached.") from exc


async def _read_rest(response: aiohttp.ClientResponse) -> None:
    """A connection whose answer was read to the end serves again; what follows the last event is a few bytes."""
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(REST_SECONDS):
            await response.content.read()


def failure(status: int, body: object) -> ProviderError:
    """Our error for an answer that is not good."""
    error = body.get("error") if isinstance(body, Mapping) else None
    said: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    message = str(said.get("message", "The provider gave no reason."))
    if status in BUSY:
        return ProviderBusy("The provider has no room for this request now.")
    if status in OURS:
        return ProviderMisconfigured("The provider does not accept this server's credentials.")
    if 400 <= status < 500:
        return ProviderRejected(message, status=status, kind=str(said.get("type", "invalid_request_error")))
    return ProviderBroken("The provider failed.")


def _beta(call: ModelCall) -> dict[str, str]:
    return {"anthropic-beta": call.beta} if call.beta else {}


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return None
