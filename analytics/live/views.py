from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.callers import STAFF
from analytics import events
from analytics.live.serializers import ActivityQuery, EventView
from analytics.models import Event


class ActivityView(generics.ListAPIView[Event]):
    needs = {"GET": STAFF}
    newest_by = "id"
    queryset = Event.objects.none()  # for the schema
    serializer_class = EventView

    def get_queryset(self) -> QuerySet[Event]:
        asked = ActivityQuery(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        wanted = dict(asked.validated_data)
        since = wanted.pop("after", None)
        found = events.shown().filter(**wanted)
        return found if since is None else found.filter(pk__gt=since)

    @extend_schema(parameters=[ActivityQuery], tags=["analytics"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What happened, newest first, for staff.

        Whoever has seen up to an `id` and follows the pages of `after` it has missed nothing.
        """
        return self.list(request, *args, **kwargs)
