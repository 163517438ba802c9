from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from assistants import catalogue
from assistants.errors import InvalidCatalogue


class Command(BaseCommand):
    help = "Load or update the models and their dated prices. Run it at the first start and when prices change."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Check the file and change nothing.")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            models = catalogue.load()
        except InvalidCatalogue as exc:
            raise CommandError(str(exc)) from exc
        if options["dry_run"]:
            transaction.set_rollback(True)
        if options["verbosity"]:
            self.stdout.write(", ".join(model.slug for model in models))
