from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.timezone import now

from accounts.admin.base import DiscreetAdmin, ReadOnlyAdmin, RecordedAdmin, staff_of
from analytics import alerts
from analytics.models import Alert, AlertRule


@admin.register(AlertRule)
class AlertRuleAdmin(RecordedAdmin, DiscreetAdmin):
    list_display = ["name", "kind", "threshold", "window", "is_on"]
    list_filter = ["kind", "is_on"]
    search_fields = ["name"]


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    why = "An alert stays what it was when it was raised. Acknowledge it when you look after it."
    list_display = ["rule", "subject", "workspace", "value", "threshold", "created_at", "acknowledged_by"]
    list_filter = [("acknowledged_at", admin.EmptyFieldListFilter), "rule", "created_at"]
    search_fields = ["subject", "workspace__name"]
    list_select_related = ["rule", "workspace", "acknowledged_by"]
    actions = ["acknowledge"]

    @admin.action(description="Acknowledge", permissions=["act"])
    def acknowledge(self, request: HttpRequest, chosen: QuerySet[Alert]) -> None:
        done = sum(alerts.acknowledge(alert.pk, by=staff_of(request), at=now()) for alert in chosen)
        self.told(request, done, chosen.count(), "acknowledged", "had been before")
