"""Alerts that nobody looks after yet, on the console's first page."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.timezone import now
from django.views.decorators.http import require_POST

from accounts.admin.base import staff_of
from analytics import alerts
from analytics.console import links
from analytics.models import Alert
from analytics.moments import Moment

SHOWN: Final = 5


def told(moment: Moment) -> dict[str, Any]:
    """The newest, and of how many."""
    found = Alert.objects.filter(acknowledged_at=None)
    newest = list(found.select_related("rule", "workspace")[: SHOWN + 1])
    return {
        "newest": newest[:SHOWN],
        "are_more": len(newest) > SHOWN,
        "link": links.rows("analytics.alert", acknowledged_at__isempty=1),
    }


@require_POST
def acknowledge(request: HttpRequest, alert_id: int) -> HttpResponse:
    if not request.user.has_perm("analytics.change_alert"):
        raise PermissionDenied
    alert = get_object_or_404(Alert.objects.select_related("rule"), pk=alert_id)
    done = alerts.acknowledge(alert.pk, by=staff_of(request), at=now())
    messages.success(
        request, f"You look after {alert.rule}." if done else f"Somebody looks after {alert.rule} already."
    )
    return redirect("admin:index")
