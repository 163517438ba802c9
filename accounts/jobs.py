"""Having a worker look at once at what waits in the database, instead of with the next beat."""

from __future__ import annotations

import logging
from functools import partial

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerAway

from accounts import outage

logger = logging.getLogger(__name__)


def nudge(task: str) -> None:
    """Without a broker nothing is lost: the beat comes by."""
    if outage.is_noted():
        return
    try:
        current_app.send_task(task, retry=False)
    except BrokerAway as exc:
        outage.note(exc)
        logger.warning("The broker is away, so %s waits for the beat.", task)


def nudge_after_commit(task: str) -> None:
    transaction.on_commit(partial(nudge, task))
