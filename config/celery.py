"""Celery: jobs and the beat that starts them on time. Settings of theirs begin with CELERY_."""

import logging
import logging.config
import os
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("stipend")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def tell_as_everybody_does(loglevel: int, **_: Any) -> None:
    """By the settings' loggers, which keep secrets to themselves; Celery's own do not."""
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)
    logging.getLogger().setLevel(loglevel)
