from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest
from django.utils.timezone import now

from accounts.admin.base import ReadOnlyAdmin, staff_of
from analytics import webhooks
from analytics.models import Delivery, Webhook
from analytics.webhooks import outbox


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    why = "Webhooks are made over the API, which shows their secret once. Here they are switched on and off."
    list_display = ["id", "workspace", "url", "kinds", "is_active", "waiting", "arrived_at", "failing_since"]
    list_display += ["switched_off_at"]
    list_filter = ["is_active", ("workspace", admin.EmptyFieldListFilter)]
    search_fields = ["url", "workspace__name"]
    list_select_related = ["workspace"]
    actions = ["switch_on", "switch_off"]

    def dress(self, rows: list[Any]) -> None:
        of_each = Delivery.objects.filter(webhook__in=rows).order_by().values_list("webhook")
        counted = of_each.annotate(waiting=Count("pk", filter=Q(due_at__isnull=False)), arrived_at=Max("delivered_at"))
        told = {pk: (waiting, arrived_at) for pk, waiting, arrived_at in counted}
        for row in rows:
            row.waiting, row.arrived_at = told.get(row.pk, (0, None))

    @admin.display(description="waiting")
    def waiting(self, webhook: Any) -> int:
        return int(webhook.waiting)

    @admin.display(description="last arrived")
    def arrived_at(self, webhook: Any) -> datetime | None:
        arrived_at: datetime | None = webhook.arrived_at
        return arrived_at

    @admin.action(description="Switch on", permissions=["act"])
    def switch_on(self, request: HttpRequest, chosen: QuerySet[Webhook]) -> None:
        self._switch(request, chosen, on=True)

    @admin.action(description="Switch off", permissions=["act"])
    def switch_off(self, request: HttpRequest, chosen: QuerySet[Webhook]) -> None:
        self._switch(request, chosen, on=False)

    def _switch(self, request: HttpRequest, chosen: QuerySet[Webhook], *, on: bool) -> None:
        for webhook in chosen:
            webhooks.change(webhook, {"is_active": on}, by=staff_of(request), at=now())
        self.told(request, chosen.count(), chosen.count(), "switched on" if on else "switched off", "")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    why = "What was delivered stays what it was. It can be sent again."
    list_display = ["id", "workspace", "url", "event", "created_at", "tries", "due_at", "delivered_at", "status"]
    list_display += ["error"]
    found_by = ("webhook", "webhook__workspace")
    list_filter = [("delivered_at", admin.EmptyFieldListFilter), "created_at"]
    search_fields = ["id", "webhook__id"]
    list_select_related = ["webhook__workspace", "event"]
    actions = ["send_again"]

    @admin.display(description="workspace")
    def workspace(self, delivery: Delivery) -> str:
        return str(delivery.webhook.workspace or "the operator's")

    @admin.display(description="url")
    def url(self, delivery: Delivery) -> str:
        return delivery.webhook.url

    @admin.action(description="Send again, now", permissions=["act"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[Delivery]) -> None:
        sent = outbox.send_again(chosen, by=staff_of(request), at=now())
        self.told(request, sent, chosen.count(), "will be sent again", "stay as they are")
