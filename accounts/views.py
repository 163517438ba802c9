from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from accounts import api_keys, registration, tokens
from accounts.authentication import caller_of
from accounts.models import ApiKey, User
from accounts.serializers import (
    ApiKeyView,
    CreatedApiKey,
    Login,
    NewApiKey,
    ProfileChange,
    RefreshTokenBody,
    Registration,
    SignedIn,
    UserView,
)


def parsed(serializer: type[BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


def signed_in(user: User, pair: tokens.Pair, status_code: int = status.HTTP_200_OK) -> Response:
    answer = {"access": pair.access, "refresh": pair.refresh, "user": user}
    return Response(SignedIn(answer).data, status=status_code)


def myself(request: Request) -> User:
    return User.objects.select_related("personal_workspace").get(pk=caller_of(request).user_id)


class Public(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)


class RegisterView(Public):
    rate = "sign-up"

    @extend_schema(request=Registration, responses={201: SignedIn}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Sign up. A workspace of your own, on the free plan, comes with it."""
        user = registration.register(**parsed(Registration, request))
        return signed_in(user, tokens.begin_family(user), status.HTTP_201_CREATED)


class LoginView(Public):
    rate = "log-in"

    @extend_schema(request=Login, responses=SignedIn, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Trade email and password for an access and a refresh token."""
        user = registration.sign_in(**parsed(Login, request))
        return signed_in(user, tokens.begin_family(user))


class RefreshView(Public):
    rate = "refresh"

    @extend_schema(request=RefreshTokenBody, responses=SignedIn, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Trade a refresh token, once, for a new pair. Using it twice ends every token of its log-in."""
        user, pair = tokens.rotate(parsed(RefreshTokenBody, request)["refresh"], at=now())
        return signed_in(user, pair)


class LogoutView(Public):
    @extend_schema(request=RefreshTokenBody, responses={204: None}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """End a log-in: its refresh token and every access token that came of it."""
        tokens.end_family(parsed(RefreshTokenBody, request)["refresh"], at=now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(APIView):
    @extend_schema(responses=UserView, tags=["auth"])
    def get(self, request: Request) -> Response:
        """Who you are, and your workspace."""
        return Response(UserView(myself(request)).data)

    @extend_schema(request=ProfileChange, responses=UserView, tags=["auth"])
    def patch(self, request: Request) -> Response:
        """Change what you are called."""
        user = myself(request)
        for name, value in parsed(ProfileChange, request).items():
            setattr(user, name, value)
        user.save(update_fields=["name"])
        return Response(UserView(user).data)


class ApiKeyListView(generics.ListAPIView[ApiKey]):
    """The workspace's API keys, revoked ones too, newest first."""

    queryset = ApiKey.objects.none()  # for the schema; `get_queryset` needs a caller
    serializer_class = ApiKeyView

    def get_queryset(self) -> QuerySet[ApiKey]:
        return ApiKey.objects.filter(workspace_id=caller_of(self.request).workspace_id)

    @extend_schema(tags=["auth"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)

    @extend_schema(request=NewApiKey, responses={201: CreatedApiKey}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Make a key. This answer is the only place that ever shows it."""
        caller = caller_of(request)
        row, key = api_keys.create(
            workspace_id=caller.workspace_id, user_id=caller.user_id, **parsed(NewApiKey, request)
        )
        return Response({**ApiKeyView(row).data, "key": key}, status=status.HTTP_201_CREATED)


class ApiKeyDetailView(APIView):
    @extend_schema(responses={204: None}, tags=["auth"])
    def delete(self, request: Request, key_id: UUID) -> Response:
        """Revoke a key. It is refused from the next request on."""
        if not api_keys.revoke(key_id, workspace_id=caller_of(request).workspace_id, at=now()):
            raise Http404
        return Response(status=status.HTTP_204_NO_CONTENT)
