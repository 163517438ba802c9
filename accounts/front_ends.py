"""Where browsers may be led back to: FRONTEND_URL and CORS_ALLOWED_ORIGINS."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings

NOT_OURS = "No front end of ours is there (FRONTEND_URL, CORS_ALLOWED_ORIGINS)."


def is_ours(address: str) -> bool:
    parts = urlsplit(address)
    front_end = urlsplit(settings.FRONTEND_URL)
    ours = [*settings.CORS_ALLOWED_ORIGINS, f"{front_end.scheme}://{front_end.netloc}"]
    return f"{parts.scheme}://{parts.netloc}" in ours
