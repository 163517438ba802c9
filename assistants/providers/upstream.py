"""Asking a provider over HTTP: kept connections, bounded tries, time-outs, and what goes wrong in our words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp
from django.conf import settings

from assistants.providers.base import (
    ProviderBroken,
    ProviderBusy,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderTimeout,
)

BUSY = {408, 429, 503, 529}
# Our own key or account is at fault, which is not the client's to know or mend.
OURS = {401, 402, 403}
CONNECT_SECONDS = 10
REST_SECONDS = 0.1
FIRST_PAUSE_SECONDS = 0.25
NOTHING: Mapping[str, str] = MappingProxyType({})


class Upstream:
    """One address that answers a JSON body with a stream or a whole answer. What is refused is put by `refusal`."""

    def __init__(self, url: str, headers: Mapping[str, str], refusal: Callable[[int, object], ProviderError]) -> None:
        self._url = url
        self._headers = {**headers, "content-type": "application/json"}
        self._refusal = refusal
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()

    async def stream(self, body: Mapping[str, Any], headers: Mapping[str, str] = NOTHING) -> AsyncGenerator[bytes]:
        """The bytes as they come. Raises `ProviderError`, before the first of them or between two."""
        with _failures_translated():
            response = await self._send(body, headers, settings.PROVIDER_SILENCE_SECONDS)
            try:
                async for chunk in response.content.iter_any():
                    yield chunk
            except GeneratorExit:
                await _read_rest(response)
                raise
            finally:
                response.close()

    async def answer(self, body: Mapping[str, Any], headers: Mapping[str, str] = NOTHING) -> bytes:
        """The whole answer. Raises `ProviderError`."""
        with _failures_translated():
            response = await self._send(body, headers, settings.PROVIDER_ANSWER_SECONDS)
            async with response:
                return await response.read()

    async def close(self) -> None:
        """Give back what this event loop holds."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session:
            await session.close()

    def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if loop not in self._sessions:
            self._sessions[loop] = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self._sessions[loop]

    async def _send(
        self, body: Mapping[str, Any], headers: Mapping[str, str], silence: float
    ) -> aiohttp.ClientResponse:
        """The response once its status is good. Busy and broken are tried again; what would only recur is not."""
        pause = FIRST_PAUSE_SECONDS
        for _ in range(settings.PROVIDER_RETRIES):
            try:
                return await self._try(body, headers, silence)
            except (ProviderTimeout, ProviderRejected, ProviderMisconfigured):
                raise
            except ProviderError:
                await asyncio.sleep(pause)
                pause *= 2
        return await self._try(body, headers, silence)

    async def _try(self, body: Mapping[str, Any], headers: Mapping[str, str], silence: float) -> aiohttp.ClientResponse:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence)
        data = json.dumps(body, ensure_ascii=False).encode()
        with _failures_translated():
            response = await self._session().post(
                self._url, data=data, headers={**self._headers, **headers}, timeout=timeout
            )
            if response.status == 200:
                return response
            async with response:
                raise self._refusal(response.status, _parsed(await response.read()))


def refusal(status: int, message: str, kind: str) -> ProviderError:
    """Our error for a status that is not good. `message` and `kind` are the provider's, for what is the client's."""
    if status in BUSY:
        return ProviderBusy("The provider has no room for this request now.")
    if status in OURS:
        return ProviderMisconfigured("The provider does not accept this server's credentials.")
    if 400 <= status < 500:
        return ProviderRejected(message, status=status, kind=kind)
    return ProviderBroken("The provider failed.")


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


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return None
