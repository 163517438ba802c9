"""Who is asking: one `Caller`, found by one query, whatever the request was authenticated with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts import api_keys, database, tokens
from accounts.errors import InsufficientScope, InvalidCredentials, NotAuthenticated, UnknownWorkspace
from accounts.meters import OwnLimit, own_limits
from accounts.models import Membership, Scope

PERSON = "person"
"""What a log-in may do beside its scopes, and an API key never: look after the person behind it."""
STAFF = "staff"
"""What a staff token may do, or a session of the console."""

Needs = str | tuple[str, ...]
"""What something takes: this scope, or one of these."""

EVERYTHING = frozenset(map(str, Scope))
ROLE_SCOPES: dict[str, frozenset[str]] = {
    Membership.Role.OWNER: EVERYTHING,
    Membership.Role.ADMIN: EVERYTHING,
    Membership.Role.MEMBER: frozenset({Scope.CHAT, Scope.READ}),
    Membership.Role.VIEWER: frozenset({Scope.READ}),
}

PERSONS = """
    SELECT u.id AS user_id, u.email, m.workspace_id, w.time_zone, w.created_at AS since, m.role,
        m.limits AS member_limits, {family} AS family_id, {staff} AS is_staff
    FROM {credential}
        LEFT JOIN accounts_membership m ON m.user_id = u.id AND m.workspace_id = COALESCE(
            %(workspace)s::uuid, {switched}, (SELECT id FROM accounts_workspace WHERE personal_to_id = u.id))
        LEFT JOIN accounts_workspace w ON w.id = m.workspace_id
    WHERE u.is_active AND u.id = %(user)s AND {valid}
"""

BY_TOKEN = PERSONS.format(
    family="f.id",
    staff="f.is_staff AND u.is_staff",
    switched="%(switched)s::uuid",
    credential="accounts_tokenfamily f JOIN accounts_user u ON u.id = f.user_id",
    valid="f.id = %(family)s AND f.ended_at IS NULL",
)

BY_SESSION = PERSONS.format(
    family="NULL::uuid", staff="u.is_staff", switched="NULL::uuid", credential="accounts_user u", valid="true"
)

# The moment of use is written at most once a minute, in the same round trip, and nobody waits for another's writing.
BY_KEY = """
    WITH found AS (
        SELECT * FROM accounts_apikey
        WHERE (hash = %(hash)s OR (former_hash = %(hash)s AND former_until > now()))
            AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
    ),
    used AS (
        UPDATE accounts_apikey SET last_used_at = now() WHERE id IN (
            SELECT k.id FROM accounts_apikey k JOIN found USING (id)
            WHERE k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute'
            FOR UPDATE OF k SKIP LOCKED
        )
    )
    SELECT u.id AS user_id, u.email, k.workspace_id, w.time_zone, w.created_at AS since, m.role,
        m.limits AS member_limits, k.id AS key_id, k.scopes, k.allowed_models, k.limits AS key_limits
    FROM found k JOIN accounts_user u ON u.id = k.user_id
        JOIN accounts_workspace w ON w.id = k.workspace_id
        JOIN accounts_membership m ON m.workspace_id = w.id AND m.user_id = u.id
    WHERE u.is_active
"""

# Whoever asked for work that goes on without them. A key that was revoked meanwhile is nobody's.
BY_WORK = """
    SELECT u.id AS user_id, u.email, m.workspace_id, w.time_zone, w.created_at AS since, m.role,
        m.limits AS member_limits, k.id AS key_id, k.scopes, k.allowed_models, k.limits AS key_limits
    FROM accounts_user u JOIN accounts_membership m ON m.user_id = u.id AND m.workspace_id = %(workspace)s
        JOIN accounts_workspace w ON w.id = m.workspace_id
        LEFT JOIN accounts_apikey k ON k.id = %(key)s::uuid AND k.revoked_at IS NULL
            AND (k.expires_at IS NULL OR k.expires_at > now())
    WHERE u.id = %(user)s AND u.is_active AND (%(key)s::uuid IS NULL OR k.id IS NOT NULL)
