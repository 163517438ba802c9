"""Sessions in the database, as Django keeps them: but what no session can be called is none, and asked for nowhere."""

from __future__ import annotations

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    def _validate_session_key(self, key: str) -> bool:
        """A cookie may hold a NUL, at which the database would fail."""
        valid: bool = super()._validate_session_key(key)  # type: ignore[misc]  # its stubs do not know it
        return valid and key.isascii() and key.isalnum()
