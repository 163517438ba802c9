"""How many requests a minute, by account or by address: django-ratelimit's fixed windows in Redis, from one table.

A courtesy to the other users, and no more: with Redis away nobody is refused. What must hold is in `accounts.guards`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError

from accounts import addresses, outage
from accounts.errors import RateLimited

MINUTE = 60


def check(request: Any, name: str, *, account: UUID | None = None) -> None:
    """Count this request against a rate of `RATES`. Raises `RateLimited`."""
    limits = settings.RATES[name]
    by, subject = ("account", str(account)) if account and "account" in limits else ("ip", _client(request))
    usage = count(name, f"{by} {subject}", limits[by], request=request)
    if usage and usage["should_limit"]:
        # Its window lasts through the second it names.
        raise RateLimited(name, limits[by], window=MINUTE, retry_after=usage["time_left"] + 1)


async def acheck(request: Any, name: str, *, account: UUID | None = None) -> None:
    """The same for asynchronous views: a thread waits for Redis."""
    if settings.RATELIMIT_ENABLE:
        await sync_to_async(check, thread_sensitive=False)(request, name, account=account)


def _client(request: Any) -> str:
    return addresses.network(addresses.client_address(request))


def count(name: str, subject: str, limit: int, *, request: Any = None) -> dict[str, int] | None:
    """Count one against `limit` a minute: `count`, `should_limit`, `time_left`. None where limits are switched off, or
    Redis does not answer."""
    if outage.is_noted():
        return None
    try:
        usage: dict[str, int] | None = get_usage(
            request, group=name, key=lambda group, request: subject, rate=(limit, MINUTE), increment=True
        )
    except RedisError as exc:
        outage.note(exc)
        return None
    return usage
