"""The mirror: dj-stripe's copy of Stripe's objects, for the console and for reports. Billing believes nothing of it.

It is made by a job after an event was handled, and may fail: our own truth does not hear of it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.apps import apps
from django.conf import settings
from django.db.models import F, Model, Q
from djstripe.models import APIKey
from djstripe.models import Customer as MirroredCustomer
from djstripe.models import Event as MirroredEvent

from billing import customers
from billing.models import StripeEvent

TRIES = 3
WORTH_COPYING = timedelta(days=3)


def copy_next(at: datetime) -> bool:
    """Copy the object that the next event tells of; False when none waits. dj-stripe's and Stripe's errors pass."""
    waiting = StripeEvent.objects.filter(mirrored_at=None, received_at__gt=at - WORTH_COPYING, mirror_tries__lt=TRIES)
    event = waiting.exclude(handled_at=None).exclude(payload={}).order_by("mirror_tries", "received_at").first()
    if event is None:
        return False
    # Counted first, so that one it cannot copy does not stand in the way of the others.
    StripeEvent.objects.filter(pk=event.pk).update(mirror_tries=F("mirror_tries") + 1)
    # dj-stripe has no guard against an older copy that comes later.
    with customers.alone(f"{event.customer_id} in the mirror"):
        MirroredEvent.process(event.payload, api_key=settings.STRIPE_SECRET_KEY)
        # It writes the secret key down, in clear. The transaction that does so takes it out again.
        APIKey.objects.all().delete()
    StripeEvent.objects.filter(pk=event.pk).update(mirrored_at=at)
    return True


def forget(customer_ids: Collection[str]) -> int:
    """Delete whatever is of these customers; how many rows."""
    ids = list(customer_ids)
    told_of = Q(data__object__customer__in=ids) | Q(data__object__id__in=ids)
    gone = MirroredEvent.objects.filter(told_of).delete()[0]
    for model in apps.get_app_config("djstripe").get_models():
        if _has_an_owner(model):
            gone += model._default_manager.filter(stripe_data__customer__in=ids).delete()[0]
    return int(gone + MirroredCustomer.objects.filter(id__in=ids).delete()[0])


def _has_an_owner(model: type[Model]) -> bool:
    return any(field.name == "stripe_data" for field in model._meta.get_fields())
