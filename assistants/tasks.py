from celery import shared_task
from django.utils.timezone import now

from assistants.interrupted import close_interrupted as close


@shared_task
def close_interrupted() -> int:
    return close(now())
