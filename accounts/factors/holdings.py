"""What is kept of somebody's ways in, for their export: that they are there, and no secret."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount

from accounts import archives
from accounts.archives import Json, rows
from accounts.models import User


def contribute() -> None:
    archives.contribute("authenticators", "Your second factors, without their secrets.", authenticators)
    archives.contribute("providers", "The log-ins elsewhere that you connected, and what they told us.", providers)


def authenticators(user: User) -> Iterator[Json]:
    for factor in Authenticator.objects.filter(user=user).order_by("pk"):
        told = {"type": factor.type, "name": factor.data.get("name")}
        yield {**told, "created_at": factor.created_at, "last_used_at": factor.last_used_at}


def providers(user: User) -> Iterable[Json]:
    connected = SocialAccount.objects.filter(user=user)
    return rows(connected, "provider", "uid", "date_joined", "last_login", "extra_data")
