"""Credit for calls that went wrong: staff choose, see for whom and how much, and say yes."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.timezone import now
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts.admin.base import ReadOnlyAdmin, staff_of
from accounts.meters import Meter
from analytics import incidents
from analytics.incidents import Terms
from analytics.models import Compensation, Incident
from assistants.models import LanguageModel, Turn
from quotas.errors import counted

LONGEST = timedelta(days=31)
MOST = 10**12
SHOWN = 20
STALE = "Calls were settled meanwhile, credit was given for them, or you ask for something else. Look at it once more."


class Moment(forms.DateTimeInput):
    """The browser's own picker of a day and a time."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__({"class": UnfoldAdminTextInputWidget().attrs["class"]}, format="%Y-%m-%dT%H:%M")


class Outcomes(forms.CheckboxSelectMultiple):
    option_template_name = "django/forms/widgets/checkbox_option.html"


class Choice(forms.Form):
    starts_at = forms.DateTimeField(label="From", help_text="UTC.", widget=Moment)
    ends_at = forms.DateTimeField(label="Until", help_text="UTC. Calls count that began before.", widget=Moment)
    outcomes = forms.MultipleChoiceField(
        label="Calls that are",
        choices=Turn.Outcome.choices,
        required=False,
        help_text="None chosen: however they ended.",
        widget=Outcomes,
    )
    provider = forms.ChoiceField(label="Answered by", required=False, widget=UnfoldAdminSelectWidget)
    model = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)
    meter = forms.ChoiceField(label="Give back", choices=Meter.choices, widget=UnfoldAdminSelectWidget)
    percent = forms.IntegerField(
        initial=100,
        min_value=0,
        max_value=1000,
        help_text="Of what was charged for these calls.",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    at_least = forms.IntegerField(
        label="But at least",
        initial=0,
        min_value=0,
        max_value=MOST,
        help_text="For each workspace that was hit, of the same. A call that failed was often charged nothing.",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    days = forms.IntegerField(
        label="Lasts",
        initial=30,
        min_value=1,
        max_value=3650,
        help_text="Days from now.",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    reason = forms.CharField(
        max_length=200,
        help_text="Customers read it: name nobody.",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Answers broke off between 10 and 11 o'clock."}),
    )
    sure = forms.BooleanField(required=False, widget=UnfoldBooleanWidget)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        offered = list(LanguageModel.objects.values_list("slug", "provider"))
        self.fields["model"].choices = [("", "any model"), *((slug, slug) for slug, _ in offered)]  # type: ignore[attr-defined]
        providers = sorted({provider for _, provider in offered})
        self.fields["provider"].choices = [("", "anybody"), *((name, name) for name in providers)]  # type: ignore[attr-defined]

    def clean(self) -> None:
        starts_at, ends_at = self.cleaned_data.get("starts_at"), self.cleaned_data.get("ends_at")
        if starts_at is None or ends_at is None:
            return
        if not timedelta() < ends_at - starts_at <= LONGEST:
            self.add_error("ends_at", f"Later than the beginning, by {LONGEST.days} days at the most.")
        if ends_at > now():
            self.add_error("ends_at", "That is still to come, and so are calls that would count.")

    def terms(self, at: datetime) -> Terms:
        said = self.cleaned_data
        # To the day, so that what is looked at and what is issued are the same.
        expires_at = at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=said["days"] + 1)
        named = {field.name: said[field.name] for field in fields(Terms) if field.name in said}
        return Terms(expires_at=expires_at, **named)


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    why = (
        "Credit for calls that went wrong, given to everybody who was hit. What each gets is counted once. "
        "A worker gives it, and writes to them."
    )
    list_display = ["reason", "starts_at", "ends_at", "workspaces", "sum", "given", "issued_by", "issued_at"]
    list_filter = ["meter", "issued_at"]
    search_fields = ["reason"]
    list_select_related = ["issued_by"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("analytics.add_incident"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Incident]:
        found: QuerySet[Incident] = super().get_queryset(request)
        return found.annotate(
            hit=Count("compensations"),
            amount=Sum("compensations__amount"),
            done=Count("compensations", filter=Q(compensations__grant__isnull=False)),
        )

    @admin.display(description="workspaces", ordering="hit")
    def workspaces(self, incident: Any) -> int:
        return int(incident.hit)

    @admin.display(description="sum", ordering="amount")
    def sum(self, incident: Any) -> str:
        return counted(incident.meter, incident.amount or 0)

    @admin.display(description="given")
    def given(self, incident: Any) -> str:
        return f"{incident.done} of {incident.hit}"

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = Choice(request.POST or None)
        if not form.is_valid():
            return self._page(request, form)
        terms = form.terms(now())
        if form.cleaned_data["sure"]:
            seen = request.POST.get("seen", "")
            incident = incidents.issue(terms, seen=seen, by=staff_of(request), at=now())
            if incident:
                self.message_user(request, "Issued. The credits are being given, and letters written.")
                return redirect("admin:analytics_incident_changelist")
            self.message_user(request, STALE, messages.WARNING)
        return self._page(request, form, toll=incidents.toll(terms))

    def _page(self, request: HttpRequest, form: Choice, **found: Any) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "title": "Credit for an incident", "opts": self.opts}
        page = {**context, "form": form, "shown": SHOWN, **found}
        return TemplateResponse(request, "admin/analytics/incident/choose.html", page)


@admin.register(Compensation)
class CompensationAdmin(ReadOnlyAdmin):
    why = "What a workspace got for an incident, as it was counted when that was issued, so it is never edited."
    list_display = ["workspace", "incident", "calls", "charged", "amount", "grant"]
    list_filter = ["incident", ("grant", admin.EmptyFieldListFilter)]
    search_fields = ["workspace__name", "workspace__email"]
    list_select_related = ["workspace", "incident", "grant"]
