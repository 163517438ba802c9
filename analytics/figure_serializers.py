"""How the figures are asked for, and how they look. Money is in minor units of its currency, cost in micro-USD."""

from __future__ import annotations

from datetime import date
from typing import Any

from rest_framework import serializers

from accounts.models import AuditEntry
from accounts.workspace_serializers import AuditQuery
from analytics import customers, kpis, what_if

MOST = 2**53
MICRO_USD = "Micro-USD."
MINOR = "In minor units."


# ---- What is asked


class MonthQuery(serializers.Serializer[Any]):
    month = serializers.DateField(
        required=False, input_formats=["%Y-%m"], help_text="Such as `2026-11`; else the running one."
    )

    def validate_month(self, month: date) -> date:
        if not 2000 <= month.year <= 2200:
            raise serializers.ValidationError("It lies between 2000 and 2200.")
        return month


class MarginsQuery(MonthQuery):
    paying = serializers.BooleanField(default=False, help_text="Leave out who pays nothing.")
    count = serializers.IntegerField(min_value=1, max_value=100, default=20, help_text="So many losses.")


class TopUsersQuery(MonthQuery):
    by = serializers.ChoiceField(["tokens", "cost"], default="tokens")
    count = serializers.IntegerField(min_value=1, max_value=100, default=10)


class UsageQuery(serializers.Serializer[Any]):
    days = serializers.IntegerField(min_value=1, max_value=366, default=30, help_text="So many, up to today.")


class BreakdownQuery(serializers.Serializer[Any]):
    by = serializers.ChoiceField(list(kpis.BREAKDOWNS))


class UsersQuery(serializers.Serializer[Any]):
    search = serializers.CharField(max_length=100, default="", help_text="In address, name and business.")
    tier = serializers.SlugField(max_length=40, default="", help_text="The plan of their own workspace.")


class UsersPageQuery(UsersQuery):
    sort = serializers.ChoiceField(
        customers.SORTS, default="created_at", help_text="Addresses from A, all else from the top."
    )
    page_size = serializers.IntegerField(min_value=1, max_value=100, default=20)
    cursor = serializers.CharField(max_length=1000, default="", help_text="From `next`.")


class LogsQuery(AuditQuery):
    workspace = serializers.UUIDField(required=False)
    subject = serializers.CharField(max_length=80, required=False, help_text="Kind and id, such as `user:…`.")
    since = serializers.DateTimeField(required=False, source="at__gte")
    before = serializers.DateTimeField(required=False, source="at__lt")


class NewLimitView(serializers.Serializer[Any]):
    policy = serializers.CharField(max_length=20, help_text="Of a day or a month, such as `tokens-day`.")
    limit = serializers.IntegerField(min_value=0, max_value=MOST)
    overage_price = serializers.IntegerField(
        min_value=0,
        max_value=MOST,
        allow_null=True,
        default=None,
        help_text="Cents for each unit beyond; without it, it refuses.",
    )

    def validate_policy(self, policy: str) -> str:
        if policy not in what_if.REPLAYED:
            raise serializers.ValidationError(f"One of {', '.join(what_if.REPLAYED)}.")
        return policy


class NewTerms(serializers.Serializer[Any]):
    plan = serializers.SlugField(max_length=40)
    limits = serializers.ListField(child=NewLimitView(), default=list, max_length=len(what_if.REPLAYED))
    prices = serializers.DictField(
        child=serializers.IntegerField(min_value=0, max_value=MOST),
        default=dict,
        help_text="A month, in minor units, by currency.",
    )


# ---- What is answered


class MoneyView(serializers.Serializer[Any]):
    currency = serializers.CharField()
    amount = serializers.IntegerField(help_text=MINOR)


class ChurnView(serializers.Serializer[Any]):
    cancelled = serializers.IntegerField(help_text="Who paid when the month began, and does not any more.")
    paying_before = serializers.IntegerField()
    percent = serializers.FloatField(allow_null=True)
    stopped = serializers.IntegerField(help_text="Who stopped paying since then, whenever they began.")
    users = serializers.IntegerField()
    percent_of_users = serializers.FloatField(allow_null=True)


class GrowthView(serializers.Serializer[Any]):
    currency = serializers.CharField()
    before = serializers.IntegerField(help_text="When the month began.")
    after = serializers.IntegerField(help_text="Now: before + new + expansion - contraction - churned.")
    new = serializers.IntegerField()
    expansion = serializers.IntegerField()
    contraction = serializers.IntegerField()
    churned = serializers.IntegerField()
    percent = serializers.FloatField(allow_null=True)


class MonthStartView(serializers.Serializer[Any]):
    month = serializers.DateField()
    mrr = MoneyView(many=True)


class RevenueDayView(serializers.Serializer[Any]):
    day = serializers.DateField()
    revenue = MoneyView(many=True)


class SignUpsView(serializers.Serializer[Any]):
    day = serializers.DateField()
    users = serializers.IntegerField()


