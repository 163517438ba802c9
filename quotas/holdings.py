"""What the ledger keeps of a person: nothing that names them, so an export has it and erasure leaves it."""

from __future__ import annotations

from collections.abc import Iterable

from accounts import archives
from accounts.archives import Json, rows
from accounts.holdings import own_workspaces
from accounts.models import User
from quotas.models import Bucket, Decision, Entry


def contribute() -> None:
    archives.contribute("usage", "What your workspace used, by meter and window, and of what limit.", usage)
    archives.contribute("ledger", "Each single line that adds up to it.", ledger)
    archives.contribute("decisions", "Why a request was admitted or refused.", decisions)


def usage(user: User) -> Iterable[Json]:
    found = Bucket.objects.filter(workspace__in=own_workspaces(user))
    return rows(found, "id", "workspace_id", "meter", "window", "starts_at", "ends_at", "limit", "used", "reserved")


def ledger(user: User) -> Iterable[Json]:
    found = Entry.objects.filter(bucket__workspace__in=own_workspaces(user))
    return rows(found, "id", "bucket_id", "kind", "amount", "overrun", "basis", "plan", "price", "created_at")


def decisions(user: User) -> Iterable[Json]:
    found = Decision.objects.filter(workspace__in=own_workspaces(user))
    return rows(found, "request_id", "workspace_id", "admitted", "plan", "limits", "created_at")
