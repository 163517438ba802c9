"""What remembers a flow: a session of its own until the log-in is finished, the token family afterwards.

No row of Django's sessions is ever signed in by the API, so that none of them opens the console.
"""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY as PROOFS
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore

from accounts.errors import InvalidCredentials
from accounts.models import TokenFamily

UNFINISHED = "unfinished_log_in"
UNFINISHED_SECONDS = 15 * 60
PROOFS_OF = "account_authentication_methods_user"
PROOFS_KEPT = 5


def begin() -> SessionStore:
    """A session for a log-in that is not finished yet."""
    session = SessionStore()
    session[UNFINISHED] = True
    session.set_expiry(UNFINISHED_SECONDS)
    return session


def token_of(session: SessionBase) -> str:
    """What a client sends as X-Session-Token. The session is saved."""
    session.save()
    return str(session.session_key)


def unfinished(token: str) -> SessionStore:
    """The session of a log-in in the making. Raises `InvalidCredentials` for any other, such as one of the console."""
    session = SessionStore(token)
    if not session.get(UNFINISHED) or SESSION_KEY in session:
        raise InvalidCredentials("This session token is not valid, or not any more. Begin the log-in again.")
    return session


class FamilySession(SessionBase):
    """A signed-in person's flows are remembered by their token family, and gone with it.

    The log-in itself counts as a proof that it is them. An ended family has an empty session, in which nobody is.
    """

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.family_id = UUID(session_key)

    def load(self) -> dict[str, Any]:
        family = self._family().select_related("user").first()
        if family is None:
            return {}
        signed_in = {
            SESSION_KEY: str(family.user_id),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: family.user.get_session_auth_hash(),
            PROOFS_OF: str(family.user_id),
            PROOFS: [{"method": "log_in", "at": family.created_at.timestamp(), "reauthenticated": True}],
        }
        return {**signed_in, **family.remembered}

    def save(self, must_create: bool = False) -> None:
        own = {SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY, PROOFS_OF}
        remembered = {name: value for name, value in self.items() if name not in own}
        remembered[PROOFS] = self[PROOFS][-PROOFS_KEPT:]
        self._family().update(remembered=remembered)

    def proved_at(self) -> float:
        """When the person last proved that it is them."""
        return float(self[PROOFS][-1]["at"])

    def exists(self, session_key: str) -> bool:
        return bool(self._family().exists())

    def create(self) -> None:
        """A family begins with a log-in alone."""

    def delete(self, session_key: str | None = None) -> None:
        self._family().update(remembered={})

    @classmethod
    def clear_expired(cls) -> None:
        """A family that ended takes what it remembered along."""

    def _family(self) -> Any:
        return TokenFamily.objects.filter(id=self.family_id, ended_at=None, user__is_active=True)


def proved_lately(session: SessionBase) -> bool:
    """Within the last minutes, in a family that lives."""
    return (
        isinstance(session, FamilySession)
        and PROOFS in session
        and time.time() - session.proved_at() < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    )
