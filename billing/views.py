from __future__ import annotations

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller_of
from accounts.models import Scope
from billing import comparison, packs, subscriptions
from billing.models import Plan, Price
from billing.serializers import Comparison, PlanView


def offered() -> QuerySet[Plan]:
    """With the prices that who subscribes now will pay."""
    return Plan.objects.filter(is_offered=True).prefetch_related(Prefetch("prices", Price.objects.current()), "limits")


@extend_schema(tags=["billing"])
class PlanListView(generics.ListAPIView[Plan]):
    """Every plan on offer, the lowest first."""

    permission_classes = (AllowAny,)
    serializer_class = PlanView
    pagination_class = None

    def get_queryset(self) -> QuerySet[Plan]:
        return offered()


@extend_schema(tags=["billing"])
class PlanDetailView(generics.RetrieveAPIView[Plan]):
    """One plan on offer."""

    permission_classes = (AllowAny,)
    serializer_class = PlanView
    lookup_field = "slug"

    def get_queryset(self) -> QuerySet[Plan]:
        return offered()


class PlanCompareView(APIView):
    needs = {"GET": Scope.READ}

    @extend_schema(responses=Comparison, tags=["billing"])
    def get(self, request: Request) -> Response:
        """The plans side by side, and which of them is yours."""
        plans = list(offered())
        current = subscriptions.current_plan(caller_of(request).workspace_id).slug
        rows = comparison.compare(plans)
        told = {"current": current, "plans": plans, "limits": rows, "packs": packs.offered()}
        return Response(Comparison(told).data)
