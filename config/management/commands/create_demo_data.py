from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.timezone import now

from accounts import api_keys
from accounts.api_keys import Powers
from accounts.models import ApiKey, Scope, User
from config.demo import refusing, story


class Command(BaseCommand):
    help = """Make a person who may sign in to the console (--password, --api-key), and a business for its charts
    (--workspaces). Run it in a database that is new, to look at the product or to show it. The person again: new
    secrets. The business is the same for the same seed on the same day, is made whole or not at all, writes to nobody,
    and cannot be made where money is real; a large one may pass the thresholds of alerts."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", default="admin@example.com")
        parser.add_argument("--password", help="With it, that person is made.")
        parser.add_argument("--api-key", help=f"Theirs. Begins with {api_keys.MARK}.")
        parser.add_argument("--workspaces", type=int, default=0, help="So many customers; 0: no business.")
        parser.add_argument("--months", type=int, default=12, help="So long ago the first of them came.")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--force", action="store_true", help="Even where people have signed up.")
        parser.add_argument("--unless-used", action="store_true", help="Where it is refused, make none without a word.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be made, and make nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not (options["password"] or options["workspaces"]):
            raise CommandError("Say --password and --api-key, or --workspaces, or all of them.")
        if options["password"] and not options["api_key"]:
            raise CommandError("The person wants an --api-key too.")
        if options["workspaces"] < 0 or not 1 <= options["months"] <= 36:
            raise CommandError("--workspaces is 0 or more, --months from 1 to 36.")
        if options["password"] and not options["dry_run"]:
            self.make_person(options)
        if options["workspaces"]:
            self.make_business(options)

    def make_business(self, options: dict[str, Any]) -> None:
        try:
            refusing.check_may_make(beside_others=options["force"])
        except refusing.Refused as exc:
            if options["unless_used"]:
                return
            raise CommandError(str(exc)) from exc
        with transaction.atomic():
            made = story.make(
                workspaces=options["workspaces"], months=options["months"], seed=options["seed"], at=now()
            )
            transaction.set_rollback(options["dry_run"])
        if options["verbosity"]:
            self.stdout.write(f"{made}.")
            self.stdout.write("Nothing was made." if options["dry_run"] else "Made.")

    @transaction.atomic
    def make_person(self, options: dict[str, Any]) -> None:
        user = User.objects.by_email(options["email"]).exclude(email_verified_at=None).first()
        if user is None:
            user = User.objects.create_superuser(
                options["email"], options["password"], name="Demo", email_verified_at=now()
            )
        elif not user.check_password(options["password"]):
            user.set_password(options["password"])
            user.save()
        if not ApiKey.objects.filter(hash=api_keys.digest(options["api_key"])).exists():
            api_keys.create(
                workspace_id=user.personal_workspace.id,
                user_id=user.id,
                name="Demo",
                powers=Powers(scopes=list(Scope)),
                key=options["api_key"],
                at=now(),
            )
        if options["verbosity"]:
            self.stdout.write(f"{user.email} may sign in.")
