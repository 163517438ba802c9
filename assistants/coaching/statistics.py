"""How coaching is used, for staff: projects, and what their chats took, from the records of turns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, QuerySet, Sum
from django.db.models.functions import TruncDate

from assistants.models import Project, Turn

TOP = 10


@dataclass(frozen=True)
class Statistics:
    """`projects` all there are, by `template` and `status`; the rest since then. Costs in micro-USD, days in UTC."""

    projects: list[dict[str, Any]]
    messages: int
    cost: int
    days: list[dict[str, Any]]
    users: list[dict[str, Any]]


def since(moment: datetime) -> Statistics:
    turns = Turn.objects.filter(message__conversation__project__isnull=False, created_at__gte=moment)
    days = sorted(_spent(turns.annotate(day=TruncDate("created_at")), "day"), key=lambda line: line["day"])
    users = _spent(turns.filter(user__isnull=False), "user")
    projects = Project.objects.values("template", "status").annotate(count=Count("pk")).order_by("template", "status")
    return Statistics(
        projects=[dict(line) for line in projects],
        messages=sum(line["messages"] for line in days),
        cost=sum(line["cost"] for line in days),
        days=days,
        users=sorted(users, key=lambda line: (-line["cost"], -line["messages"], str(line["user"])))[:TOP],
    )


def _spent(turns: QuerySet[Any], by: str) -> list[dict[str, Any]]:
    tokens = Sum(
        F("input_tokens")
        + F("cache_write_5m_tokens")
        + F("cache_write_1h_tokens")
        + F("cache_read_tokens")
        + F("output_tokens")
    )
    lines = turns.order_by().values(by).annotate(messages=Count("pk"), cost=Sum("cost"), tokens=tokens)
    return [dict(line) for line in lines]
