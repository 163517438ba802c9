"""REST framework's view of `accounts.callers`: the request's `user` is the `Caller`."""

from __future__ import annotations

from typing import Any

from rest_framework import authentication
from rest_framework.request import Request

from accounts import callers
from accounts.callers import Caller


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
        return (callers.signed_in(found[0].pk), None) if found else None
