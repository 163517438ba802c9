from celery import shared_task
from django.utils.timezone import now

from analytics import events


@shared_task
def forget_events() -> int:
    return events.forget_old(now())
