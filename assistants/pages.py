"""The pages on which a person has strategies and operations worked out, for where there is no front end yet."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts import pages


@require_safe
async def strategies(request: HttpRequest) -> HttpResponse:
    return pages.alone(request, "assistants/strategies.html")


@require_safe
async def operations(request: HttpRequest) -> HttpResponse:
    return pages.alone(request, "assistants/operations.html")
