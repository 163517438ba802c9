"""Limits as response headers: the IETF's RateLimit fields, draft 11."""

from __future__ import annotations

from datetime import datetime

from accounts.moments import seconds_until
from quotas.limits import MINUTE, Limit, tightest_of_each


def rate_limit(limits: list[Limit], at: datetime) -> dict[str, str]:
    """Of each meter in each window the tightest limit, with the credits beside it.

    The unit is ours (`u`): the draft names none for tokens.
    """
    limits = tightest_of_each(limits)
    policies = (f'"{limit.policy}";q={limit.limit};u="{limit.meter}"{_seconds(limit)}' for limit in limits)
    states = (f'"{limit.policy}";r={limit.room}{_until(limit, at)}' for limit in limits)
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(states)} if limits else {}


def _seconds(limit: Limit) -> str:
    """How long its window is, where every one is as long: days and months are not."""
    return ";w=60" if limit.window == MINUTE else ""


def _until(limit: Limit, at: datetime) -> str:
    return f";t={seconds_until(limit.resets_at, at)}" if limit.resets_at else ""
