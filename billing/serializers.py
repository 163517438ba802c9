from __future__ import annotations

from typing import Any

from rest_framework import serializers

from billing.models import Plan, PlanLimit, Price


class PriceView(serializers.ModelSerializer[Price]):
    class Meta:
        model = Price
        fields = ["currency", "amount", "interval", "interval_count"]


class PlanLimitView(serializers.ModelSerializer[PlanLimit]):
    class Meta:
        model = PlanLimit
        fields = ["meter", "window", "limit", "overage_price"]


class PlanView(serializers.ModelSerializer[Plan]):
    prices = PriceView(many=True)
    limits = PlanLimitView(many=True)

    class Meta:
        model = Plan
        fields = ["slug", "name", "description", "features", "allowed_models", "is_default", "prices", "limits"]


class ComparedLimit(serializers.Serializer[Any]):
    meter = serializers.CharField()
    window = serializers.CharField()
    limits = serializers.DictField(
        child=serializers.IntegerField(allow_null=True), help_text="By plan; null where the plan sets none."
    )


class Comparison(serializers.Serializer[Any]):
    """Plans side by side, a row for each limit."""

    current = serializers.CharField(help_text="The plan you are on.")
    plans = PlanView(many=True)
    limits = ComparedLimit(many=True)
