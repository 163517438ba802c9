from __future__ import annotations

from typing import Any

from rest_framework import serializers

from analytics.models import Event


class EventView(serializers.ModelSerializer[Event]):
    workspace = serializers.CharField(source="workspace.name", default=None, help_text="Its name by now.")
    user = serializers.CharField(source="user.email", default=None, help_text="Their address by now.")

    class Meta:
        model = Event
        fields = ["id", "kind", "workspace_id", "workspace", "user_id", "user", "data", "created_at"]
        extra_kwargs = {"data": {"help_text": "By kind: ids, numbers, words of ours."}}


class ActivityQuery(serializers.Serializer[Any]):
    after = serializers.IntegerField(
        min_value=0, max_value=2**63 - 1, required=False, help_text="The `id` of the last that you have seen."
    )
    kind = serializers.ChoiceField(Event.Kind.choices, required=False)
    workspace = serializers.UUIDField(required=False)
    user = serializers.UUIDField(required=False)


class NewTicket(serializers.Serializer[Any]):
    ticket = serializers.CharField(help_text="Shown here alone.")
    expires_at = serializers.DateTimeField()
    url = serializers.CharField(help_text="Of the WebSocket.")
