"""What every request passes: its id, its time, safe headers, and errors translated once."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from os import SEEK_END

from asgiref.sync import markcoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.utils.decorators import async_only_middleware

from analytics import metrics
from config import errors, logs

logger = logging.getLogger("stipend.requests")

Handler = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@async_only_middleware
def trace(get_response: Handler) -> Handler:
    """Name each request, in place of whatever name a client gave it: decisions and the ledger rely on it being ours."""

    async def handle(request: HttpRequest) -> HttpResponseBase:
        begun = time.perf_counter()
        request.META["HTTP_X_REQUEST_ID"] = request_id = new_request_id()
        logs.request_id.set(request_id)
        if "CONTENT_LENGTH" not in request.META and "HTTP_TRANSFER_ENCODING" in request.META:
            state_length(request)
        response = await get_response(request)
        seconds = time.perf_counter() - begun
        response["X-Request-ID"] = request_id
        response["X-Process-Time"] = f"{seconds:.4f}"
        response["Server-Timing"] = f"app;dur={seconds * 1000:.1f}"
        if isinstance(response, HttpResponse):
            response.setdefault("Content-Length", str(len(response.content)))
        for name, value in SECURITY.items():
            response[name] = value
        if errors.speaks_json(request):
            response.setdefault("Cache-Control", "no-store")
        note(request, response, seconds)
        return response

    return handle


def note(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    """For Prometheus, and a line of the log where requests have one: by its route, since a path may hold a secret."""
    metrics.note_request(request, response, seconds)
    if logger.isEnabledFor(logging.INFO):
        told = {"method": request.method, "route": metrics.route_of(request), "status": response.status_code}
        logger.info("%(method)s %(route)s %(status)s", told, extra={"told": told | {"seconds": round(seconds, 4)}})


def new_request_id() -> str:
    return f"req_{uuid.uuid4().hex}"


def state_length(request: HttpRequest) -> None:
    """Of a body that came in chunks: REST framework takes a request that states no length for one without a body."""
    body = request._stream
    request.META["CONTENT_LENGTH"] = str(body.seek(0, SEEK_END))
    body.seek(0)


class TranslateErrors:
    """Every exception a view lets go becomes an answer in the shape its endpoint speaks."""

    async_capable = True
    sync_capable = False

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = await self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and errors.speaks_json(request):
            return errors.method_not_allowed(request, response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        return errors.answer(request, exception) if errors.speaks_json(request) else errors.page(exception)
