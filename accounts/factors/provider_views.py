"""Log-in through others, and connecting such a log-in to an account one has."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.headless.base.response import AuthenticationResponse
from allauth.headless.base.views import APIView, AuthenticatedAPIView
from allauth.headless.socialaccount.internal import complete_token_login
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.internal.flows import signup
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods

from accounts import rates
from accounts.errors import InvalidCredentials, LastWayIn, ProviderAccountTaken
from accounts.factors import inputs, notices, pending, providers, translation
from accounts.factors.strategy import OurTokens

SOCIALACCOUNT = "allauth.socialaccount"


def complete(request: Any, login: SocialLogin) -> None:
    """What was told of somebody becomes a log-in, a new account, or a connection. Raises `ProviderAccountTaken`."""
    try:
        complete_token_login(request, login)
    except (ValidationError, IntegrityError) as exc:
        raise ProviderAccountTaken from exc


class Providers(APIView):
    def get(self, request: Any) -> HttpResponse:
        found = [{"id": provider.sub_id, "name": provider.name} for provider in providers.configured(request)]
        return JsonResponse({"results": found})


@require_http_methods(["GET"])
def callback(request: HttpRequest, **_: str) -> HttpResponse:
    """Where providers send the browser back to; it goes on to the front end, which finishes."""
    rates.check(request, "log-in")
    told = {name: request.GET[name] for name in ("code", "error") if name in request.GET}
    return HttpResponseRedirect(providers.way_on(request.GET.get("state", ""), **told))


# ---- to log in -------------------------------------------------------------------------------------------------------


class Redirect(APIView):
    input_class = inputs.WayOut
    process = AuthProcess.LOGIN

    def post(self, request: Any) -> HttpResponse:
        chosen = self.input.cleaned_data
        provider = providers.find(request, chosen["provider"])
        url = providers.begin(request, provider, process=self.process, then=chosen["callback_url"])
        return translation.never_kept(JsonResponse({"url": url, **self.to_remember(request)}))

    def to_remember(self, request: Any) -> dict[str, str]:
        return {"session_token": OurTokens().create_session_token(request)}


class Finish(APIView):
    input_class = inputs.WayBack
    process = AuthProcess.LOGIN

    def post(self, request: Any) -> Any:
        told = self.input.cleaned_data
        provider = providers.find(request, told["provider"])
        complete(
            request, providers.finish(request, provider, process=self.process, code=told["code"], state=told["state"])
        )
        return self.answer(request)

    def answer(self, request: Any) -> Any:
        return AuthenticationResponse(request)


class Token(APIView):
    """For programs that got an ID token from the provider's own library."""

    input_class = inputs.ProviderToken
    process = AuthProcess.LOGIN

    def handle_input(self, data: Any) -> Any:
        return super().handle_input({**(data or {}), "process": self.process})

    def post(self, request: Any) -> Any:
        complete(request, providers.discreet(self.input.cleaned_data["sociallogin"]))
        return self.answer(request)

    def answer(self, request: Any) -> Any:
        return AuthenticationResponse(request)


class SignUp(APIView):
    """For who came from a provider that named no address."""

    input_class = inputs.Address

    def post(self, request: Any) -> Any:
        login = signup.get_pending_signup(request)
        if login is None:
            raise InvalidCredentials("No sign-up waits for this. Begin at the provider.")
        signup.clear_pending_signup(request)
        login.user.email, login.state["email_verified"] = self.input.cleaned_data["email"], False
        try:
            get_adapter().save_user(request, login)
        except IntegrityError as exc:
            raise ProviderAccountTaken from exc
        signup.complete_social_signup(request, login)
        return AuthenticationResponse(request)


# ---- to connect ------------------------------------------------------------------------------------------------------


class Connections(AuthenticatedAPIView):
    def get(self, request: Any) -> HttpResponse:
        own = SocialAccount.objects.filter(user=request.user).order_by("date_joined", "pk")
        return JsonResponse({"results": [providers.shown(account) for account in own]})


class Connection(AuthenticatedAPIView):
    def delete(self, request: Any, connection_id: int) -> HttpResponse:
        account = get_object_or_404(SocialAccount, pk=connection_id, user=request.user)
        raise_if_reauthentication_required(request, app=SOCIALACCOUNT)
        if not pending.ways_in(request.user, but=account):
            raise LastWayIn
        account.delete()
        occasion = "socialaccount/email/account_disconnected"
        notices.tell(occasion, request.user, request, factor=account.provider)
        return HttpResponse(status=204)


class ConnectRedirect(Redirect, AuthenticatedAPIView):
    process = AuthProcess.CONNECT

    def post(self, request: Any) -> HttpResponse:
        raise_if_reauthentication_required(request, app=SOCIALACCOUNT)
        return super().post(request)

    def to_remember(self, request: Any) -> dict[str, str]:
        return {}  # The session that is signed in remembers.


class ConnectFinish(Finish, AuthenticatedAPIView):
    process = AuthProcess.CONNECT

    def answer(self, request: Any) -> HttpResponse:
        return HttpResponse(status=204)


class ConnectToken(Token, AuthenticatedAPIView):
    process = AuthProcess.CONNECT

    def answer(self, request: Any) -> HttpResponse:
        return HttpResponse(status=204)
