from django.contrib import admin

from accounts.admin import RecordedAdmin
from billing.models import Plan, PlanLimit, Price, Subscription


class PriceInline(admin.TabularInline[Price, Plan]):
    model = Price
    extra = 0


class PlanLimitInline(admin.TabularInline[PlanLimit, Plan]):
    model = PlanLimit
    extra = 0


@admin.register(Plan)
class PlanAdmin(RecordedAdmin):
    list_display = ["name", "slug", "rank", "is_default", "is_offered"]
    inlines = [PriceInline, PlanLimitInline]


@admin.register(Price)
class PriceAdmin(RecordedAdmin):
    list_display = ["plan", "currency", "amount", "interval"]
    list_filter = ["plan"]


@admin.register(PlanLimit)
class PlanLimitAdmin(RecordedAdmin):
    list_display = ["plan", "meter", "window", "limit", "overage_price"]
    list_filter = ["plan", "meter"]


@admin.register(Subscription)
class SubscriptionAdmin(RecordedAdmin):
    list_display = ["workspace", "plan", "status", "current_period_start", "current_period_end"]
    list_filter = ["plan", "status"]
    search_fields = ["workspace__name", "workspace__email"]
    autocomplete_fields = ["workspace"]
