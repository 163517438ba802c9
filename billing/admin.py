from django.contrib import admin

from accounts.admin import RecordedAdmin
from billing import money_admin as money_admin
from billing.models import Plan, PlanLimit, Price


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
