"""How many jobs there were, of which type, how they ended and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from accounts import database
from quotas.days import Days

# What is deleted was done all the same.
COUNTED = """
    SELECT crew AS type, state, date_trunc('day', created_at, %(zone)s)::date AS day, count(*) AS count,
        COALESCE(sum(cost), 0)::bigint AS cost, COALESCE(sum(tokens), 0)::bigint AS tokens,
        COALESCE(sum(extract(epoch FROM finished_at - started_at)) * 1000, 0)::bigint AS duration_ms
    FROM assistants_job j CROSS JOIN LATERAL (
        SELECT sum(cost) AS cost, sum(input_tokens + cache_write_5m_tokens + cache_write_1h_tokens
            + cache_read_tokens + output_tokens) AS tokens
        FROM assistants_step WHERE job_id = j.id
    ) took
    WHERE workspace_id = %(workspace_id)s AND kind = %(kind)s
        AND created_at >= %(starts_at)s AND created_at < %(ends_at)s
    GROUP BY 1, 2, 3 ORDER BY 3, 1, 2
"""


@dataclass(frozen=True)
class Count:
    """Of some jobs; `cost` in micro-USD, `average_ms` of those that have ended."""

    count: int
    cost: int
    tokens: int
    average_ms: int


@dataclass(frozen=True)
class Statistics:
    total: Count
    by_type: dict[str, Count]
    by_state: dict[str, Count]
    by_day: dict[str, Count]


def of(workspace_id: UUID, kind: str, days: Days) -> Statistics:
    """Every day is there, those without any too."""
    params = {
        "workspace_id": workspace_id,
        "kind": kind,
        "zone": days.zone.key,
        "starts_at": days.starts_at,
        "ends_at": days.ends_at,
    }
    rows = database.fetch_all_now(COUNTED, params)
    return Statistics(
        total=_count(rows),
        by_type=_by("type", rows, sorted({row["type"] for row in rows})),
        by_state=_by("state", rows, sorted({row["state"] for row in rows})),
        by_day=_by("day", rows, list(days)),
    )


def _by(name: str, rows: list[database.Row], values: list[object]) -> dict[str, Count]:
    return {str(value): _count([row for row in rows if row[name] == value]) for value in values}


def _count(rows: list[database.Row]) -> Count:
    ended = sum(row["count"] for row in rows if row["state"] not in ("queued", "running"))
    lasted = sum(row["duration_ms"] for row in rows)
    return Count(
        count=sum(row["count"] for row in rows),
        cost=sum(row["cost"] for row in rows),
        tokens=sum(row["tokens"] for row in rows),
        average_ms=lasted // ended if ended else 0,
    )
