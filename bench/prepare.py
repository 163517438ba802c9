"""Fills the bench's own database through the product's commands, in one process: starting Django once is enough."""

import sys
from collections.abc import Callable

import django
from django.core.management import call_command
from django.utils.timezone import now


def make_tables() -> None:
    call_command("migrate", interactive=False, verbosity=0)
    call_command("load_catalogue", "default")
    call_command("load_models")


def make_demo(email: str, password: str, key: str) -> None:
    call_command("create_demo_data", f"--email={email}", f"--password={password}", f"--api-key={key}")


def put_on_plan(plan: str, *emails: str) -> None:
    for email in emails:
        call_command("set_plan", email, plan)


def make_owners(*emails: str) -> None:
    """As if each had followed the link in its letter."""
    from accounts.models import User

    User.objects.filter(email__in=emails).update(email_verified_at=now())


def audit() -> None:
    """Ends the process with an error when the ledger does not add up."""
    call_command("audit_ledger")


def main() -> None:
    parts: dict[str, Callable[..., None]] = {
        "tables": make_tables,
        "demo": make_demo,
        "plan": put_on_plan,
        "owners": make_owners,
        "audit": audit,
    }
    django.setup()
    parts[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
