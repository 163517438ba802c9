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


class CoachingQuery(serializers.Serializer[Any]):
    days = serializers.IntegerField(min_value=1, max_value=366, default=30, help_text="So many, up to now.")


class ProjectCount(serializers.Serializer[Any]):
    template = serializers.CharField()
    status = serializers.CharField()
    count = serializers.IntegerField()


class SpentCoaching(serializers.Serializer[Any]):
    messages = serializers.IntegerField()
    tokens = serializers.IntegerField()
    cost = serializers.IntegerField(help_text="Micro-USD.")


class CoachingDay(SpentCoaching):
    day = serializers.DateField()


class CoachingUser(SpentCoaching):
    user = serializers.UUIDField()


class CoachingView(serializers.Serializer[Any]):
    projects = ProjectCount(many=True)
    messages = serializers.IntegerField()
    cost = serializers.IntegerField(help_text="Micro-USD.")
    days = CoachingDay(many=True)
    users = CoachingUser(many=True, help_text="Those whose messages cost most, ten at most.")
