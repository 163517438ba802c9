from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import actor_of
from accounts.callers import STAFF
from analytics import alerts
from analytics.alerts.serializers import AlertQuery, AlertView
from analytics.models import Alert

SHOWN = Alert.objects.select_related("rule")


class AlertListView(generics.ListAPIView[Alert]):
    """Alerts, newest first, for staff."""

    needs = {"GET": STAFF}
    queryset = Alert.objects.none()  # for the schema
    serializer_class = AlertView

    def get_queryset(self) -> QuerySet[Alert]:
        asked = AlertQuery(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        wanted = dict(asked.validated_data)
        is_open = wanted.pop("open")
        found = SHOWN.filter(**wanted)
        return found if is_open is None else found.filter(acknowledged_at__isnull=is_open)

    @extend_schema(parameters=[AlertQuery], tags=["analytics"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)


class AcknowledgeView(APIView):
    needs = {"POST": STAFF}

    @extend_schema(request=None, responses=AlertView, tags=["analytics"])
    def post(self, request: Request, alert_id: int) -> Response:
        """Say that you look after an alert, for staff. Who said so first stays."""
        found = get_object_or_404(SHOWN, pk=alert_id)
        alerts.acknowledge(found.pk, by=actor_of(request), at=now())
        return Response(AlertView(SHOWN.get(pk=found.pk)).data)
