"""Telling what happened: rows first, then a word to whoever watches.

A webhook's deliveries are written by the same statement, so that one cannot be without the other. A webhook is told
of nothing that happened before it was there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db.models import QuerySet

from accounts import database, jobs
from accounts.database import Params, Row
from analytics import bell
from analytics.models import Event

Kind = Event.Kind
DELIVER = "analytics.tasks.deliver_webhooks"

TELL = """
    WITH told AS (
        INSERT INTO analytics_event (kind, workspace_id, user_id, data, created_at)
        SELECT kind, workspace_id, user_id, data, %(at)s
        FROM jsonb_to_recordset(%(events)s::jsonb) AS e (kind text, workspace_id uuid, user_id uuid, data jsonb)
        RETURNING id, kind, workspace_id
    ),
    to_deliver AS (
        INSERT INTO analytics_delivery (id, webhook_id, event_id, created_at, due_at, tries, error)
        SELECT gen_random_uuid(), w.id, told.id, %(at)s, %(at)s, 0, ''
        FROM told JOIN analytics_webhook w ON told.kind = ANY (w.kinds) AND w.is_active
            AND (w.workspace_id IS NULL OR w.workspace_id = told.workspace_id)
            AND w.created_at <= %(at)s
        RETURNING 1
    )
    SELECT (SELECT max(id) FROM told) AS newest, (SELECT count(*) FROM to_deliver) AS deliveries
"""

# What the feed shows is read with the names that people and workspaces have now, so that none is kept in it.
READ = """
    SELECT e.id, e.kind, e.workspace_id, w.name AS workspace, e.user_id, u.email AS "user", e.data, e.created_at
    FROM analytics_event e LEFT JOIN accounts_workspace w ON w.id = e.workspace_id
        LEFT JOIN accounts_user u ON u.id = e.user_id
"""
AFTER = f"{READ} WHERE e.id > %(after)s ORDER BY e.id LIMIT %(limit)s"
LAST = f"SELECT * FROM ({READ} ORDER BY e.id DESC LIMIT %(limit)s) AS last ORDER BY id"
NEWEST = "SELECT COALESCE(max(id), 0) AS id FROM analytics_event"


@dataclass(frozen=True)
class Happened:
    """`data` holds what JSON can hold, and nothing that somebody wrote."""

    kind: str
    workspace_id: UUID | None = None
    user_id: UUID | None = None
    data: dict[str, Any] = field(default_factory=dict)


def tell(*happened: Happened, at: datetime) -> int:
    """The id of the last of them. In a transaction the word goes after it."""
    told = database.fetch_one_now(TELL, _params(happened, at))
    bell.ring_after_commit()
    if told and told["deliveries"]:
        jobs.nudge_after_commit(DELIVER)
    return told["newest"] if told else 0


async def atell(*happened: Happened, at: datetime) -> int:
    """The same in an event loop."""
    told = await database.fetch_one(TELL, _params(happened, at))
    await bell.ring()
    if told and told["deliveries"]:
        await sync_to_async(jobs.nudge, thread_sensitive=False)(DELIVER)
    return told["newest"] if told else 0


def _params(happened: Sequence[Happened], at: datetime) -> Params:
    events = [{**vars(each), "kind": str(each.kind)} for each in happened]
    return {"events": json.dumps(events, default=str), "at": at}


async def after(cursor: int, *, limit: int) -> list[Row]:
    """The oldest first."""
    return await database.fetch_all(AFTER, {"after": cursor, "limit": limit})


async def last(limit: int) -> list[Row]:
    """The newest of all, the oldest of them first."""
    return await database.fetch_all(LAST, {"limit": limit})


async def newest() -> int:
    """The cursor of whoever has seen everything."""
    row = await database.fetch_one(NEWEST, {})
    return int(row["id"]) if row else 0


def shown() -> QuerySet[Event]:
    return Event.objects.select_related("workspace", "user")


def forget_old(at: datetime) -> int:
    """How many, with their deliveries."""
    return Event.objects.filter(created_at__lt=at - settings.EVENTS_KEPT).delete()[0]
