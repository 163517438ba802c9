"""Where somebody is signed in, and how they end that."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import tokens
from accounts.authentication import caller_of
from accounts.callers import PERSON
from accounts.models import TokenFamily
from accounts.serializers import SessionView
from accounts.tokens import Ending


class SessionListView(generics.ListAPIView[TokenFamily]):
    needs = {"GET": PERSON}
    queryset = TokenFamily.objects.none()  # for the schema; `get_queryset` needs a caller
    serializer_class = SessionView

    def get_queryset(self) -> QuerySet[TokenFamily]:
        return tokens.live_families(caller_of(self.request).user_id, at=now())

    @extend_schema(tags=["auth"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Where you are signed in, newest first."""
        return self.list(request, *args, **kwargs)


class SessionDetailView(APIView):
    needs = {"DELETE": PERSON}

    @extend_schema(responses={204: None}, tags=["auth"])
    def delete(self, request: Request, session_id: UUID) -> Response:
        """End one session. Its tokens are refused from the next request on."""
        if not tokens.end_session(session_id, user_id=caller_of(request).user_id, at=now()):
            raise Http404
        return Response(status=status.HTTP_204_NO_CONTENT)


class LogoutEverywhereView(APIView):
    needs = {"POST": PERSON}

    @extend_schema(request=None, responses={204: None}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """End every session, this one too. API keys stay."""
        tokens.end_all(caller_of(request).user_id, because=Ending.LOGOUT, at=now())
        return Response(status=status.HTTP_204_NO_CONTENT)
