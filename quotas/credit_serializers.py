from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.timezone import now
from rest_framework import serializers

from accounts.meters import Meter
from quotas.models import Grant, TopUp
from quotas.periods import NEVER

LARGEST = 2**53 - 1  # What JSON's readers can hold.


class GrantView(serializers.ModelSerializer[Grant]):
    used = serializers.IntegerField(source="bucket.used")
    reserved = serializers.IntegerField(source="bucket.reserved", help_text="By work under way.")
    remaining = serializers.SerializerMethodField(help_text="0 once it has expired.")

    class Meta:
        model = Grant
        fields = [
            "id",
            "meter",
            "amount",
            "used",
            "reserved",
            "remaining",
            "source",
            "priority",
            "starts_at",
            "expires_at",
            "reason",
            "created_at",
        ]

    def get_remaining(self, grant: Grant) -> int:
        bucket = grant.bucket
        return max(0, bucket.limit - bucket.used - bucket.reserved) if bucket.ends_at > now() else 0


class NewGrant(serializers.Serializer[Any]):
    workspace = serializers.UUIDField()
    meter = serializers.ChoiceField(Meter.choices)
    amount = serializers.IntegerField(min_value=1, max_value=LARGEST)
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a field's name, not its source
        [Grant.Source.GOODWILL, Grant.Source.PROMOTION, Grant.Source.REFERRAL], default=Grant.Source.GOODWILL
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None, help_text="None: never.")
    priority = serializers.IntegerField(min_value=0, max_value=100, default=50, help_text="The lower is used first.")
    reason = serializers.CharField(max_length=200)

    def validate_expires_at(self, moment: datetime | None) -> datetime | None:
        if moment and moment <= now():
            raise serializers.ValidationError("That is past.")
        if moment and moment >= NEVER:
            raise serializers.ValidationError("Leave it out where it never expires.")
        return moment


class Revocation(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200)


class Code(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=40)


class NewTopUp(serializers.Serializer[Any]):
    below = serializers.IntegerField(min_value=1, max_value=LARGEST, help_text="What is left when a pack is bought.")
    pack = serializers.SlugField(max_length=40)
    a_month = serializers.IntegerField(min_value=1, max_value=100, default=5, help_text="At most so many packs.")


class TopUpView(serializers.ModelSerializer[TopUp]):
    class Meta:
        model = TopUp
        fields = ["meter", "below", "pack", "a_month", "paused_at", "created_at"]
