from typing import Any

from django.core.management.base import BaseCommand

from assistants.coaching import measuring


class Command(BaseCommand):
    requires_system_checks = ()  # It needs no database.
    help = "Print how well decisions are detected. Run it when the detector or the labelled sentences change."

    def handle(self, *args: Any, **options: Any) -> None:
        for line in measuring.table():
            self.stdout.write(line)
