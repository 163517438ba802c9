"""The figures of the business, for staff."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from datetime import UTC
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from accounts import audit
from accounts.authentication import actor_of, caller_of
from accounts.callers import STAFF
from accounts.models import AuditEntry, User
from accounts.views import parsed
from analytics import customer_sheets, customers, kpis, overview, usage, what_if
from analytics import figure_serializers as shown
from analytics.moments import here
from quotas.report_views import SHEET, SheetView, asked, attached

TAGS = ["analytics"]


class KpisView(APIView):
    needs = {"GET": STAFF}

    @extend_schema(responses=shown.KpisView, tags=TAGS)
    def get(self, request: Request) -> Response:
        """Every figure, by the operator's clock"""
        return Response(shown.KpisView(overview.kpis_of(here(now()))).data)


class DashboardView(APIView):
    needs = {"GET": STAFF}

    @extend_schema(responses=shown.DashboardView, tags=TAGS)
    def get(self, request: Request) -> Response:
        """All that the first page of the console shows

        What was used is summed up every minute, so that it may be that old.
        """
        return Response(shown.DashboardView(overview.dashboard(here(now()))).data)


class BreakdownView(APIView):
    needs = {"GET": STAFF}

    @extend_schema(parameters=[shown.BreakdownQuery], responses=shown.BreakdownView, tags=TAGS)
    def get(self, request: Request) -> Response:
        """Workspaces and what comes from them every month, by plan, industry or country"""
        by, moment = asked(shown.BreakdownQuery, request)["by"], here(now())
        told = {"by": by, "at": kpis.grouped_at(by, moment), "groups": kpis.BREAKDOWNS[by](moment)}
        return Response(shown.BreakdownView(told).data)


class UsageView(APIView):
    needs = {"GET": STAFF}

    @extend_schema(parameters=[shown.UsageQuery], responses=shown.UsageView, tags=TAGS)
    def get(self, request: Request) -> Response:
        """What models were used for, by day, model, plan and kind of work"""
        days = here(now()).days(asked(shown.UsageQuery, request)["days"])
        return Response(shown.UsageView(usage.usage(days)).data)


class TopUsersView(APIView):
    needs = {"GET": STAFF}

    @extend_schema(parameters=[shown.TopUsersQuery], responses=shown.TopUsersView, tags=TAGS)
    def get(self, request: Request) -> Response:
        """Who used or cost most in a month"""
        query = asked(shown.TopUsersQuery, request)
        month = overview.month_of(query.get("month"), here(now())).first
        best = usage.top_customers(month, by=query["by"], count=query["count"])
        return Response(shown.TopUsersView({"month": month, "users": best}).data)


class MarginsView(APIView):
    needs = {"GET": STAFF}

    @extend_schema(parameters=[shown.MarginsQuery], responses=shown.MarginsView, tags=TAGS)
    def get(self, request: Request) -> Response:
        """What plans and models earned and cost in a month, and the customers who cost more than they pay"""
        query, moment = asked(shown.MarginsQuery, request), here(now())
        month = overview.month_of(query.get("month"), moment)
        told = overview.margins_of(month, moment, paying=query["paying"], count=query["count"])
        return Response(shown.MarginsView(told).data)


class WhatIfView(APIView):
    needs = {"POST": STAFF}

    @extend_schema(request=shown.NewTerms, responses=shown.ReplayView, tags=TAGS)
    def post(self, request: Request) -> Response:
        """Replay last month under other prices or limits: who would be refused, or pay what. Nothing is changed

        Of who is on the plan now. Credits and what was carried over are not replayed.
        """
        terms, moment = parsed(shown.NewTerms, request), here(now())
        limits = [what_if.NewLimit(**limit) for limit in terms["limits"]]
        month = moment.month_before()
        replayed = what_if.replay(terms["plan"], limits=limits, prices=terms["prices"], month=month, moment=moment)
        return Response(shown.ReplayView(replayed).data)


class LogsView(generics.ListAPIView[AuditEntry]):
    needs = {"GET": STAFF}
    queryset = AuditEntry.objects.none()  # for the schema
    serializer_class = shown.LogView
    filter_backends = []
    newest_by = "at"

    def get_queryset(self) -> QuerySet[AuditEntry]:
        return AuditEntry.objects.select_related("actor").filter(**asked(shown.LogsQuery, self.request))

    @extend_schema(parameters=[shown.LogsQuery], tags=TAGS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The audit log of everybody, the newest first"""
        return self.list(request, *args, **kwargs)


# ---- Users


class UsersView(APIView):
    needs = {"GET": STAFF}

    @extend_schema(parameters=[shown.UsersPageQuery], responses=shown.UsersPage, tags=TAGS)
    def get(self, request: Request) -> Response:
        """Everybody who signed up, with plan, what they pay, and what they used this month. Follow `next`"""
        query = asked(shown.UsersPageQuery, request)
        sort, size = query["sort"], query["page_size"]
        found = customers.customers(here(now()), search=query["search"], tier=query["tier"])
        rows = customers.following(found, sort, after(query["cursor"], sort), size + 1)
        page = rows[:size]
        more = (
            replace_query_param(request.build_absolute_uri(), "cursor", cursor(page[-1], sort)) if rows[size:] else None
        )
        return Response(shown.UsersPage({"next": more, "results": page}).data)


class UsersSheetView(SheetView):
    needs = {"GET": STAFF}

    @extend_schema(operation_id="analytics_users_export", parameters=[shown.UsersQuery], responses=SHEET, tags=TAGS)
    def get(self, request: Request) -> StreamingHttpResponse:
        """The same as CSV, all who are wanted, the newest first. It is noted in the audit log"""
        query, moment = asked(shown.UsersQuery, request), here(now())
        staff = User.objects.get(pk=caller_of(request).user_id)
        audit.record("users.exported", by=actor_of(request), subject=staff, at=moment.at, after=query)
        return StreamingHttpResponse(
            customer_sheets.pieces(customers.customers(moment, **query)), headers=attached("users")
        )


def cursor(row: dict[str, Any], sort: str) -> str:
    """Behind which row the next page begins."""
    return urlsafe_b64encode(json.dumps([sort, str(row[sort]), str(row["id"])]).encode()).decode()


def after(cursor: str, sort: str) -> tuple[Any, UUID] | None:
    """Raises `NotFound` for what is no cursor of a list that is sorted so."""
    if not cursor:
        return None
    try:
        sorted_by, value, pk = json.loads(urlsafe_b64decode(cursor))
        position = READ.get(sort, int)(value), UUID(pk)
    except (ValueError, TypeError, AttributeError, OverflowError, NotBase64) as exc:
        raise NotFound("Invalid cursor") from exc
    if sorted_by != sort:
        raise NotFound("Invalid cursor")
    return position


def _moment(text: str) -> Any:
    at = parse_datetime(text)
    if at is None or at.tzinfo is None:
        raise ValueError(text)
    return at.astimezone(UTC)


def _address(text: str) -> str:
    """As the database can hold it."""
    if "\0" in text.encode().decode():
        raise ValueError(text)
    return text


READ: dict[str, Callable[[str], Any]] = {"created_at": _moment, "email": _address}
