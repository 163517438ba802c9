"""A page of figures: it is asked by its address, changes nothing, and is shown to who may see the rows behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict
from django.template.response import TemplateResponse
from django.utils.timezone import now

from analytics import overview
from analytics.moments import Moment, here

Told = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """`told` answers what was asked with what its `template` shows."""

    title: str
    template: str
    needs: tuple[str, ...]
    told: Callable[[QueryDict, Moment], Told]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not request.user.has_perms(self.needs):
            raise PermissionDenied
        moment = here(now())
        context = {**admin.site.each_context(request), "title": self.title, "moment": moment}
        context["is_simulated"] = overview.is_simulated(moment)
        return TemplateResponse(request, self.template, {**context, **self.told(request.GET, moment)})
