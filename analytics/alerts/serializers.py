from __future__ import annotations

from typing import Any

from rest_framework import serializers

from analytics.models import Alert


class AlertView(serializers.ModelSerializer[Alert]):
    rule = serializers.CharField(source="rule.name")
    kind = serializers.CharField(source="rule.kind", help_text="What is counted.")
    open = serializers.SerializerMethodField(help_text="Nobody has acknowledged it.")

    class Meta:
        model = Alert
        fields = [
            *["id", "rule", "kind", "subject", "workspace_id", "value", "threshold", "window_start", "created_at"],
            *["open", "acknowledged_at", "acknowledged_by_id"],
        ]

    def get_open(self, alert: Alert) -> bool:
        return alert.acknowledged_at is None


class AlertQuery(serializers.Serializer[Any]):
    open = serializers.BooleanField(required=False, allow_null=True, default=None, help_text="Else all.")
    workspace = serializers.UUIDField(required=False)
