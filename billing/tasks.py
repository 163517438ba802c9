from celery import shared_task
from django.utils.timezone import now

from billing import demo_clock, dunning, overage
from billing.gateways import gateway


@shared_task
def report_overage() -> int:
    """How much was tried."""
    tried = 0
    while overage.report_next(gateway(), now()):
        tried += 1
    return tried


@shared_task
def end_grace() -> int:
    return dunning.end_grace(now())


@shared_task
def play_demo_clock() -> int:
    return demo_clock.play(now())
