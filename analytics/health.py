"""Is it well? Asked by load balancers and people."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import psutil
from django.conf import settings
from psycopg import OperationalError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from accounts import database
from assistants import providers
from assistants.providers import breaker

PATIENCE_SECONDS = 2


@dataclass(frozen=True)
class Check:
    ok: bool
    latency_ms: float


async def database_check() -> Check:
    begun = time.perf_counter()
    try:
        await database.fetch_one("SELECT 1", {})
    except OperationalError:
        return _check(begun, ok=False)
    return _check(begun, ok=True)


async def redis_check() -> Check:
    begun = time.perf_counter()
    redis = Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS)
    try:
        await redis.ping()
    except RedisError:
        return _check(begun, ok=False)
    finally:
        await redis.aclose()
    return _check(begun, ok=True)


async def report() -> dict[str, Any]:
    """Ready means the database answers. Without Redis jobs wait, and chat goes on.

    Of each provider: whether this process asks it (`closed`), leaves it alone (`open`), or is seeing (`half-open`).
    """
    checks = {"database": await database_check(), "redis": await redis_check()}
    return {
        "ready": checks["database"].ok,
        "checks": {name: asdict(check) for name, check in checks.items()},
        "providers": {known.name: breaker.of(known.name).state for known in providers.every()},
    }


def process() -> dict[str, Any]:
    """Of this process: seconds since it began, and of CPU; bytes of memory. Load is the machine's, by its cores."""
    this = psutil.Process()
    with this.oneshot():
        spent = this.cpu_times()
        return {
            "version": settings.VERSION,
            "uptime_seconds": round(time.time() - this.create_time()),
            "cpu": {
                "seconds": round(spent.user + spent.system, 2),
                "cores": psutil.cpu_count(),
                "load": [round(load, 2) for load in psutil.getloadavg()],
            },
            "memory": {
                "used": this.memory_info().rss,
                "of_machine": psutil.virtual_memory().total,
                "free_on_machine": psutil.virtual_memory().available,
            },
        }


def _check(begun: float, *, ok: bool) -> Check:
    return Check(ok=ok, latency_ms=round((time.perf_counter() - begun) * 1000, 2))
