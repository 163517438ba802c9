"""Access and refresh tokens. A log-in begins a family; each refresh replaces its one good refresh token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from accounts.errors import InvalidCredentials
from accounts.models import TokenFamily, User

FAMILY = "family"
USER = "user_id"


@dataclass(frozen=True)
class Pair:
    access: str
    refresh: str


@dataclass(frozen=True)
class Claims:
    user: str
    family: str
    jti: str


def begin_family(user: User) -> Pair:
    family = TokenFamily(user=user)
    refresh = _refresh_token(family)
    family.save()
    return _pair(refresh)


def rotate(refresh: str, at: datetime) -> tuple[User, Pair]:
    """A new pair for a good refresh token. A spent one ends its whole family; both raise `InvalidCredentials`."""
    claims = _read(RefreshToken, refresh)
    with transaction.atomic():
        family = _locked_family(claims)
        reused = family.current_jti != claims.jti
        if reused:
            _end(family, because="reuse", at=at)
        else:
            renewed = _refresh_token(family)
            family.save()
    # Raised after the commit: the end of the family must outlive the refusal.
    if reused:
        raise InvalidCredentials("This refresh token was used before. All tokens of that log-in are ended.")
    return family.user, _pair(renewed)


def end_family(refresh: str, at: datetime) -> None:
    claims = _read(RefreshToken, refresh)
    with transaction.atomic():
        _end(_locked_family(claims), because="logout", at=at)


def read_access(token: str) -> Claims:
    """Raises `InvalidCredentials` when it is forged, expired, or not an access token."""
    return _read(AccessToken, token)


def _locked_family(claims: Claims) -> TokenFamily:
    family = (
        TokenFamily.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(id=claims.family, user_id=claims.user, user__is_active=True, ended_at=None)
        .first()
    )
    if family is None:
        raise InvalidCredentials
    return family


def _end(family: TokenFamily, *, because: str, at: datetime) -> None:
    family.ended_at = at
    family.ended_because = because
    family.save()


def _refresh_token(family: TokenFamily) -> RefreshToken:
    token: RefreshToken = RefreshToken()
    token[USER] = str(family.user_id)
    token[FAMILY] = str(family.id)
    family.current_jti = token["jti"]
    return token


def _pair(refresh: RefreshToken) -> Pair:
    return Pair(access=str(refresh.access_token), refresh=str(refresh))


def _read(kind: type[Token], token: str) -> Claims:
    try:
        claims = kind(token)  # type: ignore[arg-type]  # its stub asks for bytes, its code for text
        return Claims(user=str(UUID(claims[USER])), family=str(UUID(claims[FAMILY])), jti=claims["jti"])
    except (TokenError, KeyError, ValueError) as exc:
        raise InvalidCredentials from exc
