from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.timezone import now

from billing import webhooks


class Command(BaseCommand):
    help = """Try again the webhooks that failed and are due. Celery beat does it every minute; run it where
    beat does not, or when what they failed of is mended and nobody wants to wait."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Say which are due; try none.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            due = list(webhooks.due(now()))
            self.stdout.writelines(f"{event}, received {event.received_at:%Y-%m-%d %H:%M}\n" for event in due)
            self.stdout.write(f"{len(due)} would be tried.")
            return
        handled, failed = webhooks.handle_waiting(now())
        self.stdout.write(f"{handled} handled, {failed} failed again.")
