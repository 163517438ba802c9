from __future__ import annotations

from typing import Any

from rest_framework import serializers

from billing.models import CreditPack, Plan, PlanLimit, Price


class PriceView(serializers.ModelSerializer[Price]):
    class Meta:
        model = Price
        fields = ["currency", "amount", "interval", "interval_count"]


POLICIES = ["hard", "overage", "soft"]


class PlanLimitView(serializers.ModelSerializer[PlanLimit]):
    policy = serializers.ChoiceField(
        POLICIES, help_text="Beyond it: `hard` refuses, `overage` bills each unit, `soft` only tells."
    )

    class Meta:
        model = PlanLimit
        fields = ["meter", "window", "limit", "policy", "overage_price", "rolls_over"]


class PlanView(serializers.ModelSerializer[Plan]):
    prices = PriceView(many=True)
    limits = PlanLimitView(many=True)

    class Meta:
        model = Plan
        fields = [
            "slug",
            "name",
            "description",
            "features",
            "allowed_models",
            "is_default",
            "requests_per_minute",
            "active_projects",
            "prices",
            "limits",
        ]


class PackView(serializers.ModelSerializer[CreditPack]):
    """So much of one meter, bought once, beside what a plan allows. `price` in minor units of `currency`."""

    class Meta:
        model = CreditPack
        fields = ["slug", "name", "meter", "amount", "price", "currency", "lasts_days"]


class ComparedLimit(serializers.Serializer[Any]):
    meter = serializers.CharField()
    window = serializers.CharField()
    limits = serializers.DictField(
        child=serializers.IntegerField(allow_null=True), help_text="By plan; null where the plan sets none."
    )
    policies = serializers.DictField(
        child=serializers.ChoiceField(POLICIES, allow_null=True), help_text="By plan: what becomes of who passes it."
    )


class Comparison(serializers.Serializer[Any]):
    """Plans side by side, a row for each limit."""

    current = serializers.CharField(help_text="The plan you are on.")
    plans = PlanView(many=True)
    limits = ComparedLimit(many=True)
    packs = PackView(many=True, help_text="What can be bought beside any plan.")
