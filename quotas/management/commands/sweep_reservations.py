from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from quotas import sweeping


class Command(BaseCommand):
    help = "Expire reservations that a killed process left. Celery beat does it every 15 s; run it where beat does not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Say how many there are; expire none.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            self.stdout.write(f"{sweeping.left_behind().count()} reservations would be expired")
            return
        self.stdout.write(f"{sweeping.sweep_reservations()} reservations expired")