class GroupView(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Empty where it is not known.")
    workspaces = serializers.IntegerField()
    paying = serializers.IntegerField()
    mrr = MoneyView(many=True)


class KpisView(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    time_zone = serializers.CharField()
    simulated = serializers.BooleanField(help_text="No money moves.")
    mrr = MoneyView(many=True)
    arpu = MoneyView(many=True)
    churn = ChurnView()
    growth = GrowthView(many=True)
    mrr_trend = MonthStartView(many=True)
    revenue_trend = RevenueDayView(many=True)
    user_growth = SignUpsView(many=True)
    users = serializers.IntegerField()
    tiers = GroupView(many=True)
    industries = GroupView(many=True)
    grouped_at = serializers.DateTimeField(help_text="When tiers and industries were counted, as every minute does.")


class UsedView(serializers.Serializer[Any]):
    tokens = serializers.IntegerField()
    cost = serializers.IntegerField(help_text=MICRO_USD)
    works = serializers.IntegerField()


class UsageDayView(UsedView):
    day = serializers.DateField()


class NamedUsageView(UsedView):
    name = serializers.CharField()


class KindView(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="A road of the API, or what crews make.")
    calls = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    cache_write_tokens = serializers.IntegerField()
    cache_read_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cost = serializers.IntegerField(help_text=MICRO_USD)


class UsageView(UsedView):
    by_day = UsageDayView(many=True)
    by_model = NamedUsageView(many=True)
    by_plan = NamedUsageView(many=True)
    by_kind = KindView(many=True, help_text="As providers reported it.")


class TopUserView(UsedView):
    workspace = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.CharField()


class MarginView(serializers.Serializer[Any]):
    name = serializers.CharField()
    tokens = serializers.IntegerField()
    cost = serializers.IntegerField(help_text=MICRO_USD)
    earned = MoneyView(many=True)
    margin = serializers.IntegerField(allow_null=True, help_text="Micro-USD; null where not all is earned in USD.")


class LossView(serializers.Serializer[Any]):
    workspace = serializers.UUIDField()
    name = serializers.CharField()
    plan = serializers.CharField()
    tokens = serializers.IntegerField()
    cost = serializers.IntegerField(help_text=MICRO_USD)
    earned = serializers.IntegerField(help_text="Cents.")
    loss = serializers.IntegerField(help_text=MICRO_USD)


class MarginsView(serializers.Serializer[Any]):
    month = serializers.DateField()
    at = serializers.DateTimeField(help_text="When they were counted, as every minute does for the running month.")
    plans = MarginView(many=True)
    models = MarginView(many=True)
    losses = LossView(many=True, help_text="Customers who cost more than they pay, the dearest first.")


class DashboardView(serializers.Serializer[Any]):
    kpis = KpisView()
    usage = UsageView(help_text="Of 30 days.")
    margins = MarginsView(help_text="Of the running month.")
    top_users = TopUserView(many=True, help_text="Of the running month, by tokens.")
    providers = serializers.DictField(child=serializers.CharField(), help_text="`closed`, `open` or `half-open`.")


class BreakdownView(serializers.Serializer[Any]):
    by = serializers.CharField()
    at = serializers.DateTimeField(help_text="When they were counted, as every minute does.")
    groups = GroupView(many=True)


class TopUsersView(serializers.Serializer[Any]):
    month = serializers.DateField()
    users = TopUserView(many=True)


class UserLine(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.CharField()
    name = serializers.CharField()
    business_name = serializers.CharField()
    industry = serializers.CharField()
    created_at = serializers.DateTimeField()
    is_active = serializers.BooleanField()
    workspace = serializers.UUIDField(allow_null=True, help_text="Their own.")
    tier = serializers.CharField(help_text="Its plan.")
    mrr = serializers.IntegerField(help_text="What it pays a month, in minor units of `pays_in`.")
    pays_in = serializers.CharField(help_text="Empty where it pays nothing.")
    tokens = serializers.IntegerField(help_text="Of this month.")
    cost = serializers.IntegerField(help_text="Of this month, in micro-USD.")


class UsersPage(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    results = UserLine(many=True)


class LogView(serializers.ModelSerializer[AuditEntry]):
    actor_id = serializers.UUIDField(read_only=True, allow_null=True)
    actor_email = serializers.CharField(source="actor.email", default=None, read_only=True)
    workspace_id = serializers.UUIDField(read_only=True, allow_null=True)
    key_id = serializers.UUIDField(read_only=True, allow_null=True)

    class Meta:
        model = AuditEntry
        fields = [
            "id",
            "at",
            "action",
            "subject",
            "actor_id",
            "actor_email",
            "key_id",
            "workspace_id",
            "before",
            "after",
            "ip",
            "request_id",
        ]


class HitView(serializers.Serializer[Any]):
    workspace = serializers.UUIDField()
    name = serializers.CharField()
    windows = serializers.IntegerField(help_text="In how many days or months.")
    most = serializers.IntegerField(help_text="In one of them.")
    beyond = serializers.IntegerField(help_text="In all of them.")


class OutcomeView(serializers.Serializer[Any]):
    policy = serializers.CharField()
    limit = serializers.IntegerField()
    refuses = serializers.BooleanField()
    customers = serializers.IntegerField(help_text="Who would be refused, or pay.")
    beyond = serializers.IntegerField()
    amount = serializers.IntegerField(help_text="Cents that they would pay.")
    worst = HitView(many=True)


class RepricedView(serializers.Serializer[Any]):
    currency = serializers.CharField()
    amount = serializers.IntegerField(help_text="What each pays a month now.")
    customers = serializers.IntegerField()
    before = serializers.IntegerField(help_text="From all of them.")
    after = serializers.IntegerField()


class ReplayView(serializers.Serializer[Any]):
    plan = serializers.CharField()
    month = serializers.DateField(source="month.first")
    customers = serializers.IntegerField()
    limits = OutcomeView(many=True)
    prices = RepricedView(many=True)
