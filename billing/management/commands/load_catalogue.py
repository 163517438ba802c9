from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from billing import catalogue, catalogue_files
from billing.errors import InvalidCatalogue


class Command(BaseCommand):
    help = "Load or update the plans of a catalogue. Run it at the first start and after its file was edited."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help=f"One of: {', '.join(catalogue_files.names())}.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would change, and for how many.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            changed = self._changed(options["name"], dry_run=options["dry_run"])
        except InvalidCatalogue as exc:
            raise CommandError(str(exc)) from exc
        if options["verbosity"]:
            self._tell(options["name"], changed)

    def _changed(self, name: str, *, dry_run: bool) -> list[catalogue.PlanPreview]:
        if dry_run:
            return catalogue.preview(catalogue.in_file(name), at=now())
        return catalogue.load(name, at=now())

    def _tell(self, name: str, changed: list[catalogue.PlanPreview]) -> None:
        if not changed:
            self.stdout.write(f"{name}: nothing to change.")
        for plan in changed:
            self.stdout.write(f"{plan}:")
            for change in plan.changes:
                self.stdout.write(f"  {change}" + (f" ({change.reach})" if change.reach else ""))
