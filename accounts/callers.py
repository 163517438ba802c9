"""Who is asking: one `Caller`, found by one query, whatever the request was authenticated with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts import api_keys, database, tokens
from accounts.errors import InvalidCredentials, NotAuthenticated

CALLER = """
    SELECT u.id AS user_id, u.email, u.is_staff, w.id AS workspace_id, w.time_zone, {key} AS key_id
    FROM {credential}
    WHERE u.is_active AND {valid}
"""

BY_KEY = CALLER.format(
    key="k.id",
    credential="""accounts_apikey k JOIN accounts_user u ON u.id = k.user_id
        JOIN accounts_workspace w ON w.id = k.workspace_id
        JOIN accounts_membership m ON m.workspace_id = w.id AND m.user_id = u.id""",
    valid="k.hash = %(hash)s AND k.revoked_at IS NULL",
)

BY_TOKEN = CALLER.format(
    key="NULL::uuid",
    credential="""accounts_tokenfamily f JOIN accounts_user u ON u.id = f.user_id
        JOIN accounts_workspace w ON w.personal_to_id = u.id""",
    valid="f.id = %(family)s AND u.id = %(user)s AND f.ended_at IS NULL",
)

BY_USER = CALLER.format(
    key="NULL::uuid",
    credential="accounts_user u JOIN accounts_workspace w ON w.personal_to_id = u.id",
    valid="u.id = %(user)s",
)


@dataclass(frozen=True)
class Caller:
    """A person, the workspace they act for, and the API key if that is how they came.

    It is also REST framework's `request.user`, hence the two properties.
    """

    user_id: UUID
    email: str
    is_staff: bool
    workspace_id: UUID
    time_zone: str
    key_id: UUID | None

    def __str__(self) -> str:
        return self.email

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def is_active(self) -> bool:
        return True

    @property
    def pk(self) -> UUID:
        return self.user_id


def credential(headers: Mapping[str, str]) -> str | None:
    """The token or key in the headers; None when there is neither."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and bearer.strip():
        return bearer.strip()
    return headers.get("x-api-key") or None


def _query(headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    found = credential(headers)
    if found is None:
        raise NotAuthenticated
    if found.startswith(api_keys.MARK):
        return BY_KEY, {"hash": api_keys.digest(found)}
    claims = tokens.read_access(found)
    return BY_TOKEN, {"family": claims.family, "user": claims.user}


def _caller(row: database.Row | None) -> Caller:
    if row is None:
        raise InvalidCredentials
    return Caller(**row)


async def aidentify(headers: Mapping[str, str]) -> Caller:
    """Raises `NotAuthenticated` without a credential, `InvalidCredentials` with a bad one."""
    return _caller(await database.fetch_one(*_query(headers)))


def identify(headers: Mapping[str, str]) -> Caller:
    return _caller(database.fetch_one_now(*_query(headers)))


def signed_in(user_id: UUID) -> Caller:
    """The caller of a browser session."""
    return _caller(database.fetch_one_now(BY_USER, {"user": str(user_id)}))
