from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.timezone import now

from accounts import erasure
from accounts.audit import SYSTEM
from accounts.errors import OwnsATeam
from accounts.models import User


class Command(BaseCommand):
    help = """Erase a person. Run it for one who asked for it by other ways than the API. It cannot be taken back: try
    --dry-run first."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("who", help="an email, or an id where several accounts claim it")
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        user = self.find(options["who"])
        try:
            with transaction.atomic():
                counts = erasure.erase(user.pk, by=SYSTEM, at=now())
                transaction.set_rollback(options["dry_run"])
        except OwnsATeam as exc:
            raise CommandError(str(exc)) from exc
        for name, count in counts.items():
            self.stdout.write(f"{count:>8} {name}")
        self.stdout.write("Nothing was changed." if options["dry_run"] else f"{user.pk} is erased.")

    def find(self, who: str) -> User:
        found = User.objects.by_email(who) if "@" in who else User.objects.filter(pk=self.parsed(who))
        if len(found) > 1:
            told = "".join(f"\n  {user.pk}  {'owner' if user.email_verified_at else 'claim'}" for user in found)
            raise CommandError(f"Several accounts have this address; name one by its id:{told}")
        if not found:
            raise CommandError(f"Nobody signed up as {who}.")
        return found[0]

    def parsed(self, who: str) -> UUID:
        try:
            return UUID(who)
        except ValueError as exc:
            raise CommandError(f"{who} is neither an email nor an id.") from exc
