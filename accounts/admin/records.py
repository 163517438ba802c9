"""What is kept of what happened."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.timezone import now

from accounts import letters
from accounts.admin.base import ReadOnlyAdmin, staff_of
from accounts.models import AuditEntry, Export, IdempotentRequest, Letter, Tally


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    why = "The audit log is proof of who did what, so it is read here and never edited."
    list_display = ["at", "action", "subject", "actor", "key", "workspace", "ip"]
    list_filter = ["action", "at"]
    search_help_text = "Who did it or to what, where, or a request's id"
    fields = ["at", "action", "subject", "actor", "key", "workspace", "ip", "request_id", "difference"]
    readonly_fields = ["difference"]
    search_fields = ["subject", "actor__email", "workspace__name", "request_id", "ip"]
    list_select_related = ["actor", "workspace", "key"]
    date_hierarchy = "at"

    @admin.display(description="what changed")
    def difference(self, entry: AuditEntry) -> str:
        names = [*entry.before, *(name for name in entry.after if name not in entry.before)]
        rows = [(name, _said(entry.before, name), _said(entry.after, name)) for name in names]
        return render_to_string("admin/console/difference.html", {"rows": rows})


def _said(words: dict[str, Any], name: str) -> str | None:
    """None where nothing is said of it."""
    if name not in words:
        return None
    value = words[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@admin.register(Letter)
class LetterAdmin(ReadOnlyAdmin):
    why = "A letter tells of something that happened. One that failed can be tried again here."
    list_display = ["kind", "to", "created_at", "tries", "due_at", "sent_at", "error"]
    list_filter = ["kind", "sent_at", ("error", admin.EmptyFieldListFilter)]
    search_fields = ["to"]
    actions = ["try_again"]

    @admin.action(description="Try again, now", permissions=["act"])
    def try_again(self, request: HttpRequest, chosen: QuerySet[Letter]) -> None:
        tried = letters.try_again(chosen, by=staff_of(request), at=now())
        self.told(request, tried, chosen.count(), "will be tried again within 15 seconds", "went, and stay as they are")


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    why = "What is in an export is its person's alone. It is made by a worker and goes after a week."
    list_display = ["user", "state", "created_at", "tries", "ready_at", "expires_at", "size"]
    list_filter = ["state"]
    search_fields = ["user__email"]
    list_select_related = ["user"]


@admin.register(Tally)
class TallyAdmin(ReadOnlyAdmin):
    why = "Tallies count what is tried too often. They name nobody, and go by themselves."
    list_display = ["purpose", "count", "resets_at"]
    list_filter = ["purpose"]


@admin.register(IdempotentRequest)
class IdempotentRequestAdmin(ReadOnlyAdmin):
    why = "Who asks again with the same key gets this answer, which nobody else can read. It goes after a day."
    list_display = ["request_id", "user", "status", "created_at", "lease_until"]
    list_filter = ["status"]
    search_fields = ["request_id", "user__email"]
    list_select_related = ["user"]
    exclude = ["sealed"]
