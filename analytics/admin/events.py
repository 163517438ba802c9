from __future__ import annotations

from django.contrib import admin

from accounts.admin.base import ReadOnlyAdmin
from analytics.models import Event, Ticket


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    why = "The feed tells what happened, so it is read here and never edited. It goes after 90 days."
    list_display = ["id", "kind", "workspace", "user", "data", "created_at"]
    list_filter = ["kind", "created_at"]
    search_fields = ["workspace__name", "user__email"]
    list_select_related = ["workspace", "user"]
    show_full_result_count = False


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    why = "A ticket opens the feed's socket, once, and is gone with that."
    list_display = ["user", "expires_at"]
    list_select_related = ["user"]
