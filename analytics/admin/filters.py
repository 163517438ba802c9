"""By what customers are found in the console's lists."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.timezone import now

from billing.models import Plan, RecurringRevenue, Subscription


class Filter(admin.SimpleListFilter):
    """Of people it is their own workspace that counts."""

    def whose(self, model_admin: admin.ModelAdmin[Any]) -> str:
        return "pk" if model_admin.opts.model_name == "workspace" else "personal_workspace__pk"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: admin.ModelAdmin[Any]) -> None:
        self.workspace = OuterRef(self.whose(model_admin))
        super().__init__(request, params, model, model_admin)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(self.condition(value)) if value else queryset

    def condition(self, value: str) -> Any:
        raise NotImplementedError


class TierFilter(Filter):
    title, parameter_name = "plan", "tier"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Plan.objects.order_by("-is_offered", "rank").values_list("slug", "name"))

    def condition(self, value: str) -> Any:
        """The default plan is that of all who are entitled to no other."""
        lasting = Q(entitled_until=None) | Q(entitled_until__gt=now())
        entitled = Subscription.objects.filter(lasting, workspace=self.workspace, status__in=Subscription.ENTITLED)
        on_it = Q(Exists(entitled.filter(plan=value)))
        if Plan.objects.filter(slug=value, is_default=True).exists():
            return on_it | ~Exists(entitled)
        return on_it


class PayingFilter(Filter):
    title, parameter_name = "paying", "paying"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Pays"), ("no", "Pays nothing"), ("past_due", "Past due")]

    def condition(self, value: str) -> Any:
        if value == "past_due":
            return Exists(Subscription.objects.filter(workspace=self.workspace, status=Subscription.Status.PAST_DUE))
        pays = Exists(RecurringRevenue.objects.filter(workspace=self.workspace, ends_at=None))
        return pays if value == "yes" else ~pays
