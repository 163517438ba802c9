"""Where a webhook may lead: to a public address, and to no machine of ours.

A name is looked up once, all it leads to is checked, and what was checked is what is connected to: a name that leads
elsewhere a moment later changes nothing.
"""

from __future__ import annotations

import asyncio
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from analytics.errors import AddressRefused

PORTS = {"https": 443, "http": 80}
LOOK_UPS = ThreadPoolExecutor(200, "look-up")
"""A name whose servers are silent keeps its thread for half a minute, past our patience: there are more than can be
kept, so that nobody else's name waits. The event loop's own would be few, and waited for."""
VISIBLE = re.compile(r"[!-~]{1,2000}")


def parsed(url: str) -> SplitResult:
    """Raises `AddressRefused` for what is no address that may be told of anything."""
    if not VISIBLE.fullmatch(url) or "\\" in url:
        raise AddressRefused("An address is up to 2,000 visible ASCII characters.")
    try:
        split = urlsplit(url)
        host, _ = split.hostname, split.port
    except ValueError as exc:
        raise AddressRefused("This is no address.") from exc
    if split.scheme != "https" and not (settings.WEBHOOKS_TO_LOOPBACK and split.scheme == "http"):
        raise AddressRefused("An address begins with https://.")
    if not host or "@" in split.netloc or "#" in url:
        raise AddressRefused("An address names a host, and neither a user nor a fragment.")
    if is_ip(host) and not may_connect(host):
        raise AddressRefused("An address is public.")
    return split


def port_of(split: SplitResult) -> int:
    return split.port or PORTS[split.scheme]


async def resolved(split: SplitResult) -> str:
    """An address to connect to. Raises `AddressRefused`, and `OSError` where the name leads nowhere."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(LOOK_UPS, _look_up, str(split.hostname), port_of(split))
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(may_connect(each) for each in addresses):
        raise AddressRefused("The name leads to an address that is not public.")
    return addresses[0]


def _look_up(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def may_connect(text: str) -> bool:
    address = ip_address(text)
    if settings.WEBHOOKS_TO_LOOPBACK and address.is_loopback:
        return True
    return all(map(_is_public, [address, *_within(address)]))


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    is_ours = address.is_link_local or (isinstance(address, IPv6Address) and address.is_site_local)
    return address.is_global and not (is_ours or address.is_multicast or address.is_reserved)


def _within(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """The older address that a newer one stands for, in some network."""
    if isinstance(address, IPv4Address):
        return []
    teredo = address.teredo or ()
    return [inner for inner in (address.ipv4_mapped, address.sixtofour, *teredo) if inner]
