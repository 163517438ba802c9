from typing import Any

from django.core.management.base import BaseCommand
from django.utils.timezone import now

from billing import webhooks


class Command(BaseCommand):
    help = "Try again the webhooks that failed and are due. Celery beat does this every minute."

    def handle(self, *args: Any, **options: Any) -> None:
        handled, failed = webhooks.handle_waiting(now())
        self.stdout.write(f"{handled} handled, {failed} failed again.")
