"""That it is really them, who are signed in already: before what cannot be taken back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts import passwords
from accounts.audit import Actor
from accounts.factors.pending import factors_of
from accounts.factors.sessions import FamilySession, proved_lately
from accounts.factors.translation import reauthentication_required
from accounts.models import User


def check(user: User, password: str, *, session: UUID | None, by: Actor, at: datetime) -> None:
    """By the password, and for who has a second factor or no password by a proof within the last five minutes.

    Raises `WrongPassword`, `TooManyAttempts`, `ReauthenticationRequired`.
    """
    by_password = user.has_usable_password()
    if factors_of(user) or not by_password:
        _check_proved_lately(user, session)
    if by_password:
        passwords.check(user, password, by=by, at=at)


def _check_proved_lately(user: User, session: UUID | None) -> None:
    if session is None or not proved_lately(FamilySession(str(session))):
        raise reauthentication_required(user)
