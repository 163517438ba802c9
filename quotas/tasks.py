from celery import shared_task

from quotas import sweeping


@shared_task
def sweep_reservations() -> int:
    return sweeping.sweep_reservations()
