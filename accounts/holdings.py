"""What accounts keep of a person, for their export. The fields are named one by one, so that no secret slips in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from accounts import archives
from accounts.archives import Json, rows
from accounts.models import (
    ApiKey,
    AuditEntry,
    Export,
    Invitation,
    Letter,
    Membership,
    Profile,
    TokenFamily,
    User,
    Workspace,
)


def contribute() -> None:
    archives.contribute("profile", "Who you are, as you told us.", profile)
    archives.contribute("workspaces", "The workspaces you belong to, and as what.", workspaces)
    archives.contribute("invitations", "Those you sent, and those you accepted.", invitations)
    archives.contribute("sessions", "Where you signed in.", sessions)
    archives.contribute("api_keys", "Your API keys, by their beginning.", keys)
    archives.contribute("audit_log", "What you did that is logged, and what was done to your account.", audit_log)
    archives.contribute("letters", "The e-mails of the last days.", letters)
    archives.contribute("exports", "The exports you asked for.", exports)


def own_workspaces(user: User) -> QuerySet[Workspace]:
    """Those that are theirs, with nobody else in them: all that is there is their own."""
    here = Membership.objects.filter(workspace=OuterRef("pk"))
    owned = Q(personal_to=user) | Exists(here.filter(user=user, role=Membership.Role.OWNER))
    return Workspace.objects.filter(owned, ~Exists(here.exclude(user=user)))


def profile(user: User) -> Iterable[Json]:
    told = [field.name for field in Profile._meta.fields]
    found = User.objects.filter(pk=user.pk)
    return rows(found, "id", "email", "email_verified_at", *told, "is_staff", "created_at", "last_login")


def workspaces(user: User) -> Iterable[Json]:
    theirs = Membership.objects.filter(user=user).order_by("created_at")
    named = theirs.annotate(name=F("workspace__name"), time_zone=F("workspace__time_zone"))
    return rows(named, "workspace_id", "name", "time_zone", "role", "limits", "created_at")


def invitations(user: User) -> Iterable[Json]:
    found = Invitation.objects.filter(Q(invited_by=user) | Q(accepted_by=user))
    return rows(found, "workspace_id", "email", "role", "created_at", "expires_at", "accepted_at", "revoked_at")


def sessions(user: User) -> Iterable[Json]:
    fields = ["id", "ip", "user_agent", "created_at", "refreshed_at", "expires_at", "ended_at", "ended_because"]
    return rows(TokenFamily.objects.filter(user=user), *fields)


def keys(user: User) -> Iterable[Json]:
    fields = ["id", "workspace_id", "name", "prefix", "scopes", "allowed_models", "limits", "created_at"]
    return rows(ApiKey.objects.filter(user=user), *fields, "last_used_at", "expires_at", "revoked_at")


def audit_log(user: User) -> Iterator[Json]:
    """What others did to them is told without where those others are."""
    lines = AuditEntry.objects.filter(Q(actor=user) | Q(subject=f"user:{user.pk}"))
    fields = ["at", "action", "subject", "workspace_id", "before", "after", "request_id", "ip", "actor_id"]
    for line in rows(lines, *fields):
        by_you = line.pop("actor_id") == user.pk
        yield {**line, "by_you": by_you, "ip": line["ip"] if by_you else None}


def letters(user: User) -> Iterable[Json]:
    return rows(Letter.objects.filter(user=user), "kind", "to", "created_at", "sent_at")


def exports(user: User) -> Iterable[Json]:
    return rows(Export.objects.filter(user=user), "id", "state", "created_at", "ready_at", "expires_at", "size")
