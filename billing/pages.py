"""The page where a plan is chosen, for where there is no front end yet."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts import pages


@require_safe
async def show(request: HttpRequest) -> HttpResponse:
    return pages.alone(request, "billing/billing.html")
