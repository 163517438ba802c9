import asyncio

from celery import shared_task
from django.utils.timezone import now

from accounts import database
from assistants import attachments, providers
from assistants.crew import claims, work
from assistants.interrupted import close_interrupted as close


@shared_task
def close_interrupted() -> int:
    return close(now())


@shared_task
def work_on_jobs() -> int:
    """Everything that waits, one after the other; how many jobs that were."""
    return asyncio.run(_work_on_jobs())


async def _work_on_jobs() -> int:
    count = 0
    try:
        while job := await claims.claim():
            await work.work_on(job, now())
            count += 1
    finally:
        for provider in providers.every():
            await provider.close()
        await database.close_pool()
    return count


@shared_task
def sweep_attachments() -> int:
    return attachments.sweep(now())
