"""What cannot be taken back, or costs money, is asked once more, and why: on one page for every action."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeVar

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.admin.base import OF_ONE, ActingAdmin

SHOWN: Final = 20
SURE: Final = "sure"

F = TypeVar("F", bound=forms.Form)


@dataclass(frozen=True)
class Question:
    """`action` is the name in the page's own list, to which the answer goes."""

    action: str
    title: str
    text: str
    button: str


class Reason(forms.Form):
    """Why, in words that the audit log keeps."""

    reason = forms.CharField(
        min_length=10,
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text="It stands in the audit log for ever, and the customer can read it: name nobody.",
    )


def answer(request: HttpRequest, form: type[F], **initial: Any) -> F:
    """Valid where it was asked and answered."""
    return form(request.POST if SURE in request.POST else None, initial=initial)


def ask(
    page: ActingAdmin, request: HttpRequest, chosen: QuerySet[Any], question: Question, form: forms.Form
) -> TemplateResponse:
    """The rows that are meant are named, the first of many."""
    rows = list(chosen[: SHOWN + 1])
    context = {
        **page.admin_site.each_context(request),
        "title": question.title,
        "opts": page.opts,
        "question": question,
        "form": form,
        "rows": rows[:SHOWN],
        "more": chosen.count() - SHOWN if len(rows) > SHOWN else 0,
        "posted": [(name, value) for name, value in _posted(request) if value],
    }
    return TemplateResponse(request, "admin/ask.html", context)


def _posted(request: HttpRequest) -> list[tuple[str, str]]:
    """Which rows were chosen, as it was said."""
    chosen = [("_selected_action", pk) for pk in request.POST.getlist("_selected_action")]
    return [*chosen, *((name, request.POST.get(name, "")) for name in ("select_across", OF_ONE))]
