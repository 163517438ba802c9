"""Staff give credit to people and to workspaces, once they have said why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.timezone import now
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from accounts.admin.asking import Question, Reason, answer, ask
from accounts.admin.base import ActingAdmin, staff_of
from accounts.admin.workspaces import workspaces_of
from accounts.meters import Meter
from quotas import grants
from quotas.credit_serializers import LARGEST
from quotas.grants import Gift
from quotas.models import Grant

CREDIT = Question(
    "give_credit",
    "Give them credit?",
    "Each gets the whole amount, to be used beside their plan until it expires. What is used of it is not taken back.",
    "Give",
)


class HowMuch(Reason):
    meter = forms.ChoiceField(choices=Meter.choices, widget=UnfoldAdminSelectWidget)
    amount = forms.IntegerField(min_value=1, max_value=LARGEST, widget=UnfoldAdminIntegerFieldWidget)
    days = forms.IntegerField(
        label="Lasts",
        initial=30,
        min_value=1,
        max_value=3650,
        help_text="Days from now.",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    field_order = ("meter", "amount", "days", "reason")


@admin.action(description="Give credit", permissions=["give_credit"])
def give_credit(page: ActingAdmin, request: HttpRequest, chosen: QuerySet[Any]) -> TemplateResponse | None:
    """Asks how much and why before it does so."""
    form = answer(request, HowMuch)
    if not form.is_valid():
        return ask(page, request, chosen, CREDIT, form)
    said, at = form.cleaned_data, now()
    expires_at = at + timedelta(days=said["days"])
    gift = Gift(said["meter"], said["amount"], Grant.Source.GOODWILL, expires_at=expires_at, reason=said["reason"])
    given = [grants.give(workspace.pk, gift, by=staff_of(request), at=at) for workspace in workspaces_of(chosen)]
    page.told(request, len(given), len(given), "given credit", "")
    return None
