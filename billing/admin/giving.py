"""Staff put customers on a plan, without a price, once they have said why."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.timezone import now
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.admin.asking import Question, Reason, answer, ask
from accounts.admin.base import ActingAdmin, staff_of
from accounts.admin.workspaces import workspaces_of
from billing import subscriptions
from billing.errors import GatewayRejected, GatewayUnavailable
from billing.models import Plan

PLAN = Question(
    "change_plan",
    "Put them on another plan?",
    "The plan counts from now on and costs them nothing. What they pay for now ends at once, at the gateway too, and "
    "nothing is paid back: to be charged again they have to subscribe again.",
    "Change the plan",
)


class WhichPlan(Reason):
    plan = forms.ModelChoiceField(Plan.objects.order_by("rank", "slug"), widget=UnfoldAdminSelectWidget)
    field_order = ("plan", "reason")


@admin.action(description="Change the plan", permissions=["change_plan"])
def change_plan(page: ActingAdmin, request: HttpRequest, chosen: QuerySet[Any]) -> TemplateResponse | None:
    """Who is on it already keeps what they pay for. Asks why before it does so."""
    form = answer(request, WhichPlan)
    if not form.is_valid():
        return ask(page, request, chosen, PLAN, form)
    plan, reason = form.cleaned_data["plan"].slug, form.cleaned_data["reason"]
    whose = list(workspaces_of(chosen))
    others = [workspace for workspace in whose if subscriptions.current_plan(workspace.pk).slug != plan]
    done = 0
    for workspace in others:
        try:
            subscriptions.put_on_plan(workspace, plan, by=staff_of(request), reason=reason, at=now())
            done += 1
        except (GatewayRejected, GatewayUnavailable) as exc:
            page.message_user(request, f"{workspace}: {exc}", messages.ERROR)
    page.told(request, done, len(whose), f"put on {plan}", "stay as they are")
    return None
