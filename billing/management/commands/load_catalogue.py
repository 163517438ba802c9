from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from billing import catalogue
from billing.errors import InvalidCatalogue


class Command(BaseCommand):
    help = "Load or update the plans of a catalogue. Run it at the first start and after its file was edited."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help=f"One of: {', '.join(catalogue.names())}.")
        parser.add_argument("--dry-run", action="store_true", help="Check the file and change nothing.")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            plans = catalogue.load(options["name"])
        except InvalidCatalogue as exc:
            raise CommandError(str(exc)) from exc
        if options["dry_run"]:
            transaction.set_rollback(True)
        if options["verbosity"]:
            self.stdout.write(f"{options['name']}: {', '.join(plan.slug for plan in plans)}")
