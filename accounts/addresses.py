"""Where a request comes from, and what of that address is counted."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

from django.conf import settings

# Whoever has an IPv6 address has all of its network: the first 64 bits are the customer, the rest is theirs to choose.
IPV6_PREFIX = 64


def client_address(request: Any) -> str:
    """The address of the client: of whoever reached the outermost of our own proxies, which `TRUSTED_PROXIES` counts.

    What a client writes into X-Forwarded-For itself is left of that, and never looked at. Empty where the server
    listens on a unix socket and no proxy names the client.
    """
    connected: str = request.META.get("REMOTE_ADDR") or ""
    if not settings.TRUSTED_PROXIES:
        return connected
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    said = [*forwarded, connected][-1 - settings.TRUSTED_PROXIES :][0]
    found = _parsed(said)
    return str(found) if found else connected


def network(address: str) -> str:
    """What is counted as one client: an IPv4 address, or an IPv6 network of 64 bits."""
    found = _parsed(address)
    if isinstance(found, IPv6Address):
        return str(IPv6Network((found, IPV6_PREFIX), strict=False))
    return str(found) if found else address


def _parsed(said: str) -> IPv4Address | IPv6Address | None:
    """None for what is no address. Some proxies add a port."""
    said = said.strip()
    if said.startswith("["):
        said = said[1:].partition("]")[0]
    elif said.count(":") == 1:
        said = said.partition(":")[0]
    try:
        found = ip_address(said)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
