"""One message to one address: a request of our own making, so that nothing is followed, nothing taken that is not
wanted, and all of it ends in time."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult

from django.conf import settings

from analytics.errors import AddressRefused
from analytics.webhooks import addresses

STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)[ \r\n]")
LONGEST_HEAD = 16 * 1024


class NotDelivered(Exception):
    """Nothing that answers was reached, or it was too slow. The message is short and holds nothing that it said."""


async def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """The status of the answer, whatever it is. Raises `NotDelivered`."""
    try:
        async with asyncio.timeout(settings.WEBHOOK_SECONDS):
            return await _post(url, body, headers)
    except TimeoutError as exc:
        raise NotDelivered(f"no answer within {settings.WEBHOOK_SECONDS:g} s") from exc
    except AddressRefused as exc:
        raise NotDelivered(str(exc)) from exc
    except ssl.SSLError as exc:
        raise NotDelivered("its certificate is not trusted, or TLS failed") from exc
    except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as exc:
        raise NotDelivered(f"no connection, or no answer: {type(exc).__name__}") from exc


async def _post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    target = addresses.parsed(url)
    address = await addresses.resolved(target)
    secure = target.scheme == "https"
    reader, writer = await asyncio.open_connection(
        address,
        addresses.port_of(target),
        limit=LONGEST_HEAD,
        ssl=ssl.create_default_context() if secure else None,
        server_hostname=target.hostname if secure else None,
    )
    try:
        writer.write(_head(target, headers, len(body)) + body)
        await writer.drain()
        return await _status(reader)
    finally:
        writer.transport.abort()


async def _status(reader: asyncio.StreamReader) -> int:
    """Of the answer's head alone, past those that only say that one comes. Its body is nothing to us."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        said = STATUS.match(head)
        if said is None:
            raise ValueError("this is no HTTP")
        if (status := int(said[1])) >= 200:
            return status


def _head(target: SplitResult, headers: Mapping[str, str], length: int) -> bytes:
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    lines = {
        "host": target.netloc,
        "user-agent": "Stipend-Webhooks/1",
        "content-type": "application/json",
        "content-length": str(length),
        "connection": "close",
        **headers,
    }
    return "\r\n".join(
        [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items()), "", ""]
    ).encode()
