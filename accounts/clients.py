"""The program at the other end of a session, as its owner is shown it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accounts.addresses import client_address


@dataclass(frozen=True)
class Client:
    ip: str | None = None
    user_agent: str = ""


UNKNOWN = Client()


def client_of(request: Any) -> Client:
    return Client(address_of(request), request.headers.get("user-agent", "")[:300])


def address_of(request: Any) -> str | None:
    """None where no address is known, as the database wants it."""
    return client_address(request) or None
