"""Access, refresh and staff tokens. A log-in begins a family; each refresh replaces its one good refresh token.

They follow RFC 8725: one algorithm, a key of their own, a type in the header that each reader insists on, issuer,
audience, and a short life.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.functional import cached_property
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from accounts.clients import UNKNOWN, Client
from accounts.errors import NO_MATCH, InvalidCredentials
from accounts.models import Membership, TokenFamily, User, Workspace
from accounts.signals import staff_signed_in

FAMILY = "family"
USER = "user_id"
WORKSPACE = "workspace"
ROLE = "role"

Ending = TokenFamily.Ending


class Typed(TokenBackend):
    """Writes the type of its tokens into their header, and reads no other."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            api_settings.ALGORITHM,
            api_settings.SIGNING_KEY,
            audience=api_settings.AUDIENCE,
            issuer=api_settings.ISSUER,
        )
        self.kind = kind

    def encode(self, payload: dict[str, Any]) -> str:
        claims = {**payload, "aud": self.audience, "iss": self.issuer}
        return jwt.encode(claims, self.prepared_signing_key, self.algorithm, headers={"typ": self.kind})

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        try:
            kind = jwt.get_unverified_header(token).get("typ")
        except (jwt.InvalidTokenError, RecursionError) as exc:
            raise TokenBackendError("Token is invalid") from exc
        if kind != self.kind:
            raise TokenBackendError("Token has wrong type")
        return dict(super().decode(token, verify))


class Access(AccessToken):
    @cached_property
    def token_backend(self) -> Typed:
        return Typed("at+jwt")


class Refresh(RefreshToken):
    @cached_property
    def token_backend(self) -> Typed:
        return Typed("rt+jwt")


class Staff(AccessToken):
    token_type = "staff"  # noqa: S105
    lifetime = settings.STAFF_TOKEN_LIFETIME

    @cached_property
    def token_backend(self) -> Typed:
        return Typed("staff+jwt")


@dataclass(frozen=True)
class Pair:
    access: str
    refresh: str


@dataclass(frozen=True)
class Claims:
    user: str
    family: str
    jti: str
    workspace: str | None


def begin_family(user: User, client: Client = UNKNOWN) -> Pair:
    refresh = Refresh()
    return _pair(_begin(user, client, refresh), refresh)


def begin_staff(user: User, client: Client = UNKNOWN) -> str:
    """A token of staff alone, which no refresh prolongs. Raises `InvalidCredentials` for who is not staff."""
    if not user.is_staff:
        raise InvalidCredentials(NO_MATCH)
    token = Staff()
    family = _begin(user, client, token, is_staff=True)
    transaction.on_commit(partial(staff_signed_in.send_robust, User, user_id=user.pk, way="api"))
    token[ROLE] = "admin"
    return str(_named(token, family))


def rotate(refresh: str, *, at: datetime) -> tuple[User, Pair]:
    """A new pair for a good refresh token. A spent one ends its whole family; both raise `InvalidCredentials`."""
    claims = _read(Refresh, refresh)
    with transaction.atomic():
        family = _locked_family(claims)
        reused = family.current_jti != claims.jti
        if reused:
            _end(family, because=Ending.REUSE, at=at)
        else:
            renewed = Refresh()
            family.current_jti, family.expires_at = renewed["jti"], _expiry(renewed)
            family.workspace = _still_theirs(family)
            family.save()
    # Raised after the commit: the end of the family must outlive the refusal.
    if reused:
        raise InvalidCredentials("This refresh token was used before. All tokens of that log-in are ended.")
    return family.user, _pair(family, renewed)


def switch(family_id: UUID | None, workspace: Workspace) -> str:
    """An access token for another workspace, which later refreshes keep.

    Raises `InvalidCredentials` for what no refresh prolongs: a staff token, a session of the console.
    """
    family = family_id and TokenFamily.objects.filter(id=family_id, is_staff=False).first()
    if not family:
        raise InvalidCredentials("Sign in at /api/v1/auth/login to switch: only such a session is in one workspace.")
    family.workspace = workspace
    family.save(update_fields=["workspace"])
    return _access(family)


def end_family(refresh: str, *, at: datetime) -> None:
    claims = _read(Refresh, refresh)
    with transaction.atomic():
        _end(_locked_family(claims), because=Ending.LOGOUT, at=at)


def live_families(user_id: UUID, *, at: datetime) -> QuerySet[TokenFamily]:
    return TokenFamily.objects.filter(user_id=user_id, ended_at=None, expires_at__gt=at)


def end_session(family_id: UUID, *, user_id: UUID, at: datetime) -> bool:
    """False when this person has no such session, or not any more."""
    ending = live_families(user_id, at=at).filter(id=family_id)
    return bool(ending.update(ended_at=at, ended_because=Ending.REVOKED))


def end_all(user_id: UUID, *, because: str, at: datetime, but: UUID | None = None) -> int:
    """End every session of a person, `but` perhaps one; how many that were."""
    ending = live_families(user_id, at=at)
    if but:
        ending = ending.exclude(id=but)
    return ending.update(ended_at=at, ended_because=because)


def read_access(token: str) -> Claims:
    """Of an access or staff token. Raises `InvalidCredentials` when it is forged, expired, or of another type."""
    return _read(Staff if _kind(token) == "staff+jwt" else Access, token)


def _kind(token: str) -> Any:
    try:
        return jwt.get_unverified_header(token).get("typ")
    except (jwt.InvalidTokenError, RecursionError) as exc:
        raise InvalidCredentials from exc


def _begin(user: User, client: Client, token: Token, *, is_staff: bool = False) -> TokenFamily:
    return TokenFamily.objects.create(
        user=user,
        current_jti=token["jti"],
        is_staff=is_staff,
        ip=client.ip,
        user_agent=client.user_agent,
        expires_at=_expiry(token),
    )


def _expiry(token: Token) -> datetime:
    return token.current_time + token.lifetime  # type: ignore[operator]


def _locked_family(claims: Claims) -> TokenFamily:
    family = (
        TokenFamily.objects.select_for_update(of=("self",))
        .select_related("user", "workspace")
        .filter(id=claims.family, user_id=claims.user, user__is_active=True, ended_at=None)
        .first()
    )
    if family is None:
        raise InvalidCredentials
    return family


def _still_theirs(family: TokenFamily) -> Workspace | None:
    """The workspace switched to, unless they have left it."""
    is_member = Membership.objects.filter(workspace=family.workspace_id, user=family.user_id).exists()
    return family.workspace if is_member else None


def _end(family: TokenFamily, *, because: str, at: datetime) -> None:
    family.ended_at = at
    family.ended_because = because
    family.save()


def _named(token: Token, family: TokenFamily) -> Token:
    token[USER] = str(family.user_id)
    token[FAMILY] = str(family.id)
    return token


def _access(family: TokenFamily) -> str:
    token = _named(Access(), family)
    if family.workspace_id:
        token[WORKSPACE] = str(family.workspace_id)
    return str(token)


def _pair(family: TokenFamily, refresh: Refresh) -> Pair:
    return Pair(access=_access(family), refresh=str(_named(refresh, family)))


def _read(kind: type[Token], token: str) -> Claims:
    try:
        claims = kind(token)  # type: ignore[arg-type]  # its stub asks for bytes, its code for text
        return Claims(
            user=str(UUID(claims[USER])),
            family=str(UUID(claims[FAMILY])),
            jti=claims["jti"],
            workspace=str(UUID(claims[WORKSPACE])) if WORKSPACE in claims else None,
        )
    except (TokenError, KeyError, ValueError) as exc:
        raise InvalidCredentials from exc
