from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from accounts.audit import SYSTEM
from accounts.meters import Meter
from accounts.models import Workspace
from quotas import grants
from quotas.grants import Gift
from quotas.models import Grant


class Command(BaseCommand):
    help = """Give the personal workspace of somebody credit, beside what their plan allows. Run it for goodwill, or to
    pay for a referral; the console does the same."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("meter", choices=Meter.values)
        parser.add_argument("amount", type=int, help="of the meter; cost in micro-USD")
        parser.add_argument("--reason", required=True)
        parser.add_argument("--days", type=int, help="until it expires; else never")
        parser.add_argument("--source", choices=["goodwill", "promotion", "referral"], default="goodwill")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be given")

    def handle(self, **options: Any) -> None:
        workspace = Workspace.objects.filter(personal_to__email=options["email"], deleted_at=None).first()
        if workspace is None:
            raise CommandError(f"Nobody has the e-mail {options['email']}.")
        if options["amount"] < 1:
            raise CommandError("Give at least 1.")
        at, days = now(), options["days"]
        gift = Gift(
            options["meter"],
            options["amount"],
            Grant.Source(options["source"]),
            expires_at=at + timedelta(days=days) if days else None,
            reason=options["reason"],
        )
        if not options["dry_run"]:
            grants.give(workspace.pk, gift, by=SYSTEM, at=at)
        would = "would get" if options["dry_run"] else "has got"
        until = f"until {gift.expires_at:%Y-%m-%d}" if gift.expires_at else "for ever"
        self.stdout.write(f"{options['email']} {would} {gift.amount} {gift.meter} {until}.")
