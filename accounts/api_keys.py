"""API keys: 256 bits of chance behind a mark, shown once, kept as prefix and SHA-256."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts import audit
from accounts.audit import SYSTEM, Actor
from accounts.models import ApiKey, default_scopes

MARK = "sk-stipend-"
PREFIX_LENGTH = len(MARK) + 6


@dataclass(frozen=True)
class Powers:
    """What a key may do: never more than its owner, and perhaps less."""

    scopes: list[str] = field(default_factory=default_scopes)
    allowed_models: list[str] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)
    expires_at: datetime | None = None


def digest(key: str) -> str:
    # No salt and no stretching: the secret has 256 bits, and the look-up must be one indexed query.
    return hashlib.sha256(key.encode()).hexdigest()


def new_secret() -> str:
    return MARK + secrets.token_urlsafe(32)


@transaction.atomic
def create(
    *,
    workspace_id: UUID,
    user_id: UUID,
    name: str,
    at: datetime,
    powers: Powers | None = None,
    by: Actor = SYSTEM,
    key: str | None = None,
) -> tuple[ApiKey, str]:
    """The row and the key itself, which nobody can be shown again."""
    key = key or new_secret()
    powers = powers or Powers()
    row = ApiKey.objects.create(
        workspace_id=workspace_id,
        user_id=user_id,
        name=name,
        prefix=key[:PREFIX_LENGTH],
        hash=digest(key),
        scopes=powers.scopes,
        allowed_models=powers.allowed_models,
        limits=powers.limits,
        expires_at=powers.expires_at,
    )
    audit.record("api_key.created", by=by, subject=row, at=at, workspace_id=workspace_id, after=told(row))
    return row, key


@transaction.atomic
def change(row: ApiKey, *, by: Actor, at: datetime, **fields: object) -> None:
    before = told(row)
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=list(fields))
    audit.record(
        "api_key.changed", by=by, subject=row, at=at, workspace_id=row.workspace_id, before=before, after=told(row)
    )


@transaction.atomic
def rotate(key_id: UUID, *, overlap: timedelta, by: Actor, at: datetime) -> tuple[ApiKey, str]:
    """A new secret for the same key. The former one stays good for the `overlap`; one before that is gone.

    The key keeps its id, and with it what it has used: a rotation gives nobody an allowance twice. Raises
    `ApiKey.DoesNotExist` for one that is revoked, also by somebody at this moment.
    """
    row = ApiKey.objects.select_for_update().get(id=key_id, revoked_at=None)
    key = new_secret()
    row.former_prefix, row.former_hash, row.former_until = row.prefix, row.hash, at + overlap
    row.prefix, row.hash = key[:PREFIX_LENGTH], digest(key)
    row.save(update_fields=["prefix", "hash", "former_prefix", "former_hash", "former_until"])
    audit.record(
        "api_key.rotated",
        by=by,
        subject=row,
        at=at,
        workspace_id=row.workspace_id,
        before={"prefix": row.former_prefix},
        after={"prefix": row.prefix, "former_until": row.former_until.isoformat()},
    )
    return row, key


@transaction.atomic
def revoke(row: ApiKey, *, by: Actor, reason: str = "", at: datetime) -> None:
    """At once, the former secret too. A key revoked before stays as it was."""
    if ApiKey.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=at):
        why = {"reason": reason} if reason else {}
        audit.record("api_key.revoked", by=by, subject=row, at=at, workspace_id=row.workspace_id, after=why)


def revoke_all(keys: QuerySet[ApiKey], *, by: Actor, reason: str = "", at: datetime) -> None:
    for row in keys.filter(revoked_at=None):
        revoke(row, by=by, reason=reason, at=at)


def starting_with(text: str) -> Q:
    """A condition: keys that the beginning of a key, or a whole one that leaked, may be."""
    prefix = text.strip()[:PREFIX_LENGTH]
    return Q(prefix__startswith=prefix) | Q(former_prefix__startswith=prefix)


def visible_to(user_id: UUID, *, workspace_id: UUID, manages: bool) -> QuerySet[ApiKey]:
    """Their own keys, and who manages the workspace sees everybody's."""
    keys = ApiKey.objects.filter(workspace_id=workspace_id)
    return keys if manages else keys.filter(user_id=user_id)


def told(row: ApiKey) -> dict[str, object]:
    """What the audit log may know of a key."""
    return {
        "name": row.name,
        "prefix": row.prefix,
        "scopes": list(row.scopes),
        "allowed_models": list(row.allowed_models),
        "limits": row.limits,
        "expires_at": row.expires_at and row.expires_at.isoformat(),
    }
