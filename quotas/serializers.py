from __future__ import annotations

from typing import Any

from rest_framework import serializers

from billing.purchase_serializers import NewCheckout
from quotas.models import Decision


class DecidedLimit(serializers.Serializer[Any]):
    meter = serializers.CharField()
    window = serializers.CharField()
    limit = serializers.IntegerField()
    used = serializers.IntegerField(help_text="When it was decided.")
    reserved = serializers.IntegerField(help_text="By other work under way then.")
    hold = serializers.IntegerField(help_text="What this request asked for.")
    hard = serializers.BooleanField(help_text="False: billed beyond the limit.")
    holder = serializers.ChoiceField(
        ["workspace", "member", "key"], default="workspace", help_text="Whose limit: the plan's, or an own one."
    )
    resets_at = serializers.DateTimeField()


class DecisionView(serializers.ModelSerializer[Decision]):
    limits = DecidedLimit(many=True)

    class Meta:
        model = Decision
        fields = ["request_id", "admitted", "plan", "limits", "created_at"]


class NewPlan(NewCheckout):
    reset_used = serializers.BooleanField(default=False, help_text="Forget what is used, as staff may.")


class PlanSet(serializers.Serializer[Any]):
    status = serializers.CharField(help_text="Always `ok`.")
    message = serializers.CharField(
        help_text="`upgraded to {plan} with carry-over`, `plan confirmed` or `downgraded to {plan}`."
    )
    counts_from = serializers.DateTimeField(
        allow_null=True, help_text="When a lower plan begins to count: what is paid for is had first."
    )
    plan = serializers.CharField(help_text="What counts now.")
    token_quota = serializers.IntegerField(allow_null=True)
    token_used = serializers.IntegerField(allow_null=True)
    remaining = serializers.IntegerField(allow_null=True)


class StatementQuery(serializers.Serializer[Any]):
    starts_at = serializers.DateTimeField(required=False, help_text="Else the running period's begin.")
    ends_at = serializers.DateTimeField(required=False, help_text="Else its end. Not within.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) == 1:
            raise serializers.ValidationError("Name both moments, or neither.")
        if attrs and attrs["starts_at"] >= attrs["ends_at"]:
            raise serializers.ValidationError("It ends before it starts.")
        return attrs


class ChargedView(serializers.Serializer[Any]):
    meter = serializers.CharField()
    window = serializers.CharField()
    used = serializers.IntegerField()
    entries = serializers.IntegerField(help_text="Of the ledger.")
    beyond = serializers.IntegerField(help_text="Of `used`, what was beyond the plan and is billed.")
    amount = serializers.IntegerField(help_text="What that costs, in minor units of USD.")


class GivenView(serializers.Serializer[Any]):
    currency = serializers.CharField()
    credited = serializers.IntegerField(help_text="By credit notes, in minor units.")
    refunded = serializers.IntegerField(help_text="Paid back, in minor units.")


class StatementView(serializers.Serializer[Any]):
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    charged = ChargedView(many=True)
    given_back = GivenView(many=True)
