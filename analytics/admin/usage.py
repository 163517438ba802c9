"""The sums behind the console's figures."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from accounts.admin.base import ReadOnlyAdmin
from analytics.models import CustomerDay, CustomerMonth, KeptFigure, KindDay, UsageDay
from billing import money

SUMMED_UP = "It is summed up from the ledger's rollups, every minute. `sum_up_usage` does it anew."


class SumAdmin(ReadOnlyAdmin):
    why = SUMMED_UP

    @admin.display(description="cost", ordering="cost")
    def costs(self, row: Any) -> str:
        return money.micro_usd(row.cost)


@admin.register(UsageDay)
class UsageDayAdmin(SumAdmin):
    list_display = ["day", "plan", "model", "works", "tokens", "costs"]
    list_filter = ["plan", "model"]
    date_hierarchy = "day"


@admin.register(KindDay)
class KindDayAdmin(SumAdmin):
    list_display = [
        "day",
        "kind",
        "calls",
        "input_tokens",
        "cache_write_tokens",
        "cache_read_tokens",
        "output_tokens",
        "costs",
    ]
    list_filter = ["kind"]
    date_hierarchy = "day"


class CustomerAdmin(SumAdmin):
    search_fields = ["workspace__name", "workspace__email"]
    list_select_related = ["workspace"]
    show_full_result_count = False


@admin.register(CustomerDay)
class CustomerDayAdmin(CustomerAdmin):
    list_display = ["day", "workspace", "works", "tokens", "costs"]
    date_hierarchy = "day"


@admin.register(CustomerMonth)
class CustomerMonthAdmin(CustomerAdmin):
    list_display = ["month", "workspace", "works", "tokens", "costs"]
    date_hierarchy = "month"


@admin.register(KeptFigure)
class KeptFigureAdmin(ReadOnlyAdmin):
    why = "What has to look at every customer is counted every minute and kept, so that nobody waits for it."
    list_display = ["name", "gateway", "counted_at"]
    list_filter = ["gateway"]
    ordering = ["name"]
