"""Celery: jobs and the beat that starts them on time. Settings of theirs begin with CELERY_."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("stipend")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
