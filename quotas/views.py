from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.timezone import now
from django.views.decorators.http import require_GET
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import callers
from accounts.authentication import actor_of, caller_of
from accounts.models import Scope
from accounts.views import parsed
from billing import subscriptions
from billing.gateways import gateway
from billing.purchase_views import ways_back
from quotas import decisions, headers, plan_changes, reports, serializers
from quotas.models import Decision, Notice
from quotas.plan_changes import Change
from quotas.reports import Usage
from quotas.serializers import DecisionLine, DecisionView, NewPlan, NoticeView, PlanSet, StatementQuery


def in_short(found: Usage) -> dict[str, Any]:
    tokens = found.tokens
    return {
        "plan": found.plan,
        "token_quota": tokens.limit if tokens else None,
        "token_used": tokens.used if tokens else None,
        "remaining": tokens.remaining if tokens else None,
    }


@require_GET
async def usage(request: HttpRequest) -> JsonResponse:
    """The token allowance in short: `{"plan", "token_quota", "token_used", "remaining", "plan_end_at"}`."""
    caller = await callers.aidentify(request.headers, needs=Scope.READ)
    found = await reports.usage(caller, now())
    return JsonResponse({**in_short(found), "plan_end_at": found.plan_end_at})


@require_GET
async def current_usage(request: HttpRequest) -> JsonResponse:
    """Every limit of the plan, and the caller's own, with what is used, reserved and left of it."""
    caller = await callers.aidentify(request.headers, needs=Scope.READ)
    at = now()
    found = await reports.usage(caller, at)
    limits = [
        {
            "meter": limit.meter,
            "window": limit.window,
            "limit": limit.limit,
            "used": limit.used,
            "reserved": limit.reserved,
            "remaining": limit.remaining,
            "resets_at": limit.resets_at,
            "policy": limit.beyond,
            "credits": limit.credits,
            "holder": limit.holder,
        }
        for limit in found.limits
    ]
    return JsonResponse({"plan": found.plan, "limits": limits}, headers=headers.rate_limit(found.limits, at))


def decisions_of(request: Request) -> QuerySet[Decision]:
    return Decision.objects.filter(workspace_id=caller_of(request).workspace_id).select_related("workspace")


@extend_schema(tags=["quotas"])
class DecisionListView(generics.ListAPIView[Decision]):
    """Why your requests were admitted or refused, the newest first. By `request_id` there is more of each."""

    needs = {"GET": Scope.READ}
    serializer_class = DecisionLine
    filterset_fields = ["admitted"]
    queryset = Decision.objects.none()  # For the schema.

    def get_queryset(self) -> QuerySet[Decision]:
        return decisions_of(self.request)


class DecisionDetailView(APIView):
    needs = {"GET": Scope.READ}

    @extend_schema(responses=DecisionView, tags=["quotas"])
    def get(self, request: Request, request_id: str) -> Response:
        """Why a request was admitted or refused, and what it was charged in the end.

        Every limit that was looked at, with what was left of it then, and what helps now.
        """
        decision = get_object_or_404(decisions_of(request), pk=request_id)
        return Response(DecisionView(decisions.told_of(decision)).data)


@extend_schema(tags=["quotas"])
class NoticeListView(generics.ListAPIView[Notice]):
    """That 80 or 100 % of a limit were used, once in each window, the newest first."""

    needs = {"GET": Scope.READ}
    serializer_class = NoticeView
    queryset = Notice.objects.none()  # For the schema.

    def get_queryset(self) -> QuerySet[Notice]:
        found = Notice.objects.filter(bucket__workspace=caller_of(self.request).workspace_id)
        return found.select_related("bucket")


class SetPlanView(APIView):
    needs = {"POST": Scope.BILLING}
    rate = "costly"

    @extend_schema(request=NewPlan, responses=PlanSet, tags=["quotas"])
    def post(self, request: Request) -> Response:
        """Put your workspace on a plan. One that costs something is paid first: 402 with `checkout_url`."""
        chosen, caller, at = parsed(NewPlan, request), caller_of(request), now()
        wanted = Change(subscriptions.offered(chosen["plan"]), chosen["reset_used"], **ways_back(chosen))
        message = plan_changes.set_plan(gateway(), caller, wanted, by=actor_of(request), at=at)
        found = async_to_sync(reports.usage)(caller, at)
        told = {"status": "ok", "message": message, "counts_from": plan_changes.counts_from(caller)}
        return Response(PlanSet(told | in_short(found)).data)


class StatementView(APIView):
    needs = {"GET": Scope.BILLING}

    @extend_schema(parameters=[StatementQuery], responses=serializers.StatementView, tags=["quotas"])
    def get(self, request: Request) -> Response:
        """What was charged in a period, as the ledger has it, what was beyond the plan, and what was given back."""
        query, caller = StatementQuery(data=request.query_params), caller_of(request)
        query.is_valid(raise_exception=True)
        named = query.validated_data
        period = (named["starts_at"], named["ends_at"]) if named else reports.running_period(caller, now())
        found = reports.statement(caller.workspace_id, *period)
        return Response(serializers.StatementView(found).data)
