from celery import shared_task
from django.utils.timezone import now

from analytics import alerts, events
from analytics.live import tickets


@shared_task
def forget_events() -> int:
    tickets.forget_old(now())
    return events.forget_old(now())


@shared_task
def evaluate_alerts() -> int:
    return alerts.evaluate(now())
