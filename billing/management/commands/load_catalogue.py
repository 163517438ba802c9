from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from accounts.audit import SYSTEM
from billing import catalogue, catalogue_files
from billing.errors import InvalidCatalogue
from billing.terms import Change


class Command(BaseCommand):
    help = "Load or update the plans and packs of a catalogue. Run it at the first start and after its file was edited."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help=f"One of: {', '.join(catalogue_files.names())}.")
        parser.add_argument(
            "--unless-loaded", action="store_true", help="Not where this very file was the last one: for every start."
        )
        parser.add_argument("--dry-run", action="store_true", help="Say what would change, and for how many.")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        try:
            if options["unless_loaded"] and catalogue.was_loaded_last(name):
                told = [f"{name}: loaded before; what was changed since stays."]
            else:
                told = _told(name, self._changed(name, dry_run=options["dry_run"]))
        except InvalidCatalogue as exc:
            raise CommandError(str(exc)) from exc
        if options["verbosity"]:
            self.stdout.writelines(f"{line}\n" for line in told)

    def _changed(self, name: str, *, dry_run: bool) -> list[catalogue.Preview]:
        if dry_run:
            return catalogue.preview(catalogue.in_file(name), at=now())
        return catalogue.load(name, by=SYSTEM, at=now())


def _told(name: str, changed: list[catalogue.Preview]) -> list[str]:
    if not changed:
        return [f"{name}: nothing to change."]
    return [line for sale in changed for line in (f"{sale}:", *map(_line, sale.changes))]


def _line(change: Change) -> str:
    return f"  {change}" + (f" ({change.reach})" if change.reach else "")
