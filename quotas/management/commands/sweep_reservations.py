from typing import Any

from django.core.management.base import BaseCommand

from quotas import sweeping


class Command(BaseCommand):
    help = "Expire reservations that a killed process left. Celery beat does it every 15 s; run it where beat does not."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{sweeping.sweep_reservations()} reservations expired")
