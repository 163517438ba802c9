"""What is used is forgotten, of people and of workspaces, once staff have said why."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.timezone import now
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from accounts.admin.asking import Question, answer, ask
from accounts.admin.base import ActingAdmin, staff_of
from accounts.admin.workspaces import workspaces_of
from accounts.meters import Meter, Window
from quotas import resets
from quotas.models import Entry

BOXES = UnfoldAdminCheckboxSelectMultipleWidget
RESET = Question(
    "reset_usage",
    "Reset what is used?",
    "What is used of the chosen limits is forgotten in the windows that are open now, and they count anew. The ledger "
    "keeps what was used. Work under way keeps what it holds, credits stay used, and what was billed stays billed.",
    "Reset",
)


class Why(forms.Form):
    reason = forms.CharField(
        max_length=Entry._meta.get_field("reason").max_length,
        help_text="It stands in the ledger for ever, and the customer can read it: name nobody.",
        widget=UnfoldAdminTextInputWidget,
    )
    meters = forms.MultipleChoiceField(choices=Meter.choices, initial=list(Meter), widget=BOXES)
    windows = forms.MultipleChoiceField(choices=Window.choices, initial=list(Window), widget=BOXES)


@admin.action(description="Reset what is used", permissions=["act"])
def reset_usage(page: ActingAdmin, request: HttpRequest, chosen: QuerySet[Any]) -> TemplateResponse | None:
    """Asks why before it does so."""
    form = answer(request, Why)
    if not form.is_valid():
        return ask(page, request, chosen, RESET, form)
    whose = workspaces_of(chosen)
    done = [resets.reset(workspace.pk, **form.cleaned_data, by=staff_of(request), at=now()) for workspace in whose]
    page.told(request, sum(map(bool, done)), len(done), "reset", "had used nothing of that")
    return None
