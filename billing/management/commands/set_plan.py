from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.timezone import now

from accounts.models import User
from billing import subscriptions
from billing.errors import UnknownPlan


class Command(BaseCommand):
    help = "Put a person's own workspace on a plan without payment. Run it for support, for trials and in tests."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("plan")
        parser.add_argument("--dry-run", action="store_true", help="Say whom it would put where; change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.by_email(options["email"]).first()
        if user is None:
            raise CommandError(f"Nobody signed up as {options['email']}.")
        workspace = user.personal_workspace
        try:
            with transaction.atomic():
                subscriptions.put_on_plan(workspace, options["plan"], at=now())
                transaction.set_rollback(options["dry_run"])
        except UnknownPlan as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"{workspace} {'would be' if options['dry_run'] else 'is'} on {options['plan']}.")
