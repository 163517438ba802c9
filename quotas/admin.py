from typing import Any

from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest

from quotas.models import Bucket, Decision, Entry, Hold, Reservation


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Shows and filters; whoever comes to change a row is told why that cannot be."""

    why = "The ledger is proof of what was charged, so it is read here and never edited."

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None):  # type: ignore[no-untyped-def]
        messages.info(request, self.why)
        return super().changelist_view(request, extra_context)


@admin.register(Bucket)
class BucketAdmin(ReadOnlyAdmin):
    list_display = ["workspace", "meter", "window", "starts_at", "limit", "used", "reserved"]
    list_filter = ["meter", "window"]
    search_fields = ["workspace__email"]
    list_select_related = ["workspace"]


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    list_display = ["request_id", "workspace", "plan", "state", "basis", "created_at", "resolved_at"]
    list_filter = ["state", "basis", "plan"]
    search_fields = ["request_id", "workspace__email"]
    list_select_related = ["workspace"]


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    list_display = ["reservation", "bucket", "amount"]
    search_fields = ["reservation__request_id"]
    list_select_related = ["reservation", "bucket"]


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = ["id", "kind", "bucket", "amount", "overrun", "basis", "plan", "reservation", "created_at"]
    list_filter = ["kind", "basis", "plan"]
    search_fields = ["reservation__request_id"]
    list_select_related = ["bucket", "reservation"]


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    list_display = ["request_id", "workspace", "admitted", "plan", "created_at"]
    list_filter = ["admitted", "plan"]
    search_fields = ["request_id", "workspace__email"]
    list_select_related = ["workspace"]
