"""What reports are asked, and how they answer."""

from __future__ import annotations

from datetime import date
from typing import Any

from rest_framework import serializers

from accounts.meters import Meter
from quotas.models import Basis, Reservation

FIRST, LAST = date(2000, 1, 1), date(2200, 1, 1)
MOST_DAYS = 366


def day(help_text: str) -> serializers.DateField:
    return serializers.DateField(required=False, help_text=help_text)


class ModelQuery(serializers.Serializer[Any]):
    model = serializers.CharField(required=False, max_length=80, help_text="Of this model alone.")


class DaysQuery(ModelQuery):
    """`from` and `to`, which Python would not let us name so."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {
            "from": day("In the workspace's time zone."),
            "to": day("Among them. Without either: the last 30 days; without `to`: until today."),
            **super().get_fields(),
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        dates = [attrs[name] for name in ("from", "to", "day") if name in attrs]
        if any(not FIRST <= named <= LAST for named in dates):
            raise serializers.ValidationError(f"Dates lie between {FIRST} and {LAST}.")
        if "from" in attrs and "to" in attrs and attrs["from"] > attrs["to"]:
            raise serializers.ValidationError("It ends before it starts.")
        return attrs


class HistoryQuery(DaysQuery):
    meter = serializers.ChoiceField(Meter.choices, required=False, help_text="Work that was charged some of it.")
    key = serializers.UUIDField(required=False, help_text="The id of an API key.")
    member = serializers.UUIDField(required=False, help_text="The id of a person.")
    day = day("That day alone, in the workspace's time zone.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "day" in attrs and ("from" in attrs or "to" in attrs):
            raise serializers.ValidationError("Name one day, or from when to when.")
        return super().validate(attrs)


class AmountView(serializers.Serializer[Any]):
    used = serializers.IntegerField(help_text="In the meter's unit: cost is in micro-USD.")
    works = serializers.IntegerField(help_text="How many pieces of work were charged some of it.")


class MetersView(serializers.Serializer[Any]):
    """Every meter there is."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {str(meter): AmountView() for meter in Meter}


class SpanView(serializers.Serializer[Any]):
    time_zone = serializers.CharField(help_text="Whose days they are.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"from": serializers.DateField(), "to": serializers.DateField(), **super().get_fields()}


class DayView(serializers.Serializer[Any]):
    date = serializers.DateField()
    meters = MetersView()


class DailyReport(SpanView):
    days = DayView(many=True, help_text="The oldest first, those without any work too.")
    total = MetersView()


class MonthView(serializers.Serializer[Any]):
    month = serializers.DateField(source="date", help_text="Its first day.")
    meters = MetersView()


class MonthlyReport(SpanView):
    months = MonthView(many=True, help_text="Twelve, the running one last.")
    total = MetersView()


class ModelShare(serializers.Serializer[Any]):
    model = serializers.CharField(source="of", help_text="Empty: work without a model.")
    meters = MetersView()


class HourShare(serializers.Serializer[Any]):
    hour = serializers.IntegerField(source="of", min_value=0, max_value=23)
    meters = MetersView()


class WeekdayShare(serializers.Serializer[Any]):
    weekday = serializers.IntegerField(source="of", min_value=1, max_value=7, help_text="1 is Monday.")
    meters = MetersView()


class TrendView(serializers.Serializer[Any]):
    meter = serializers.CharField()
    last = serializers.IntegerField(help_text="In the last 7 whole days.")
    before = serializers.IntegerField(help_text="In the 7 days before them.")
    change = serializers.IntegerField()
    percent = serializers.IntegerField(allow_null=True, help_text="Null where there was nothing before.")


class ForecastView(serializers.Serializer[Any]):
    meter = serializers.CharField()
    window = serializers.CharField()
    left = serializers.IntegerField(help_text="Of the limit, and of credits.")
    spent = serializers.IntegerField(help_text="Lately: that is the pace.")
    seconds = serializers.IntegerField(help_text="In so many, a week where the workspace is that old.")
    resets_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True, help_text="Null: it lasts until it begins anew.")


class StatsReport(SpanView):
    by_model = ModelShare(many=True)
    by_hour = HourShare(many=True, help_text="Of the day, all 24.")
    by_weekday = WeekdayShare(many=True)
    trend = TrendView(many=True)
    forecast = ForecastView(many=True, help_text="Of each hard limit of the plan.")


class KeyView(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField()


class WorkerView(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.CharField()


class LineView(serializers.ModelSerializer[Reservation]):
    at = serializers.DateTimeField(source="created_at", help_text="When it began.")
    key = KeyView(allow_null=True)
    member = WorkerView(allow_null=True)
    basis = serializers.ChoiceField([*Basis.choices, ("", "")], help_text="Empty while nothing was charged.")
    spent = serializers.DictField(child=serializers.IntegerField(), help_text="By meter.")
    cost = serializers.SerializerMethodField(help_text="In micro-USD.")

    class Meta:
        model = Reservation
        fields = [
            "request_id",
            "at",
            "resolved_at",
            "model",
            "key",
            "member",
            "state",
            "basis",
            "spent",
            "cost",
            "plan",
        ]

    def get_cost(self, work: Reservation) -> int:
        return int(work.spent.get(Meter.COST, 0))
