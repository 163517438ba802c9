from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller_of
from accounts.callers import STAFF
from analytics import events
from analytics.live import tickets
from analytics.live.serializers import ActivityQuery, EventView, NewTicket
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


class TicketView(APIView):
    needs = {"POST": STAFF}

    @extend_schema(request=None, responses={201: NewTicket}, tags=["analytics"])
    def post(self, request: Request) -> Response:
        """A ticket that opens the feed's WebSocket, `/ws/admin/activity`, once and within 30 s, for staff.

        Bring it as the subprotocol after `stipend.activity`, as `ticket.` and the ticket, or as `?ticket=`.
        """
        caller = caller_of(request)
        ticket, expires_at = tickets.give(caller.user_id, caller.family_id, at=now())
        answer = {"ticket": ticket, "expires_at": expires_at, "url": "/ws/admin/activity"}
        return Response(NewTicket(answer).data, status=status.HTTP_201_CREATED)
