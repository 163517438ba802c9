from __future__ import annotations

from django.contrib import admin

from accounts.admin.base import ReadOnlyAdmin
from analytics.models import Delivery, Webhook


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    why = "Webhooks are made over the API, which shows their secret once. Here they are switched on and off."
    list_display = ["id", "workspace", "url", "kinds", "is_active", "failing_since", "switched_off_at"]
    list_filter = ["is_active", ("workspace", admin.EmptyFieldListFilter)]
    search_fields = ["url", "workspace__name"]
    list_select_related = ["workspace"]


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    why = "What was delivered stays what it was. It can be sent again."
    list_display = ["id", "webhook", "event", "created_at", "tries", "due_at", "delivered_at", "status", "error"]
    list_filter = [("delivered_at", admin.EmptyFieldListFilter), "created_at"]
    search_fields = ["id", "webhook__id"]
    list_select_related = ["webhook", "event"]
