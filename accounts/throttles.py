"""REST framework's door to `accounts.rates`. A view names its rate, `rate = "log-in"`; others share one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts import rates

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module


class Rates(BaseThrottle):
    def allow_request(self, request: Request, view: APIView) -> bool:
        """True, or raises `RateLimited`."""
        rates.check(request, getattr(view, "rate", "any"), account=getattr(request.user, "pk", None))
        return True
