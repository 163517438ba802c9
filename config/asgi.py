"""The ASGI application: Django, static files before it, and what a process needs in its first and last moment."""

from __future__ import annotations

import gc
import os
from collections.abc import Awaitable, Callable, Mapping
from io import BytesIO
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

# Django is set up from here on, so its models can be imported.
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.handlers.asgi import ASGIRequest

from accounts import database
from analytics import pulse
from analytics.live.sockets import ActivitySocket
from assistants import providers, running
from assistants.crew import here
from config import errors, idempotency
from config.middleware import new_request_id
from config.static import serve_static

# What has lost its client may take so long to keep its answer before we stop.
LAST_ANSWERS_SECONDS = 5.0

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SOCKETS: dict[str, Application] = {"/ws/admin/activity": ActivitySocket.as_asgi()}
static_files = serve_static(django_application)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await live(receive, send)
    elif scope["type"] == "websocket":
        await SOCKETS.get(scope["path"], nowhere)(scope, receive, send)
    elif scope["path"].startswith(settings.STATIC_URL):
        await static_files(scope, receive, send)
    else:
        await within_limits(scope, receive, send)


async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    """A socket that is closed before it is open is answered 403."""
    await receive()
    await send({"type": "websocket.close"})


async def within_limits(scope: Scope, receive: Receive, send: Send) -> None:
    """Django takes a body in whole before it looks at it, so what is too large is stopped here, whoever sends it."""
    taken = 0

    async def receive_within_limits() -> Mapping[str, Any]:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        return message

    try:
        await django_application(scope, receive_within_limits, send)
    except RequestDataTooBig:
        await refuse(scope, send)


async def refuse(scope: Scope, send: Send) -> None:
    request = ASGIRequest(scope, BytesIO())
    request.META["HTTP_X_REQUEST_ID"] = request_id = new_request_id()
    response = errors.shaped(request, errors.of_status(413))
    response["X-Request-ID"] = request_id
    response["Connection"] = "close"
    await django_application.send_response(response, send)


def keep_what_stays() -> None:
    """What is loaded by now stays loaded, so the garbage collector need not walk it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def live(receive: Receive, send: Send) -> None:
    """Open the pool before the first request; settle every turn after the last."""
    await receive()
    await database.open_pool()
    providers.every()
    keep_what_stays()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await running.drain(0)
    await here.drain(0)
    await idempotency.drain(LAST_ANSWERS_SECONDS)
    await pulse.tell()
    for provider in providers.every():
        await provider.close()
    await database.close_pool()
    await send({"type": "lifespan.shutdown.complete"})
