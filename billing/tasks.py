from celery import shared_task
from django.conf import settings
from django.utils.timezone import now

from billing import demo_clock, dunning, leaving, mirror, overage, webhooks
from billing.gateways import gateway
from billing.resync import resync


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


@shared_task
def handle_events() -> int:
    """How many webhooks that failed before were handled."""
    return webhooks.handle_waiting(now())[0] if settings.STRIPE_SECRET_KEY else 0


@shared_task
def mirror_events() -> int:
    """How many events dj-stripe has copied the objects of. One it cannot copy ends the run; the beat goes on."""
    copied = 0
    while settings.STRIPE_SECRET_KEY and mirror.copy_next(now()):
        copied += 1
    return copied


@shared_task
def forget_events() -> int:
    return webhooks.forget_old(now())


@shared_task
def let_customers_go() -> int:
    return leaving.let_go(gateway(), now())


@shared_task(time_limit=6 * 3600)
def resync_billing() -> int:
    """How many customers."""
    return resync(gateway(), at=now()).customers if settings.STRIPE_SECRET_KEY else 0
