from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from billing.gateways import gateway
from billing.resync import customers_of, resync


class Command(BaseCommand):
    help = """Ask the gateway for every customer's subscriptions and invoices anew. Run it when webhooks were lost;
    Celery beat does it every night."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Say how many customers they are; ask for none.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            self.stdout.write(f"{customers_of(gateway()).count()} customers would be asked for.")
            return
        done = resync(gateway(), at=now())
        told = f"{done.customers} customers, {done.subscriptions} subscriptions, {done.invoices} invoices"
        self.stdout.write(f"{told} are as the gateway has them.")
        if done.failed:
            reasons = "".join(f"\n  {customer}  {reason}" for customer, reason in done.failed.items())
            raise CommandError(f"{len(done.failed)} customers were left out:{reasons}")
