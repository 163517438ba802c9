from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.utils.timezone import now
from django.views.decorators.http import require_GET
from drf_spectacular.utils import extend_schema
from rest_framework import generics

from accounts import callers
from accounts.authentication import caller_of
from accounts.models import Scope
from quotas import headers, reports
from quotas.models import Decision
from quotas.serializers import DecisionView


@require_GET
async def usage(request: HttpRequest) -> JsonResponse:
    """The token allowance in short: `{"plan", "token_quota", "token_used", "remaining", "plan_end_at"}`."""
    caller = await callers.aidentify(request.headers, needs=Scope.READ)
    found = await reports.usage(caller, now())
    tokens = found.tokens
    return JsonResponse(
        {
            "plan": found.plan,
            "token_quota": tokens.limit if tokens else None,
            "token_used": tokens.used if tokens else None,
            "remaining": tokens.remaining if tokens else None,
            "plan_end_at": found.plan_end_at,
        }
    )


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
            "policy": "hard" if limit.hard else "overage",
            "holder": limit.holder,
        }
        for limit in found.limits
    ]
    return JsonResponse({"plan": found.plan, "limits": limits}, headers=headers.rate_limit(found.limits, at))


@extend_schema(tags=["quotas"])
class DecisionDetailView(generics.RetrieveAPIView[Decision]):
    """Why a request was admitted or refused, by its request id: every limit looked at, and what was left of it then."""

    needs = {"GET": Scope.READ}
    serializer_class = DecisionView
    lookup_field = "request_id"

    def get_queryset(self) -> QuerySet[Decision]:
        return Decision.objects.filter(workspace_id=caller_of(self.request).workspace_id)
