"""API keys: 256 bits of chance behind a mark, shown once, kept as prefix and SHA-256."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from uuid import UUID

from accounts.models import ApiKey

MARK = "sk-stipend-"
PREFIX_LENGTH = len(MARK) + 6


def digest(key: str) -> str:
    # No salt and no stretching: the secret has 256 bits, and the look-up must be one indexed query.
    return hashlib.sha256(key.encode()).hexdigest()


def create(*, workspace_id: UUID, user_id: UUID, name: str, key: str | None = None) -> tuple[ApiKey, str]:
    """The row and the key itself, which nobody can be shown again."""
    key = key or MARK + secrets.token_urlsafe(32)
    row = ApiKey.objects.create(
        workspace_id=workspace_id,
        user_id=user_id,
        name=name,
        prefix=key[:PREFIX_LENGTH],
        hash=digest(key),
    )
    return row, key


def revoke(key_id: UUID, *, workspace_id: UUID, at: datetime) -> bool:
    """False when this workspace has no such key; a key revoked before stays as it was."""
    keys = ApiKey.objects.filter(workspace_id=workspace_id, id=key_id)
    keys.filter(revoked_at=None).update(revoked_at=at)
    return keys.exists()
