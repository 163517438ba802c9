from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.meters import Window
from billing.purchase_serializers import NewCheckout
from quotas.decisions import Line, LookedAt, NextStep, Story, Work, told_of
from quotas.models import Decision, Notice, Reservation

HOLDERS = ["workspace", "member", "key"]
STEPS = ["none", "wait", "upgrade", "buy_credits", "ask_admin", "ask_less"]


class DecidedLimit(serializers.Serializer[LookedAt]):
    meter = serializers.CharField(source="limit.meter")
    window = serializers.CharField(source="limit.window")
    limit = serializers.IntegerField(source="limit.limit")
    used = serializers.IntegerField(source="limit.used", help_text="When it was decided.")
    reserved = serializers.IntegerField(source="limit.reserved", help_text="By other work under way then.")
    remaining = serializers.IntegerField(source="limit.remaining", help_text="Left of the limit then.")
    credits = serializers.IntegerField(source="limit.credits", help_text="Left beside it.")
    hold = serializers.IntegerField(source="limit.hold", help_text="What this request asked for.")
    hard = serializers.BooleanField(source="limit.hard", help_text="False: it refuses nobody.")
    policy = serializers.ChoiceField(
        ["hard", "overage", "soft"], source="limit.beyond", help_text="Beyond it: refused, billed, or only told."
    )
    holder = serializers.ChoiceField(
        HOLDERS, source="limit.holder", help_text="Whose limit: the plan's, or an own one."
    )
    refused = serializers.BooleanField(help_text="Whether this one stood in the way.")
    resets_at = serializers.DateTimeField(source="limit.resets_at", allow_null=True, help_text="Null: never.")
    resets_at_local = serializers.SerializerMethodField(help_text="The same in the workspace's time zone.")

    @extend_schema_field({"type": ["string", "null"], "format": "date-time"})
    def get_resets_at_local(self, looked: LookedAt) -> str | None:
        return looked.resets_at_local.isoformat() if looked.resets_at_local else None


class NextStepView(serializers.Serializer[NextStep]):
    step = serializers.ChoiceField(STEPS, help_text="What helps; `none` where it was admitted, or nothing does.")
    text = serializers.CharField(help_text="For people.")
    until = serializers.DateTimeField(allow_null=True, help_text="Of `wait`; null: a moment.")
    url = serializers.CharField(allow_null=True, help_text="Of `upgrade` and `buy_credits`.")


class ChargedEntry(serializers.Serializer[Line]):
    kind = serializers.CharField(source="entry.kind")
    meter = serializers.CharField(source="entry.bucket.meter")
    window = serializers.CharField(source="entry.bucket.window", help_text="`grant`: of credits.")
    holder = serializers.CharField(
        source="entry.bucket.holder", help_text="A member's or a key's says the workspace's again."
    )
    amount = serializers.IntegerField(source="entry.amount")
    overrun = serializers.IntegerField(source="entry.overrun", help_text="Of it, what went beyond what was held.")
    basis = serializers.CharField(source="entry.basis")
    plan = serializers.CharField(source="entry.plan")
    price = serializers.JSONField(source="entry.price", help_text="The model's prices, as they stood then.")
    credits_from = serializers.CharField(allow_null=True, help_text="Where the credits came from that paid it.")
    beyond = serializers.IntegerField(help_text="Of it, what was beyond the plan and is billed.")
    unit_price = serializers.IntegerField(allow_null=True, help_text="Of each unit beyond, in minor units of USD.")
    created_at = serializers.DateTimeField(source="entry.created_at")


class WorkView(serializers.Serializer[Work]):
    reservation = serializers.UUIDField(source="reservation.id")
    model = serializers.CharField(source="reservation.model")
    state = serializers.ChoiceField(Reservation.State.values, source="reservation.state")
    basis = serializers.CharField(source="reservation.basis", help_text="What the charge rests on.")
    explanation = serializers.CharField(source="told", help_text="For people.")
    spent = serializers.DictField(child=serializers.IntegerField(), source="reservation.spent", help_text="By meter.")
    credits = serializers.DictField(child=serializers.IntegerField(), help_text="Of it, what credits paid, by meter.")
    entries = ChargedEntry(many=True, source="lines")
    created_at = serializers.DateTimeField(source="reservation.created_at")
    resolved_at = serializers.DateTimeField(source="reservation.resolved_at", allow_null=True)
    corrected_at = serializers.DateTimeField(source="reservation.corrected_at", allow_null=True)


class DecisionView(serializers.Serializer[Story]):
    request_id = serializers.CharField(source="decision.request_id")
    admitted = serializers.BooleanField(source="decision.admitted")
    plan = serializers.CharField(source="decision.plan")
    created_at = serializers.DateTimeField(source="decision.created_at")
    time_zone = serializers.CharField(source="zone.key", help_text="The workspace's.")
    explanation = serializers.CharField(help_text="For people.")
    next_step = NextStepView()
    limits = DecidedLimit(many=True, help_text="All that were looked at.")
    work = WorkView(many=True, help_text="What it was charged in the end; none where nothing was held.")


class DecisionLine(serializers.ModelSerializer[Decision]):
    explanation = serializers.SerializerMethodField()

    class Meta:
        model = Decision
        fields = ["request_id", "admitted", "plan", "explanation", "created_at"]

    def get_explanation(self, decision: Decision) -> str:
        return told_of(decision).explanation


class NoticeView(serializers.ModelSerializer[Notice]):
    meter = serializers.CharField(source="bucket.meter")
    window = serializers.CharField(source="bucket.window")
    used = serializers.IntegerField(source="bucket.used", help_text="By now.")
    limit = serializers.IntegerField(source="bucket.limit")
    starts_at = serializers.DateTimeField(source="bucket.starts_at", help_text="When the window began.")
    resets_at = serializers.SerializerMethodField(help_text="When it ends; null: never.")

    class Meta:
        model = Notice
        fields = ["id", "percent", "meter", "window", "used", "limit", "starts_at", "resets_at", "created_at"]

    @extend_schema_field({"type": ["string", "null"], "format": "date-time"})
    def get_resets_at(self, notice: Notice) -> str | None:
        bucket = notice.bucket
        return None if bucket.window == Window.LIFETIME else bucket.ends_at.isoformat().replace("+00:00", "Z")


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
