from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST
from psycopg import OperationalError

from accounts import callers, rates
from accounts.callers import STAFF
from accounts.errors import AccountError
from analytics import gauges
from analytics import health as well
from assistants import providers


@require_safe
async def index(request: HttpRequest) -> HttpResponse:
    """What runs here, for people and for programs."""
    await rates.acheck(request, "any")
    about = _about(request)
    if "text/html" in request.headers.get("accept", ""):
        return render(request, "index.html", about)
    return JsonResponse(about)


@require_safe
async def health(request: HttpRequest) -> JsonResponse:
    """Of the process only staff are told: its version and its load are nobody else's."""
    answer = await (_answer(process=well.process()) if await _is_staff(request) else _answer())
    answer["Cache-Control"] = "no-store"
    return answer


@require_safe
async def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus, which brings `METRICS_TOKEN`, and for staff. Raises as `aidentify` does for everybody else."""
    if not _is_prometheus(request):
        await rates.acheck(request, "any")
        await callers.aidentify(request.headers, needs=STAFF)
    return HttpResponse(await gauges.scrape(), content_type=CONTENT_TYPE_LATEST)


@require_safe
async def live(request: HttpRequest) -> JsonResponse:
    """The process answers: do not restart it."""
    return JsonResponse({"live": True})


@require_safe
async def ready(request: HttpRequest) -> JsonResponse:
    """It can serve: send it traffic."""
    return await _answer()


async def _answer(**more: Any) -> JsonResponse:
    report = await well.report() | more
    return JsonResponse(report, status=200 if report["ready"] else 503)


async def _is_staff(request: HttpRequest) -> bool:
    """False as well where that cannot be known: who asks whether the database is there is answered without it."""
    try:
        return (await callers.arecognise(request.headers)).is_staff
    except (AccountError, OperationalError):
        return False


def _is_prometheus(request: HttpRequest) -> bool:
    brought = callers.credential(request.headers) or ""
    return bool(settings.METRICS_TOKEN) and constant_time_compare(brought, settings.METRICS_TOKEN)


def _about(request: HttpRequest) -> dict[str, Any]:
    provider = providers.named(providers.ANTHROPIC)
    return {
        "name": "Stipend",
        "version": settings.VERSION,
        "provider": provider.name,
        "demo": provider.demo,
        "docs": request.build_absolute_uri("/api/docs"),
        "schema": request.build_absolute_uri("/api/schema"),
        "console": request.build_absolute_uri("/admin/"),
        "health": request.build_absolute_uri("/health/"),
    }
