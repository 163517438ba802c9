"""Who may watch the feed: staff, by the console's session or by a ticket, from a page of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.http.request import split_domain_port, validate_host

from accounts import console, database
from analytics.live import tickets
from analytics.live.tickets import Holder

SPOKEN = "stipend.activity"
"""What a client may name as its subprotocol, beside its ticket as the next one."""
TICKET = "ticket."

STANDING = """
    SELECT 1 FROM accounts_user u LEFT JOIN accounts_tokenfamily f ON f.id = %(family_id)s
    WHERE u.id = %(user_id)s AND u.is_active AND u.is_staff
        AND (%(family_id)s::uuid IS NULL OR (f.ended_at IS NULL AND f.expires_at > now()))
"""


@dataclass(frozen=True)
class Request:
    """What a handshake brings."""

    headers: Mapping[str, str]
    query: Mapping[str, list[str]]
    subprotocols: list[str]

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> Request:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = parse_qs(scope["query_string"].decode("latin-1"))
        return cls(headers, query, list(scope.get("subprotocols", [])))

    @property
    def ticket(self) -> str | None:
        said = next((each for each in self.subprotocols if each.startswith(TICKET)), None)
        return said.removeprefix(TICKET) if said else next(iter(self.query.get("ticket", [])), None)

    @property
    def session_key(self) -> str | None:
        try:
            found = SimpleCookie(self.headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
        except CookieError:
            return None
        return found.value if found else None

    @property
    def after(self) -> int | None:
        return cursor(next(iter(self.query.get("after", [])), None))

    @property
    def subprotocol(self) -> str | None:
        return SPOKEN if SPOKEN in self.subprotocols else None


@dataclass(frozen=True)
class Pass:
    """By what somebody came in: a ticket's holder, or a session of the console."""

    holder: Holder | None = None
    session_key: str = ""

    async def is_good(self) -> bool:
        """Still, however long ago they came in."""
        if self.holder is None:
            return bool(await _enters_console(self.session_key))
        return await database.fetch_one(STANDING, vars(self.holder)) is not None


async def admit(request: Request) -> Pass | None:
    """None: they may not. A page of somebody else's may not either, whoever looks at it."""
    origin = request.headers.get("origin")
    if origin is not None and not is_ours(origin, request.headers.get("host", "")):
        return None
    if request.ticket:
        holder = await tickets.use(request.ticket)
        admitted = Pass(holder) if holder else None
    elif request.session_key and origin:  # Browsers say where they come from; what does not has no session.
        admitted = Pass(session_key=request.session_key)
    else:
        admitted = None
    return admitted if admitted and await admitted.is_good() else None


def is_ours(origin: str, host: str) -> bool:
    """The host that is asked, where we go by that name, or a front end's that the settings name."""
    if origin in [*settings.CORS_ALLOWED_ORIGINS, settings.PUBLIC_URL]:
        return True
    named, _ = split_domain_port(host)
    is_asked = origin in (f"http://{host}", f"https://{host}")
    return is_asked and bool(named) and validate_host(named, settings.ALLOWED_HOSTS)


def cursor(said: object) -> int | None:
    """None for what is none."""
    text = str(said) if isinstance(said, int | str) and not isinstance(said, bool) else ""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None
    return number if number is not None and number < 2**63 else None


@database_sync_to_async  # type: ignore[untyped-decorator]
def _enters_console(session_key: str) -> bool:
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    visit = SimpleNamespace(session=session)
    visit.user = get_user(visit)  # type: ignore[arg-type]
    return console.may_enter(visit)
