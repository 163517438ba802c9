from celery import shared_task
from django.utils.timezone import now

from accounts import erasure, exports, guards, idempotency, letters


@shared_task
def sweep_tallies() -> int:
    return guards.sweep(now())


@shared_task
def send_letters() -> int:
    """How many were tried."""
    tried = 0
    while letters.send_next(now()):
        tried += 1
    return tried


@shared_task
def forget_letters() -> int:
    return letters.forget_old(now())


@shared_task
def make_exports() -> int:
    """How many were tried."""
    tried = 0
    while exports.make_next(now()):
        tried += 1
    return tried


@shared_task
def sweep_exports() -> int:
    return exports.sweep(now())


@shared_task
def sweep_erasures() -> int:
    return erasure.sweep(now())


@shared_task
def forget_answers() -> int:
    return idempotency.forget_old(now())
