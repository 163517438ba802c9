"""REST framework's view of `accounts.callers`: the request's `user` is the `Caller`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from rest_framework import authentication
from rest_framework.request import Request

from accounts import callers, console
from accounts.audit import Actor
from accounts.callers import Caller
from accounts.clients import address_of
from accounts.errors import NotAuthenticated


def caller_of(request: HttpRequest | Request) -> Caller:
    """Who makes this request, once REST framework has authenticated it. Raises `NotAuthenticated`."""
    if not isinstance(request.user, Caller):
        raise NotAuthenticated
    return request.user


class HeaderAuthentication(authentication.BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        if callers.credential(request.headers) is None:
            return None
        return callers.identify(request.headers), None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BrowserSession(authentication.SessionAuthentication):
    """Staff who are signed in to the console read the browsable API with that session."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        if found is None or not console.may_enter(request._request):
            return None
        return callers.signed_in(found[0].pk, request.headers), None


def actor_of(request: HttpRequest | Request) -> Actor:
    """Who the audit log will name."""
    caller = caller_of(request)
    return Actor(caller.user_id, caller.key_id, address_of(request), request.headers["X-Request-ID"])


def visitor_of(request: HttpRequest | Request) -> Actor:
    """The same for a request that needs no log-in: nobody is named, and where they come from is."""
    return Actor(None, None, address_of(request), request.headers["X-Request-ID"])
