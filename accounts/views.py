from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.timezone import now
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from accounts import api_keys, erasure, profiles, proofs, registration, tokens
from accounts.addresses import client_address
from accounts.authentication import actor_of, caller_of
from accounts.callers import PERSON, Caller
from accounts.clients import client_of
from accounts.errors import InsufficientScope
from accounts.factors import pending as second_factors
from accounts.models import ApiKey, Scope, User
from accounts.serializers import (
    ApiKeyView,
    CreatedApiKey,
    Erasure,
    KeyChange,
    Login,
    Me,
    NewApiKey,
    ProfileChange,
    RefreshTokenBody,
    Registration,
    Rotation,
    SignedIn,
    StaffSignedIn,
    UserView,
)


def parsed(serializer: type[BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    return dict(checked(serializer, request).validated_data)


def checked(serializer: type[BaseSerializer[Any]], request: Request) -> Any:
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    return body


def signed_in(user: User, pair: tokens.Pair, status_code: int = status.HTTP_200_OK) -> Response:
    answer = {"access": pair.access, "refresh": pair.refresh, "user": user}
    return Response(SignedIn(answer).data, status=status_code)


def about_me(request: Request) -> dict[str, Any]:
    caller, me = caller_of(request), myself(request)
    acting = {"acting_workspace_id": str(caller.workspace_id), "role": caller.role, "scopes": sorted(caller.scopes)}
    return {**UserView(me).data, **acting}


def myself(request: Request) -> User:
    return User.objects.select_related("personal_workspace").get(pk=caller_of(request).user_id)


class Public(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)


class RegisterView(Public):
    rate = "sign-up"

    @extend_schema(request=Registration, responses={201: SignedIn}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Sign up. A workspace of your own, on the free plan, comes with it.

        The answer does not tell whether the address has an account already; the letter does, to whoever reads its
        mail. Until you verify the address, others may claim it too.
        """
        user = registration.register(**parsed(Registration, request), at=now())
        return signed_in(user, tokens.begin_family(user, client_of(request)), status.HTTP_201_CREATED)


class LoginView(Public):
    rate = "log-in"

    @extend_schema(request=Login, responses=SignedIn, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Trade email and password for an access and a refresh token.

        Who has a second factor is answered 401 `second_factor_required`, with a session token to prove it with.
        """
        user = registration.sign_in(**parsed(Login, request), address=client_address(request), at=now())
        second_factors.require(user)
        return signed_in(user, tokens.begin_family(user, client_of(request)))


class StaffLoginView(Public):
    rate = "log-in"

    @extend_schema(request=Login, responses=StaffSignedIn, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Trade the credentials of staff for a staff token: 8 hours, `role: admin`, not to be refreshed.

        Who has a second factor is answered as in a log-in.
        """
        user = registration.sign_in(**parsed(Login, request), address=client_address(request), at=now())
        second_factors.require(user, staff=True)
        access = tokens.begin_staff(user, client_of(request))
        return Response(StaffSignedIn({"access": access, "user": user}).data)


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
    needs = {"GET": (PERSON, Scope.READ), "PATCH": PERSON, "DELETE": PERSON}

    @extend_schema(responses=Me, tags=["auth"])
    def get(self, request: Request) -> Response:
        """Who you are, and what you may do in which workspace."""
        return Response(about_me(request))

    @extend_schema(request=ProfileChange, responses=Me, tags=["auth"])
    def patch(self, request: Request) -> Response:
        """Change what you tell of yourself."""
        user = myself(request)
        profiles.change(user, by=actor_of(request), at=now(), **parsed(ProfileChange, request))
        return Response(about_me(request))

    @extend_schema(request=Erasure, responses={204: None}, tags=["auth"])
    def delete(self, request: Request) -> Response:
        """Erase your account, which nothing brings back."""
        user, by, at = myself(request), actor_of(request), now()
        password = parsed(Erasure, request).get("password")
        if user.has_usable_password() and not password:
            raise ValidationError({"password": ["Your password is needed for this."]})
        proofs.check(user, password or "", session=caller_of(request).family_id, by=by, at=at)
        erasure.erase(user.pk, by=by, at=at)
        return Response(status=status.HTTP_204_NO_CONTENT)


# ---- API keys --------------------------------------------------------------------------------------------------------

KEY_OWNERS = (PERSON, Scope.ADMIN)
"""People look after their own keys; a key looks after keys only where it may manage the workspace."""


def keys_of(caller: Caller) -> QuerySet[ApiKey]:
    return api_keys.visible_to(caller.user_id, workspace_id=caller.workspace_id, manages=Scope.ADMIN in caller.scopes)


def check_grants(caller: Caller, scopes: list[str]) -> None:
    """Nobody gives a key more than they have, and a key that is bounded itself gives none at all."""
    if caller.key_id and (caller.allowed_models or any(limit.holder == "key" for limit in caller.limits)):
        raise InsufficientScope(PERSON, by_key=True)
    if beyond := [scope for scope in scopes if scope not in caller.scopes]:
        raise InsufficientScope(beyond[0], by_key=caller.key_id is not None)


class ApiKeyListView(generics.ListAPIView[ApiKey]):
    """Your API keys in this workspace, revoked ones too, newest first; everybody's, if you manage it."""

    needs = {"GET": KEY_OWNERS, "POST": KEY_OWNERS}
    queryset = ApiKey.objects.none()  # for the schema; `get_queryset` needs a caller
    serializer_class = ApiKeyView

    def get_queryset(self) -> QuerySet[ApiKey]:
        prefix = self.request.query_params.get("prefix", "").replace("\x00", "")
        return keys_of(caller_of(self.request)).filter(api_keys.starting_with(prefix))

    @extend_schema(
        parameters=[OpenApiParameter("prefix", str, description="How the key begins, or all of one that leaked.")],
        tags=["auth"],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)

    @extend_schema(request=NewApiKey, responses={201: CreatedApiKey}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Make a key, with `chat` and `read` where you name no scopes. This answer is the only place that shows it."""
        caller = caller_of(request)
        body = checked(NewApiKey, request)
        powers = body.powers()
        check_grants(caller, powers.scopes)
        row, key = api_keys.create(
            workspace_id=caller.workspace_id,
            user_id=caller.user_id,
            name=body.validated_data["name"],
            powers=powers,
            by=actor_of(request),
            at=now(),
        )
        return Response({**ApiKeyView(row).data, "key": key}, status=status.HTTP_201_CREATED)


class ApiKeyDetailView(APIView):
    needs = {"GET": KEY_OWNERS, "PATCH": KEY_OWNERS, "DELETE": KEY_OWNERS}

    @extend_schema(responses=ApiKeyView, tags=["auth"])
    def get(self, request: Request, key_id: UUID) -> Response:
        """One of your keys."""
        return Response(ApiKeyView(get_object_or_404(keys_of(caller_of(request)), id=key_id)).data)

    @extend_schema(request=KeyChange, responses=ApiKeyView, tags=["auth"])
    def patch(self, request: Request, key_id: UUID) -> Response:
        """Change what a key is called and what it may do."""
        caller = caller_of(request)
        row = get_object_or_404(keys_of(caller), id=key_id)
        change = parsed(KeyChange, request)
        check_grants(caller, [*change.get("scopes", []), *(row.scopes if caller.key_id else [])])
        api_keys.change(row, by=actor_of(request), at=now(), **change)
        return Response(ApiKeyView(row).data)

    @extend_schema(responses={204: None}, tags=["auth"])
    def delete(self, request: Request, key_id: UUID) -> Response:
        """Revoke a key. It is refused from the next request on."""
        row = get_object_or_404(keys_of(caller_of(request)), id=key_id)
        api_keys.revoke(row, by=actor_of(request), at=now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class ApiKeyRotationView(APIView):
    needs = {"POST": KEY_OWNERS}

    @extend_schema(request=Rotation, responses=CreatedApiKey, tags=["auth"])
    def post(self, request: Request, key_id: UUID) -> Response:
        """Give a key of your own a new secret. The former stays good for `overlap_seconds`, a day if you do not say.

        Others' keys can be revoked by who manages the workspace, but not rotated: a key acts as its owner.
        """
        caller = caller_of(request)
        found = get_object_or_404(keys_of(caller).filter(user_id=caller.user_id, revoked_at=None), id=key_id)
        check_grants(caller, found.scopes)
        overlap = timedelta(seconds=parsed(Rotation, request)["overlap_seconds"])
        try:
            row, key = api_keys.rotate(key_id, overlap=overlap, by=actor_of(request), at=now())
        except ApiKey.DoesNotExist as exc:
            raise Http404 from exc
        return Response({**ApiKeyView(row).data, "key": key})
