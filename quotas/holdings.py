"""What the ledger keeps of a person: nothing that names them but an id, so an export has it and erasure leaves it."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from accounts import archives
from accounts.archives import Json, rows
from accounts.holdings import own_workspaces
from accounts.models import User
from quotas.models import Bucket, Decision, Entry, Grant


def contribute() -> None:
    archives.contribute("usage", "What your workspace used, by meter and window, and of what limit.", usage)
    archives.contribute("ledger", "Each single line that adds up to it.", ledger)
    archives.contribute("credits", "What was given beside the plan, by whom and until when.", credit)
    archives.contribute("decisions", "Why a request was admitted or refused.", decisions)


def usage(user: User) -> Iterable[Json]:
    """A bucket with a key or a member counts again what they used of the workspace's."""
    fields = ["id", "workspace_id", "key_id", "member_id", "meter", "window", "starts_at", "ends_at"]
    return rows(_buckets(user), *fields, "limit", "used", "reserved")


def ledger(user: User) -> Iterable[Json]:
    found = Entry.objects.filter(bucket__in=_buckets(user))
    fields = ["id", "bucket_id", "kind", "amount", "overrun", "basis", "plan", "price", "reason", "created_at"]
    return rows(found, *fields)


def credit(user: User) -> Iterable[Json]:
    found = Grant.objects.filter(workspace__in=own_workspaces(user))
    fields = ["id", "workspace_id", "meter", "amount", "source", "starts_at", "expires_at", "reason", "created_at"]
    return rows(found, *fields)


def decisions(user: User) -> Iterable[Json]:
    found = Decision.objects.filter(workspace__in=own_workspaces(user))
    return rows(found, "request_id", "workspace_id", "admitted", "plan", "limits", "created_at")


def _buckets(user: User) -> QuerySet[Bucket]:
    """Those of their own workspaces, and what they and their keys used in others'."""
    theirs = Q(workspace__in=own_workspaces(user)) | Q(member=user) | Q(key__user=user)
    return Bucket.objects.filter(theirs)
