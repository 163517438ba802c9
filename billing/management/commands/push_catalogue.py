from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import gateways, pushing
from billing.errors import BillingError


class Command(BaseCommand):
    help = "Make the plans on offer, their prices and meters at Stripe. Run it after load_catalogue; twice is once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Say what is on offer; do not ask Stripe for it.")

    def handle(self, *args: Any, **options: Any) -> None:
        gateway = gateways.gateway()
        if options["dry_run"]:
            self.stdout.writelines(f"{gateway.name}: {what}, where it is not there\n" for what in pushing.on_offer())
            return
        pushed = 0
        try:
            for what in pushing.push(gateway):
                self.stdout.write(f"{gateway.name}: {what}")
                pushed += 1
        except BillingError as exc:
            raise CommandError(str(exc)) from exc
        if not pushed:
            self.stdout.write(f"{gateway.name}: nothing to push.")
