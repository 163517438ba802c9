from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from accounts.admin.base import console
from quotas.admin import why
from quotas.models import Bucket, Decision, Entry, Hold, Reservation

AMOUNTS = ["limit", "carried", "used", "reserved"]


class LedgerAdmin(ReadOnlyAdmin):
    why = "The ledger is proof of what was charged, so it is read here and never edited."

    @admin.display(description="")
    def why_link(self, row: Decision | Reservation) -> str:
        return why.link_to(row.request_id)


@admin.register(Bucket)
class BucketAdmin(LedgerAdmin):
    list_display = [
        "workspace",
        "key",
        "member",
        "meter",
        "window",
        "starts_at",
        "plan",
        "limit",
        "carried",
        "used",
        "reserved",
    ]
    list_filter = ["meter", "window", ("key", admin.EmptyFieldListFilter), ("member", admin.EmptyFieldListFilter)]
    search_fields = ["workspace__email", "key__prefix", "member__email"]
    list_select_related = ["workspace", "key", "member"]


@admin.register(Reservation)
class ReservationAdmin(LedgerAdmin):
    list_display = ["request_id", "workspace", "plan", "state", "basis", "created_at", "resolved_at", "why_link"]
    list_filter = ["state", "basis", "plan"]
    search_fields = ["request_id", "workspace__email"]
    list_select_related = ["workspace"]


@admin.register(Hold)
class HoldAdmin(LedgerAdmin):
    list_display = ["reservation", "bucket", "amount"]
    search_fields = ["reservation__request_id"]
    list_select_related = ["reservation", "bucket"]


@admin.register(Entry)
class EntryAdmin(LedgerAdmin):
    list_display = ["id", "kind", "bucket", "amount", "overrun", "basis", "plan", "reservation", "created_at"]
    list_filter = ["kind", "basis", "plan"]
    search_fields = ["reservation__request_id"]
    list_select_related = ["bucket", "reservation"]


@admin.register(Decision)
class DecisionAdmin(LedgerAdmin):
    list_display = ["request_id", "workspace", "admitted", "plan", "created_at", "why_link"]
    list_filter = ["admitted", "plan"]
    search_fields = ["request_id", "workspace__email"]
    list_select_related = ["workspace"]


console.add_page("quotas/decision/why", why.look, name="quotas_why")
