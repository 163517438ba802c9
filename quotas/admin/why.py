"""Why was this customer refused, or charged? The page answers by a request id, an address or a workspace's id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timezone import now

from accounts.models import AuditEntry, Membership, User, Workspace
from quotas import decisions, reports
from quotas.decisions import Story, Work, local
from quotas.limits import Limit
from quotas.models import Bucket, Decision, Grant, Notice, Reservation
from quotas.reports import Usage

NEEDS = ["quotas.view_decision", "quotas.view_entry", "accounts.view_workspace"]
LONGEST = 254
MOST, MOST_WORKSPACES = 20, 10


@dataclass(frozen=True)
class Bar:
    """A limit, with parts of a hundred for the eye; what is beyond it fills it."""

    limit: Limit
    resets: str

    @property
    def used_part(self) -> int:
        return min(100, self.limit.used * 100 // max(self.limit.limit, 1)) if self.limit.limit else 100

    @property
    def reserved_part(self) -> int:
        return min(100 - self.used_part, self.limit.reserved * 100 // max(self.limit.limit, 1))


@dataclass(frozen=True)
class Given:
    grant: Grant
    left: int


@dataclass(frozen=True)
class Customer:
    """One workspace, as far as it takes to answer: never more than the last rows of each kind."""

    workspace: Workspace
    at: datetime

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.workspace.time_zone)

    @cached_property
    def people(self) -> list[Membership]:
        return list(self.workspace.memberships.select_related("user").order_by("created_at")[:MOST])

    @cached_property
    def usage(self) -> Usage:
        return reports.usage_of(self.workspace, self.at)

    @cached_property
    def bars(self) -> list[Bar]:
        return [self._bar(limit) for limit in self.usage.limits]

    @cached_property
    def own_bars(self) -> list[tuple[Bucket, Bar]]:
        """Of keys and members that have limits of their own, as of their last request."""
        opened = Bucket.objects.filter(workspace=self.workspace, starts_at__lte=self.at, ends_at__gt=self.at)
        own = opened.filter(grant=None).exclude(key=None, member=None).select_related("key", "member")[:MOST]
        return [(bucket, self._bar(_as_limit(bucket))) for bucket in own]

    @cached_property
    def stories(self) -> list[Story]:
        found = Decision.objects.filter(workspace=self.workspace).order_by("-created_at", "-request_id")[:MOST]
        return [Story(decision, self.zone) for decision in found]

    @cached_property
    def work(self) -> list[Work]:
        return decisions.latest_work(self.workspace, MOST)

    @cached_property
    def grants(self) -> list[Given]:
        found = Grant.objects.filter(workspace=self.workspace).select_related("bucket")[:MOST]
        return [Given(one, one.bucket.limit - one.bucket.used - one.bucket.reserved) for one in found]

    @cached_property
    def notices(self) -> list[Notice]:
        return list(Notice.objects.filter(bucket__workspace=self.workspace).select_related("bucket")[:MOST])

    @cached_property
    def resets(self) -> list[AuditEntry]:
        found = AuditEntry.objects.filter(workspace=self.workspace, action="usage.reset")
        return list(found.select_related("actor").order_by("-at")[:MOST])

    def _bar(self, limit: Limit) -> Bar:
        return Bar(limit, local(limit.resets_at, self.zone) if limit.resets_at else "never")


def _as_limit(bucket: Bucket) -> Limit:
    return Limit(
        bucket.meter,
        bucket.window,
        bucket.limit,
        bucket.used,
        bucket.reserved,
        bucket.hard,
        None if bucket.window == "lifetime" else bucket.ends_at,
        holder=bucket.holder,
    )


def look(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perms(NEEDS):
        raise PermissionDenied
    asked = request.GET.get("q", "").replace("\0", "").strip()[:LONGEST]
    context = {**admin.site.each_context(request), "title": "Why refused, why charged?", "asked": asked}
    return TemplateResponse(request, "admin/quotas/why.html", {**context, **_found(asked)})


def _found(asked: str) -> dict[str, Any]:
    decision = Decision.objects.filter(pk=asked).select_related("workspace").first() if asked else None
    if decision:
        return {"story": decisions.told_of(decision)}
    workspaces = _workspaces(asked) if asked else []
    customer = Customer(workspaces[0], now()) if workspaces else None
    return {"customer": customer, "others": workspaces[1:]}


def _workspaces(asked: str) -> list[Workspace]:
    """Of a request that only held something, of a person their own first, or the one with this id."""
    if "@" in asked:
        theirs = Workspace.objects.filter(memberships__user__in=User.objects.by_email(asked)[:MOST_WORKSPACES])
        return list(theirs.order_by("personal_to", "created_at").distinct()[:MOST_WORKSPACES])
    held = Reservation.objects.filter(request_id=asked).select_related("workspace").first()
    if held:
        return [held.workspace]
    try:
        return list(Workspace.objects.filter(pk=UUID(asked)))
    except ValueError:
        return []


def link_to(asked: object) -> str:
    return format_html('<a href="{}?{}">why?</a>', reverse("admin:quotas_why"), urlencode({"q": str(asked)}))
