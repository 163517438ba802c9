"""What is a customer's own is read by who has a right of its own to, one at a time, once they have said why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.timezone import now

from accounts.admin import ReadOnlyAdmin, staff_of
from accounts.admin.asking import Question, Reason, answer, ask
from assistants.oversight import Passage

READ = Question(
    "read",
    "Read what is theirs?",
    "Read it only where you have to. That you did, and why, stands in the audit log, where the owner of the workspace "
    "sees it.",
    "Read it",
)


class ReadableAdmin(ReadOnlyAdmin):
    """Rows whose words are nowhere in the console but on the page that `read` answers with."""

    passages: Callable[..., list[Passage] | None]

    def has_read_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(f"{self.opts.app_label}.read_{self.opts.model_name}"))

    @admin.action(description="Read it", permissions=["read"])
    def read(self, request: HttpRequest, chosen: QuerySet[Any]) -> TemplateResponse | None:
        """Asks why before it does so."""
        if chosen.count() != 1:
            self.message_user(request, "One is read at a time.", messages.WARNING)
            return None
        why = answer(request, Reason)
        if not why.is_valid():
            return ask(self, request, chosen, READ, why)
        row = chosen.get()
        found = self.passages(row.pk, **why.cleaned_data, by=staff_of(request), at=now())
        if found is None:
            self.message_user(request, "Its owner has deleted it, so that nobody reads it any more.", messages.WARNING)
            return None
        return self._page(request, row, found, why.cleaned_data["reason"])

    def _page(self, request: HttpRequest, row: Any, passages: list[Passage], reason: str) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{self.opts.verbose_name} {row.pk}".capitalize(),
            "opts": self.opts,
            "row": row,
            "passages": passages,
            "reason": reason,
        }
        return TemplateResponse(request, "admin/console/reading.html", context, headers={"Cache-Control": "no-store"})
