"""Jobs that go with whoever they were for, or with their project."""

from __future__ import annotations

from django.db.models import QuerySet

from assistants.models import Job
from quotas import metering


def let_go(jobs: QuerySet[Job]) -> int:
    """Delete them, in the caller's transaction; how many. What is held for those at work runs out now, and is settled
    by what they had finished."""
    unfinished = jobs.filter(state__in=Job.UNFINISHED, reservation__isnull=False)
    metering.lapse(list(unfinished.values_list("reservation", flat=True)))
    _, gone = jobs.delete()
    return gone.get(Job._meta.label, 0)
