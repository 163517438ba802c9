"""Reports: usage by day and month, line by line, its patterns and its outlook; as JSON and as sheets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.db import connections
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.utils.timezone import now
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller_of
from accounts.callers import Caller, Needs
from accounts.models import Scope
from quotas import history, reports, sheets, totals, trends
from quotas.days import Days, until, whole_months
from quotas.history import Wanted
from quotas.models import Reservation
from quotas.report_serializers import (
    MOST_DAYS,
    DailyReport,
    DaysQuery,
    HistoryQuery,
    LineView,
    ModelQuery,
    MonthlyReport,
    StatsReport,
)

USUAL_DAYS = 30
MONTHS = 12
SHEET = {(200, "text/csv"): OpenApiTypes.STR}


def asked(query: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    found = query(data=request.query_params)
    found.is_valid(raise_exception=True)
    return dict(found.validated_data)


def today(caller: Caller) -> date:
    return now().astimezone(caller.zone).date()


def days_of(query: dict[str, Any], caller: Caller) -> Days:
    """Those that are named, else the last 30."""
    last = query.get("to") or max(today(caller), query.get("from", date.min))
    days = Days(query["from"], last, caller.zone) if "from" in query else until(last, USUAL_DAYS, caller.zone)
    if len(days) > MOST_DAYS:
        raise serializers.ValidationError(f"At most {MOST_DAYS} days.")
    return days


def wanted(query: dict[str, Any], caller: Caller) -> Wanted:
    first, last = query.get("day") or query.get("from"), query.get("day") or query.get("to")
    return Wanted(
        meter=query.get("meter"),
        model=query.get("model"),
        key=query.get("key"),
        member=query.get("member"),
        starts_at=Days(first, first, caller.zone).starts_at if first else None,
        ends_at=Days(last, last, caller.zone).ends_at if last else None,
    )


def span(days: Days) -> dict[str, Any]:
    return {"time_zone": str(days.zone), "from": days.first, "to": days.last}


class DailyView(APIView):
    needs = {"GET": Scope.READ}

    @extend_schema(parameters=[DaysQuery], responses=DailyReport, tags=["quotas"])
    def get(self, request: Request) -> Response:
        """What the workspace was charged, by day of its own clock

        At most 366 days, the last 30 where none are named.
        """
        query, caller = asked(DaysQuery, request), caller_of(request)
        days = days_of(query, caller)
        found = totals.by_day(caller.workspace_id, days, model=query.get("model"))
        return Response(DailyReport({**span(days), "days": found, "total": totals.together(found)}).data)


class MonthlyView(APIView):
    needs = {"GET": Scope.READ}

    @extend_schema(parameters=[ModelQuery], responses=MonthlyReport, tags=["quotas"])
    def get(self, request: Request) -> Response:
        """What the workspace was charged, by month of its own clock: the running one and eleven before"""
        query, caller = asked(ModelQuery, request), caller_of(request)
        months = whole_months(now(), MONTHS, caller.zone)
        found = totals.by_month(caller.workspace_id, months, model=query.get("model"))
        return Response(MonthlyReport({**span(months), "months": found, "total": totals.together(found)}).data)


class StatsView(APIView):
    needs = {"GET": Scope.READ}

    @extend_schema(parameters=[DaysQuery], responses=StatsReport, tags=["quotas"])
    def get(self, request: Request) -> Response:
        """Usage by model, hour and weekday, its trend, and when the allowance ends

        Models, hours and weekdays are those of the days that are named, the last 30 where none are. The trend is of
        whole days; the forecast goes by the pace of the last seven.
        """
        query, caller, at = asked(DaysQuery, request), caller_of(request), now()
        days = days_of(query, caller)
        limits = async_to_sync(reports.usage)(caller, at).limits
        patterns = trends.patterns(caller, days, model=query.get("model"))
        outlook = trends.outlook(caller, limits, at)
        return Response(StatsReport({**span(days), **vars(patterns), **vars(outlook)}).data)


class HistoryView(generics.ListAPIView[Reservation]):
    needs = {"GET": Scope.READ}
    queryset = Reservation.objects.none()  # for the schema; `get_queryset` needs a caller
    serializer_class = LineView
    filter_backends = []

    def get_queryset(self) -> QuerySet[Reservation]:
        caller = caller_of(self.request)
        return history.lines(caller, wanted(asked(HistoryQuery, self.request), caller))

    @extend_schema(parameters=[HistoryQuery], tags=["quotas"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Each piece of work, the newest first: what it was charged, with which model and key, by whom

        Who neither manages the workspace nor pays for it sees their own.
        """
        return self.list(request, *args, **kwargs)


class SheetView(APIView):
    """Whatever kind of answer is asked for, it is a sheet; a refusal is JSON."""

    needs: Mapping[str, Needs] = {"GET": Scope.READ}
    rate = "costly"

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        return super().perform_content_negotiation(request, force=True)


class DailySheetView(SheetView):
    @extend_schema(operation_id="quotas_usage_daily_csv", parameters=[DaysQuery], responses=SHEET, tags=["quotas"])
    def get(self, request: Request) -> HttpResponse:
        """The same as CSV: a day a line, a meter a column"""
        query, caller = asked(DaysQuery, request), caller_of(request)
        found = totals.by_day(caller.workspace_id, days_of(query, caller), model=query.get("model"))
        content = sheets.written([sheets.DAYS, *map(sheets.day, found)])
        return HttpResponse(content, headers=attached("usage-by-day"))


class HistorySheetView(SheetView):
    @extend_schema(operation_id="quotas_usage_history_csv", parameters=[HistoryQuery], responses=SHEET, tags=["quotas"])
    def get(self, request: Request) -> StreamingHttpResponse:
        """The history as CSV, all of it that is wanted, the newest first"""
        caller = caller_of(request)
        found = history.lines(caller, wanted(asked(HistoryQuery, request), caller))
        return StreamingHttpResponse(pieces(found, caller), headers=attached("usage"))


def attached(name: str) -> dict[str, str]:
    return {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{name}.csv"',
        "Cache-Control": "no-store",
    }


async def pieces(found: QuerySet[Reservation], caller: Caller) -> AsyncIterator[bytes]:
    """A thousand lines at a time, each read when the former are gone."""
    yield sheets.written([sheets.HISTORY])
    last = None
    while chunk := await sync_to_async(_chunk)(found, last):
        yield sheets.written(sheets.line(work, caller.zone) for work in chunk)
        last = chunk[-1]


def _chunk(found: QuerySet[Reservation], after: Reservation | None) -> list[Reservation]:
    try:
        return history.chunk_of(found, after)
    finally:
        connections.close_all()  # However slowly it is fetched, it holds no connection.
