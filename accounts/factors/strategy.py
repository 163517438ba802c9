"""How allauth's flows meet our tokens: what is between them goes on in a session, what comes of it is a family."""

from __future__ import annotations

from typing import Any

from allauth.headless.tokens.strategies.base import AbstractTokenStrategy
from django.contrib.sessions.backends.base import SessionBase

from accounts import tokens
from accounts.clients import client_of
from accounts.factors import sessions
from accounts.factors.sessions import FamilySession

WANTED = "wanted"
STAFF = "staff"


class OurTokens(AbstractTokenStrategy):
    """A door has found the session of a request already (`views.door`), so here a session is its own token."""

    def get_session_token(self, request: Any) -> SessionBase | None:
        found: SessionBase | None = request.flow
        return found

    def lookup_session(self, session_token: Any) -> Any:
        return session_token

    def create_session_token(self, request: Any) -> Any:
        session = request.session
        if isinstance(session, FamilySession):
            return session
        if request.user.is_authenticated:
            return None
        session[sessions.UNFINISHED] = True
        session.set_expiry(sessions.UNFINISHED_SECONDS)
        return sessions.token_of(session)

    def create_access_token_payload(self, request: Any) -> None:
        """A finished log-in begins one family, however often allauth asks, and its session is gone."""
        if request.finished is None:
            wants_staff = request.session.get(WANTED) == STAFF
            request.session.flush()
            request.finished = begin(request, staff=wants_staff)


def begin(request: Any, *, staff: bool) -> dict[str, Any]:
    """What the answer to a log-in carries."""
    user, client = request.user, client_of(request)
    if staff:
        return {"access": tokens.begin_staff(user, client), "user": user}
    pair = tokens.begin_family(user, client)
    return {"access": pair.access, "refresh": pair.refresh, "user": user}
