from __future__ import annotations

from typing import Any

from rest_framework import serializers

from analytics.errors import AddressRefused
from analytics.models import Delivery, Webhook
from analytics.webhooks import addresses
from analytics.webhooks.registry import CUSTOMERS_KINDS, OPERATORS_KINDS


class Address(serializers.CharField):
    def to_internal_value(self, data: Any) -> str:
        url: str = super().to_internal_value(data)
        try:
            addresses.parsed(url)
        except AddressRefused as exc:
            raise serializers.ValidationError(str(exc)) from exc
        return url


class NewWebhook(serializers.Serializer[Any]):
    url = Address(max_length=2000, help_text="https, at a public address.")
    kinds = serializers.ListField(child=serializers.ChoiceField(CUSTOMERS_KINDS), allow_empty=False, max_length=20)


class WebhookChange(serializers.Serializer[Any]):
    url = Address(max_length=2000, required=False, help_text="https, at a public address.")
    kinds = serializers.ListField(
        child=serializers.ChoiceField(CUSTOMERS_KINDS), allow_empty=False, max_length=20, required=False
    )
    is_active = serializers.BooleanField(required=False)


class NewOperatorsWebhook(NewWebhook):
    kinds = serializers.ListField(child=serializers.ChoiceField(OPERATORS_KINDS), allow_empty=False, max_length=20)


class OperatorsWebhookChange(WebhookChange):
    kinds = serializers.ListField(
        child=serializers.ChoiceField(OPERATORS_KINDS), allow_empty=False, max_length=20, required=False
    )


class WebhookView(serializers.ModelSerializer[Webhook]):
    kinds = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Webhook
        fields = ["id", "url", "kinds", "is_active", "created_at", "failing_since", "switched_off_at"]


class CreatedWebhook(WebhookView):
    secret = serializers.CharField(help_text="By which messages are signed. Shown here alone.")

    class Meta(WebhookView.Meta):
        fields = [*WebhookView.Meta.fields, "secret"]


class DeliveryView(serializers.ModelSerializer[Delivery]):
    kind = serializers.CharField(source="event.kind")

    class Meta:
        model = Delivery
        fields = ["id", "kind", "event_id", "created_at", "tries", "due_at", "delivered_at", "status", "error"]
