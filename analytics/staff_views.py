"""What staff do for a customer by API."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import actor_of
from accounts.callers import STAFF
from accounts.models import Workspace
from accounts.views import parsed
from analytics.serializers import CoachingQuery, CoachingView, NewReset, UsageReset
from assistants.coaching import statistics as coaching
from quotas import resets


class ResetUsageView(APIView):
    needs = {"POST": STAFF}

    @extend_schema(request=NewReset, responses=UsageReset, tags=["analytics"])
    def post(self, request: Request, user_id: UUID) -> Response:
        """Forget what somebody used in the windows that are open now, for staff: their limits count anew.

        The ledger keeps what was used, with who reset it and why. Work under way keeps what it holds.
        """
        asked = parsed(NewReset, request)
        named = {"pk": asked.pop("workspace")} if "workspace" in asked else {"personal_to": user_id}
        workspace = get_object_or_404(Workspace, memberships__user=user_id, **named)
        done = resets.reset(workspace.pk, **asked, by=actor_of(request), at=now())
        return Response(UsageReset({"workspace": workspace.pk, "reset": done}).data)


class CoachingStatisticsView(APIView):
    needs = {"GET": STAFF}

    @extend_schema(parameters=[CoachingQuery], responses=CoachingView, tags=["analytics"])
    def get(self, request: Request) -> Response:
        """How coaching is used, for staff: projects, messages and cost a day, and who says most."""
        asked = CoachingQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        since = now() - timedelta(days=asked.validated_data["days"])
        return Response(CoachingView(coaching.since(since)).data)