"""


@dataclass(frozen=True)
class Caller:
    """A person, the workspace they act for, what they may do there, and the API key if that is how they came.

    `since` is when the workspace was made. `scopes` are those of the role and, of a key, only what it was given of
    them; a person has `PERSON` among them.
    It is also REST framework's `request.user`, hence the properties.
    """

    user_id: UUID
    email: str
    workspace_id: UUID
    time_zone: str
    since: datetime
    role: str
    scopes: frozenset[str]
    key_id: UUID | None = None
    family_id: UUID | None = None
    allowed_models: tuple[str, ...] = ()
    limits: tuple[OwnLimit, ...] = ()

    def __str__(self) -> str:
        return self.email

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def is_staff(self) -> bool:
        return STAFF in self.scopes

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def is_active(self) -> bool:
        return True

    @property
    def pk(self) -> UUID:
        return self.user_id

    def may(self, needs: Needs) -> bool:
        return not self.scopes.isdisjoint([needs] if isinstance(needs, str) else needs)

    def may_use(self, model: str) -> bool:
        """False where the key names the models it is for, and this is none of them."""
        return not self.allowed_models or model in self.allowed_models

    def check_may(self, needs: Needs) -> None:
        """Raises `InsufficientScope`."""
        if not self.may(needs):
            raise InsufficientScope(needs, by_key=self.key_id is not None)


def credential(headers: Mapping[str, str]) -> str | None:
    """The token or key in the headers; None when there is neither."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and bearer.strip():
        return bearer.strip()
    return headers.get("x-api-key") or None


def _query(headers: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    found = credential(headers)
    if found is None:
        raise NotAuthenticated
    if found.startswith(api_keys.MARK):
        return BY_KEY, {"hash": api_keys.digest(found)}
    claims = tokens.read_access(found)
    return BY_TOKEN, {
        "family": claims.family,
        "user": claims.user,
        "switched": claims.workspace,
        "workspace": asked_workspace(headers),
    }


def asked_workspace(headers: Mapping[str, str]) -> UUID | None:
    """The one that the header names. Raises `UnknownWorkspace` for what is no id."""
    text = headers.get("x-workspace")
    try:
        return UUID(text) if text else None
    except ValueError as exc:
        raise UnknownWorkspace from exc


def _caller(row: database.Row | None, headers: Mapping[str, str]) -> Caller:
    if row is None:
        raise InvalidCredentials
    if row["workspace_id"] is None or asked_workspace(headers) not in (None, row["workspace_id"]):
        raise UnknownWorkspace
    return _of_key(row) if "key_id" in row else _of_person(row)


def _of_person(row: database.Row) -> Caller:
    return Caller(
        **_common(row),
        scopes=ROLE_SCOPES[row["role"]] | {PERSON} | ({STAFF} if row.get("is_staff") else set()),
        family_id=row.get("family_id"),
        limits=_member_limits(row),
    )


def _of_key(row: database.Row) -> Caller:
    return Caller(
        **_common(row),
        scopes=ROLE_SCOPES[row["role"]] & set(row["scopes"]),
        key_id=row["key_id"],
        allowed_models=tuple(row["allowed_models"]),
        limits=own_limits("key", row["key_id"], database.from_json(row["key_limits"])) + _member_limits(row),
    )


def _common(row: database.Row) -> dict[str, Any]:
    return {name: row[name] for name in ("user_id", "email", "workspace_id", "time_zone", "since", "role")}


def _member_limits(row: database.Row) -> tuple[OwnLimit, ...]:
    return own_limits("member", row["user_id"], database.from_json(row["member_limits"]))


async def aidentify(headers: Mapping[str, str], *, needs: Needs) -> Caller:
    """Raises `NotAuthenticated` without a credential, `InvalidCredentials` with a bad one, `InsufficientScope` where
    it may not do what is needed, `UnknownWorkspace` where it is not theirs."""
    caller = await arecognise(headers)
    caller.check_may(needs)
    return caller


async def arecognise(headers: Mapping[str, str]) -> Caller:
    """The same, whatever they may do."""
    return _caller(await database.fetch_one(*_query(headers)), headers)


async def behind(user_id: UUID, workspace_id: UUID, key_id: UUID | None) -> Caller:
    """Whoever asked for work that is done now. Raises `InvalidCredentials` where they could not ask any more."""
    row = await database.fetch_one(BY_WORK, {"user": user_id, "workspace": workspace_id, "key": key_id})
    if row is None:
        raise InvalidCredentials
    return _of_key(row) if row["key_id"] else _of_person(row)


def identify(headers: Mapping[str, str]) -> Caller:
    """The same for synchronous code, which looks at the scopes itself."""
    return _caller(database.fetch_one_now(*_query(headers)), headers)


def signed_in(user_id: UUID, headers: Mapping[str, str]) -> Caller:
    """The caller of a browser session."""
    params = {"user": str(user_id), "workspace": asked_workspace(headers)}
    return _caller(database.fetch_one_now(BY_SESSION, params), headers)
