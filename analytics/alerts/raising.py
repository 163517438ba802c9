"""Raising an alert, once: the database lets no second one of its window in, whoever looks at the same time."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts import audit, letters
from accounts.audit import Actor
from accounts.models import User
from analytics import events
from analytics.alerts.counting import Counted, Span, counted
from analytics.events import Happened
from analytics.models import Alert, AlertRule, Event

Window = AlertRule.Window


def evaluate(at: datetime) -> int:
    """Look at every rule that is on; how many alerts were raised."""
    return sum(_look(rule, at) for rule in AlertRule.objects.filter(is_on=True))


def _look(rule: AlertRule, at: datetime) -> int:
    window = Window(rule.window)
    starts_at = window_start(window, at)
    found = [each for each in counted(rule, Span(window, starts_at, at, rule.threshold)) if each.value > rule.threshold]
    known = set(rule.alerts.filter(window_start=starts_at).values_list("subject", flat=True)) if found else set()
    return sum(_raise(rule, each, starts_at, at) for each in found if each.subject not in known)


def window_start(window: Window, at: datetime) -> datetime:
    """In the operator's time zone."""
    local = at.astimezone(ZoneInfo(settings.STIPEND_TIME_ZONE)).replace(minute=0, second=0, microsecond=0)
    match window:
        case Window.HOUR:
            return local
        case Window.DAY:
            return local.replace(hour=0)
        case Window.MONTH:
            return local.replace(hour=0, day=1)


def _raise(rule: AlertRule, found: Counted, starts_at: datetime, at: datetime) -> bool:
    """False where another worker was quicker."""
    try:
        with transaction.atomic():
            alert = Alert.objects.create(
                rule=rule,
                subject=found.subject,
                workspace_id=found.workspace_id,
                window_start=starts_at,
                value=found.value,
                threshold=rule.threshold,
                created_at=at,
            )
            _tell(alert, at)
    except IntegrityError:
        return False
    return True


def _tell(alert: Alert, at: datetime) -> None:
    data = {"alert": alert.pk, "rule": alert.rule.kind, "name": alert.rule.name, "subject": alert.subject}
    counts = {"value": alert.value, "threshold": alert.threshold}
    for reader in User.objects.filter(is_staff=True, is_active=True).exclude(email_verified_at=None):
        letters.post("alert_raised", to=reader.email, user=reader, context=_letter(alert))
    # Last, since whoever tells of something else waits until this is committed.
    events.tell(Happened(Event.Kind.ALERT_RAISED, alert.workspace_id, None, data | counts), at=at)


def _letter(alert: Alert) -> dict[str, str]:
    return {
        "rule": alert.rule.name,
        "kind": alert.rule.get_kind_display(),
        "value": f"{alert.value:,}",
        "threshold": f"{alert.threshold:,}",
        "subject": alert.subject,
        "url": f"{settings.PUBLIC_URL}/admin/analytics/alert/{alert.pk}/change/",
    }


@transaction.atomic
def acknowledge(alert_id: int, *, by: Actor, at: datetime) -> bool:
    """Somebody looks after it; False where somebody did before."""
    open_still = Alert.objects.filter(pk=alert_id, acknowledged_at=None)
    done = open_still.update(acknowledged_at=at, acknowledged_by=by.user_id)
    if done:
        before, after = {"acknowledged": False}, {"acknowledged": True}
        audit.record("alert.acknowledged", by=by, subject=Alert(pk=alert_id), at=at, before=before, after=after)
    return bool(done)
