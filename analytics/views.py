from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import rates
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
    return await _answer()


@require_safe
async def live(request: HttpRequest) -> JsonResponse:
    """The process answers: do not restart it."""
    return JsonResponse({"live": True})


@require_safe
async def ready(request: HttpRequest) -> JsonResponse:
    """It can serve: send it traffic."""
    return await _answer()


async def _answer() -> JsonResponse:
    report = await well.report()
    return JsonResponse(report, status=200 if report["ready"] else 503)


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
