from celery import shared_task
from django.utils.timezone import now

from analytics import alerts, events, incidents, kpis, margins, summing
from analytics.live import tickets
from analytics.moments import here
from analytics.webhooks import outbox


@shared_task
def forget_events() -> int:
    tickets.forget_old(now())
    return events.forget_old(now())


@shared_task
def evaluate_alerts() -> int:
    return alerts.evaluate(now())


@shared_task
def sum_up_usage(days: int) -> None:
    """So many, up to today; and what has to look at every customer is counted by them."""
    moment = here(now())
    summing.sum_up(moment.days(days), moment)
    kpis.keep(moment)
    margins.keep(moment)


@shared_task
def give_compensations() -> int:
    """How many were given."""
    given = 0
    while incidents.give_next(now()):
        given += 1
    return given


@shared_task
def deliver_webhooks() -> int:
    """How many were tried."""
    tried = 0
    while some := outbox.deliver_due(now()):
        tried += some
    return tried
