"""Django's middleware for pages. Each steps aside for a request that brings its own credential, as programs do:
it needs no session, and cannot be forged by another site."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware

from accounts import callers


def is_program(request: HttpRequest) -> bool:
    # Load balancers and Prometheus ask by address, whatever hosts are allowed.
    path = request.path_info
    if path.startswith(("/admin/", "/api/session/")):
        return False
    return path.startswith(("/v1/", "/health/", "/metrics")) or callers.credential(request.headers) is not None


class ForPages:
    def __call__(self, request: HttpRequest) -> Any:
        if is_program(request):
            return self.get_response(request)  # type: ignore[attr-defined]
        return super().__call__(request)  # type: ignore[misc]


class Security(ForPages, SecurityMiddleware):
    pass


class Sessions(ForPages, SessionMiddleware):
    pass


class Common(ForPages, CommonMiddleware):
    pass


class Csrf(ForPages, CsrfViewMiddleware):
    async def process_view(self, request: HttpRequest, *view: Any) -> Any:  # type: ignore[override]
        # Asynchronous, so that a program's request does not pay for a thread to learn that it may pass.
        return None if is_program(request) else await sync_to_async(super().process_view)(request, *view)


class Authentication(ForPages, AuthenticationMiddleware):
    pass


class Messages(ForPages, MessageMiddleware):
    pass
