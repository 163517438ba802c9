"""REST framework's view of scopes: each view has a table `needs`, from method to what a caller must be allowed."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.authentication import caller_of


class Allowed(BasePermission):
    """One of what `view.needs` names for the method. A method that it does not name is refused to everybody."""

    def has_permission(self, request: Request, view: Any) -> bool:
        caller = caller_of(request)
        method = "GET" if request.method in SAFE_METHODS else str(request.method)
        if hasattr(view, method.lower()):  # If not, REST framework is about to say so.
            caller.check_may(view.needs.get(method, ()))
        return True
