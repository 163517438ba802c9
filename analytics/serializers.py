from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.meters import Meter, Window


class NewReset(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200, help_text="Kept in the ledger for ever: name nobody.")
    meters = serializers.ListField(
        child=serializers.ChoiceField(Meter.choices), allow_empty=False, required=False, help_text="Else all."
    )
    windows = serializers.ListField(
        child=serializers.ChoiceField(Window.choices), allow_empty=False, required=False, help_text="Else all."
    )
    workspace = serializers.UUIDField(
        required=False, help_text="One that they belong to; else their own. All of it is reset, whoever used it."
    )


class ResetLimit(serializers.Serializer[Any]):
    meter = serializers.CharField()
    window = serializers.CharField()
    amount = serializers.IntegerField(help_text="How much was forgotten.")


class UsageReset(serializers.Serializer[Any]):
    workspace = serializers.UUIDField()
    reset = ResetLimit(many=True, help_text="Limits of which something was used.")
