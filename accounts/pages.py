"""Pages for people where there is no front end yet: letters lead here, unless FRONTEND_URL says otherwise.

They ask our API as any front end would. Keys and tokens stay in the browser: what stands behind the # of an address is
sent to no server, and a page may load and ask nothing but us.
"""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

NAMES = [
    "sign-up",
    "sign-in",
    "verify-email",
    "forgot-password",
    "reset-password",
    "invitation",
    "security",
    "your-data",
]
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)


@require_safe
async def show(request: HttpRequest, name: str = "security") -> HttpResponse:
    if name not in NAMES:
        raise Http404
    return alone(request, f"account/{name}.html")


def alone(request: HttpRequest, template: str) -> HttpResponse:
    """A page that loads, asks and shows nothing but ours."""
    page = render(request, template)
    page["Content-Security-Policy"] = POLICY
    return page
