"""Credit for calls that went wrong: who was hit between two moments, what it comes to, and giving it to all of them.

What each gets is counted and kept in one transaction, with the audit log's line. The credits are given then, one
workspace a transaction, by whoever comes by: each once, with its letter, whatever becomes of the worker.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import BigIntegerField, Count, QuerySet, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from accounts import audit, database, jobs, letters, memberships
from accounts.audit import Actor
from analytics.models import Compensation, Incident
from assistants.models import Turn
from quotas import grants
from quotas.decisions import local
from quotas.errors import unit
from quotas.grants import Gift
from quotas.models import Grant

ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('analytics.incidents', 0))"


@dataclass(frozen=True)
class Terms:
    """Which calls count, and what is given for them: `percent` of what was charged of the meter, and `at_least` so
    much to each workspace that was hit. Without outcomes, provider or model, all of them count."""

    reason: str
    starts_at: datetime
    ends_at: datetime
    meter: str
    percent: int
    at_least: int
    expires_at: datetime
    outcomes: Sequence[str] = ()
    provider: str = ""
    model: str = ""


@dataclass(frozen=True)
class Hit:
    """One workspace: its calls, what they were charged of the meter, and what it gets for that."""

    workspace_id: UUID
    name: str
    calls: int
    charged: int
    amount: int


@dataclass(frozen=True)
class Toll:
    """All who were hit, the worst first, and what was issued `before` for calls of the same time."""

    terms: Terms
    hits: list[Hit]
    before: list[Incident]
    calls: int = field(init=False)
    charged: int = field(init=False)
    amount: int = field(init=False)

    def __post_init__(self) -> None:
        for name in ("calls", "charged", "amount"):
            object.__setattr__(self, name, sum(getattr(hit, name) for hit in self.hits))

    @property
    def digest(self) -> str:
        """The same for the same amounts to the same workspaces alone, under the same terms, and not a second time."""
        gets = [(hit.workspace_id, hit.amount) for hit in self.hits]
        told = [vars(self.terms), gets, [incident.pk for incident in self.before]]
        return hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()


def toll(terms: Terms) -> Toll:
    """Of workspaces that are still there."""
    spent = Cast(KeyTextTransform(terms.meter, "reservation__spent"), BigIntegerField())
    found = _calls(terms).values("workspace_id", "workspace__name")
    rows = found.annotate(calls=Count("pk"), charged=Coalesce(Sum(spent), 0)).order_by()
    hits = [
        Hit(row["workspace_id"], row["workspace__name"], row["calls"], row["charged"], _amount(terms, row["charged"]))
        for row in rows
    ]
    hits = sorted((hit for hit in hits if hit.amount), key=lambda hit: (-hit.amount, hit.workspace_id))
    before = Incident.objects.filter(starts_at__lt=terms.ends_at, ends_at__gt=terms.starts_at)
    return Toll(terms, hits, list(before))


@transaction.atomic
def issue(terms: Terms, *, seen: str, by: Actor, at: datetime) -> Incident | None:
    """Credit to everybody who was hit. None where there is nobody, or it is not what was `seen` (a toll's digest) any
    more, since more calls have been settled, or somebody was quicker."""
    database.fetch_one_now(ONE_AT_A_TIME, {})
    found = toll(terms)
    if not found.hits or found.digest != seen:
        return None
    incident = Incident.objects.create(**_told(terms), issued_by_id=by.user_id, issued_at=at)
    Compensation.objects.bulk_create(_compensations(incident, found))
    sums = {"workspaces": len(found.hits), "calls": found.calls, "charged": found.charged, "amount": found.amount}
    between = {"starts_at": terms.starts_at.isoformat(), "ends_at": terms.ends_at.isoformat()}
    told = {"reason": terms.reason, "meter": terms.meter, **between, **sums}
    audit.record("incident.issued", by=by, subject=incident, at=at, after=told)
    jobs.nudge_after_commit("analytics.tasks.give_compensations")
    return incident


@transaction.atomic
def give_next(at: datetime) -> bool:
    """Give the compensation that has waited longest; False when none waits that nobody else has in hand."""
    waiting = Compensation.objects.filter(grant=None, workspace__deleted_at=None, incident__expires_at__gt=at)
    due = waiting.select_for_update(skip_locked=True, of=["self"]).select_related("incident", "workspace")
    compensation = due.order_by("pk").first()
    if compensation is None:
        return False
    _give(compensation, at)
    return True


def _calls(terms: Terms) -> QuerySet[Turn]:
    chosen = {
        "outcome__in": list(terms.outcomes),
        "provider": terms.provider,
        "model": terms.model,
    }
    between = Turn.objects.filter(created_at__gte=terms.starts_at, created_at__lt=terms.ends_at)
    return between.filter(workspace__deleted_at=None, **{name: value for name, value in chosen.items() if value})


def _amount(terms: Terms, charged: int) -> int:
    """A part of one is one."""
    return max(-(-charged * terms.percent // 100), terms.at_least)


def _compensations(incident: Incident, found: Toll) -> Iterable[Compensation]:
    for hit in found.hits:
        got = {"calls": hit.calls, "charged": hit.charged, "amount": hit.amount}
        yield Compensation(incident=incident, workspace_id=hit.workspace_id, **got)


def _told(terms: Terms) -> dict[str, object]:
    return {**vars(terms), "outcomes": list(terms.outcomes)}


def _give(compensation: Compensation, at: datetime) -> None:
    incident = compensation.incident
    gift = Gift(
        incident.meter,
        compensation.amount,
        Grant.Source.GOODWILL,
        expires_at=incident.expires_at,
        reason=incident.reason,
    )
    compensation.grant = grants.give(compensation.workspace_id, gift, by=Actor(incident.issued_by_id), at=at)
    compensation.save(update_fields=["grant"])
    for reader in memberships.who_looks_after(compensation.workspace):
        letters.post("incident_credit", to=reader.email, user=reader, context=_letter(compensation))


def _letter(compensation: Compensation) -> dict[str, object]:
    incident, workspace = compensation.incident, compensation.workspace
    return {
        "workspace": workspace.name,
        "reason": incident.reason,
        "amount": f"{compensation.amount:,}",
        "unit": unit(incident.meter),
        "calls": compensation.calls,
        "expires": local(incident.expires_at, ZoneInfo(workspace.time_zone)),
        "url": f"{settings.FRONTEND_URL}/billing",
    }
