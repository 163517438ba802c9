from celery import shared_task
from django.utils.timezone import now

from billing.gateways import gateway
from quotas import following, grants, notices, purchases, sweeping, top_ups


@shared_task
def sweep_reservations() -> int:
    return sweeping.sweep_reservations()


@shared_task
def settle_purchases() -> int:
    """Packs that were paid, or paid back, and nobody heard of it."""
    at = now()
    return purchases.grant_paid(at) + purchases.take_back_refunded(at)


@shared_task
def top_up() -> int:
    return top_ups.top_up_all(gateway(), at=now())


@shared_task
def begin_windows() -> int:
    """Of how many workspaces."""
    return following.begin_anew(now())


@shared_task
def expire_grants() -> int:
    return grants.expire(now())


@shared_task
def tell_notices() -> int:
    """How many were looked at."""
    told = 0
    while notices.tell_next(now()):
        told += 1
    return told
