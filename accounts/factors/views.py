"""allauth's headless views, at our addresses and in our words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.headless.account.views import ReauthenticateView as ReauthenticateByPasswordView
from allauth.headless.base.views import APIView, AuthenticatedAPIView
from allauth.headless.constants import Client
from allauth.headless.mfa import views as mfa
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal import flows as recovery_codes
from allauth.mfa.totp.internal import flows as totp_flows
from allauth.mfa.webauthn.internal import flows as passkey_flows
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import UnsupportedMediaType

from accounts import bodies, callers, rates
from accounts.callers import PERSON
from accounts.errors import AuthenticatorExists
from accounts.factors import apps, codes, inputs, sealing, sessions, translation
from accounts.factors.pending import factors_of
from accounts.factors.sessions import FamilySession

Type = Authenticator.Type
TOTP_SECRET = "sealed_totp_secret"  # noqa: S105
VERBS = ["get", "post", "put", "patch", "delete"]


def door(view: type[APIView], *, find_session: Callable[[HttpRequest], SessionBase | None]) -> Callable[..., Any]:
    """One of allauth's views, made to answer as the house does."""
    inner = view.as_api_view(client=Client.APP)
    methods = [verb.upper() for verb in VERBS if getattr(view, verb, None)]

    @csrf_exempt
    def answer(request: Any, **named: Any) -> HttpResponse:
        if request.method not in [*methods, "HEAD", "OPTIONS"]:
            return HttpResponseNotAllowed(methods)
        request.flow, request.finished = find_session(request), None
        check_body(request)
        if not hasattr(request, "session"):
            request.session, request.user = SessionStore(), AnonymousUser()
        try:
            said = inner(request, **named)
        except ImmediateHttpResponse as early:
            said = early.response
        return translation.translated(request, said)

    return answer


def for_anyone(view: type[APIView]) -> Callable[..., Any]:
    """A log-in: what it has come to is found by X-Session-Token, if it has begun."""
    return door(view, find_session=unfinished)


def for_persons(view: type[APIView]) -> Callable[..., Any]:
    """For who is signed in, by an access token. An API key looks after nobody's ways in."""
    return door(view, find_session=of_person)


def unfinished(request: HttpRequest) -> SessionBase | None:
    rates.check(request, "log-in")
    token = request.headers.get("x-session-token")
    return sessions.unfinished(token) if token else None


def of_person(request: HttpRequest) -> SessionBase:
    caller = callers.identify(request.headers)
    rates.check(request, "any", account=caller.user_id)
    caller.check_may(PERSON)
    return FamilySession(str(caller.family_id))


def check_body(request: HttpRequest) -> None:
    """As strictly as everywhere: allauth's own reading takes more."""
    if request.method in ("GET", "HEAD") or not request.body:
        return
    if request.content_type != "application/json":
        raise UnsupportedMediaType(request.content_type or "")
    bodies.read_object(request.body)


# ---- the second step of a log-in, and the log-in by passkey ----------------------------------------------------------


class SecondFactor(mfa.AuthenticateView):
    input_class = inputs.Code


class SecondFactorPasskey(mfa.AuthenticateWebAuthnView):
    pass


class PasskeyLogin(mfa.LoginWebAuthnView):
    pass


# ---- what somebody has -----------------------------------------------------------------------------------------------


class Authenticators(AuthenticatedAPIView):
    def get(self, request: Any) -> HttpResponse:
        own = Authenticator.objects.filter(user=request.user).order_by("created_at", "pk")
        return JsonResponse({"results": [translation.shown(factor) for factor in own]})


class Totp(mfa.ManageTOTPView):
    input_class = {"POST": inputs.FirstCode}

    def get(self, request: Any) -> HttpResponse:
        """The app there is, or the secret for a new one."""
        if factor := self._get_authenticator():
            return JsonResponse({"active": True, **translation.shown(factor)})
        raise_if_reauthentication_required(request, app="allauth.mfa")
        secret = apps.new_secret()
        request.session[TOTP_SECRET] = sealing.seal(secret)
        url = apps.address_for(request.user, secret)
        return JsonResponse({"active": False, "secret": secret, "url": url, "svg": apps.drawn(url)})

    def post(self, request: Any) -> HttpResponse:
        try:
            factor, recovery = activate(request, self.input)
        except IntegrityError as exc:
            raise AuthenticatorExists from exc
        request.session.pop(TOTP_SECRET, None)
        return JsonResponse(translation.made(factor, recovery), status=201)

    def delete(self, request: Any) -> HttpResponse:
        factor = get_object_or_404(Authenticator, user=request.user, type=Type.TOTP)
        totp_flows.deactivate_totp(request, factor)
        return HttpResponse(status=204)

    def get_input_kwargs(self) -> dict[str, Any]:
        return {"user": self.request.user, "sealed": self.request.session.get(TOTP_SECRET)}


@transaction.atomic
def activate(request: Any, first: Any) -> tuple[Authenticator, Authenticator | None]:
    """The app's first code is spent with that."""
    factor, recovery = totp_flows.activate_totp(request, first)
    factor.data[codes.STEP] = first.step
    factor.save(update_fields=["data"])
    return factor, recovery


class RecoveryCodes(mfa.ManageRecoveryCodesView):
    def get(self, request: Any) -> HttpResponse:
        factor = get_object_or_404(Authenticator, user=request.user, type=Type.RECOVERY_CODES)
        return JsonResponse(translation.shown(factor))

    def post(self, request: Any) -> HttpResponse:
        factor = recovery_codes.generate_recovery_codes(request)
        return JsonResponse(translation.made(factor, factor), status=201)


class Passkeys(mfa.ManageWebAuthnView):
    input_class = {"POST": inputs.NewPasskey}
    put = delete = None

    def get(self, request: Any) -> HttpResponse:
        """A passkey proves who holds it too, so that it is good alone and as a second factor."""
        options = passkey_flows.begin_registration(request, request.user, passwordless=True)
        return JsonResponse({"options": options})

    def post(self, request: Any) -> HttpResponse:
        factor, recovery = passkey_flows.add_authenticator(request, **self.input.chosen())
        return JsonResponse(translation.made(factor, recovery), status=201)


class Passkey(AuthenticatedAPIView):
    input_class = {"PATCH": inputs.PasskeyName}

    def patch(self, request: Any, passkey_id: int) -> HttpResponse:
        factor = self.own(passkey_id)
        passkey_flows.rename_authenticator(request, factor, self.input.cleaned_data["name"])
        return JsonResponse(translation.shown(factor))

    def delete(self, request: Any, passkey_id: int) -> HttpResponse:
        passkey_flows.remove_authenticator(request, self.own(passkey_id))
        return HttpResponse(status=204)

    def own(self, passkey_id: int) -> Authenticator:
        return get_object_or_404(Authenticator, pk=passkey_id, user=self.request.user, type=Type.WEBAUTHN)


# ---- proving again that it is you ------------------------------------------------------------------------------------


class Reauthenticate(ReauthenticateByPasswordView):
    input_class = inputs.ProvingPassword

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """A password is proof enough only for who has nothing better."""
        if factors_of(request.user):
            raise translation.reauthentication_required(request.user)
        return super().dispatch(request, *args, **kwargs)


class ReauthenticateByCode(mfa.ReauthenticateView):
    input_class = inputs.ProvingCode


class ReauthenticateByPasskey(mfa.ReauthenticateWebAuthnView):
    pass
