from __future__ import annotations

from threading import Lock
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.views import SpectacularAPIView


class SchemaView(SpectacularAPIView):
    """One at a time: drf-spectacular learns what it can describe while it describes for the first time."""

    rate = "costly"
    _turn = Lock()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with self._turn:
            return super().dispatch(request, *args, **kwargs)
