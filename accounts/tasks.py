from celery import shared_task
from django.utils.timezone import now

from accounts import guards


@shared_task
def sweep_tallies() -> int:
    return guards.sweep(now())
