from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from billing.gateways import gateway
from billing.resync import resync


class Command(BaseCommand):
    help = "Ask the gateway for every customer's subscriptions and invoices, after webhooks were lost."

    def handle(self, *args: Any, **options: Any) -> None:
        done = resync(gateway(), at=now())
        told = f"{done.customers} customers, {done.subscriptions} subscriptions, {done.invoices} invoices"
        self.stdout.write(f"{told} are as the gateway has them.")
        if done.failed:
            reasons = "".join(f"\n  {customer}  {reason}" for customer, reason in done.failed.items())
            raise CommandError(f"{len(done.failed)} customers were left out:{reasons}")
