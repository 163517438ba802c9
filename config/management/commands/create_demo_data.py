from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils.timezone import now

from accounts import api_keys
from accounts.api_keys import Powers
from accounts.models import ApiKey, Scope, User


class Command(BaseCommand):
    help = "Make a person who may sign in to the console, with a workspace and an API key. Again: new secrets."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", default="admin@example.com")
        parser.add_argument("--password", required=True)
        parser.add_argument("--api-key", required=True, help=f"Begins with {api_keys.MARK}.")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
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
