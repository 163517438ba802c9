"""That it is really them, who are signed in already: before what cannot be taken back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts import passwords
from accounts.audit import Actor
from accounts.factors.sessions import FamilySession, proved_lately
from accounts.factors.translation import reauthentication_required
from accounts.models import User


def check(user: User, password: str, *, session: UUID | None, by: Actor, at: datetime) -> None:
    """By the password or, for who has none, by a log-in or another proof within the last five minutes.

    Raises `WrongPassword`, `TooManyAttempts`, `ReauthenticationRequired`.
    """
    if user.has_usable_password():
        passwords.check(user, password, by=by, at=at)
    elif session is None or not proved_lately(FamilySession(str(session))):
        raise reauthentication_required(user)
