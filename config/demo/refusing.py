"""Where no demo business may be made."""

from __future__ import annotations

from django.conf import settings

from accounts.models import User
from config.demo.people import DOMAIN


class Refused(Exception):
    """The text says why."""


def check_may_make(*, beside_others: bool) -> None:
    """Raises `Refused` where money is real, where there is a demo business, and where customers are, unless asked for
    `beside_others`."""
    if settings.STRIPE_SECRET_KEY:
        raise Refused("STRIPE_SECRET_KEY is set, so money is real here. A demo business pays by the simulation alone.")
    theirs = User.objects.filter(email__endswith=f"@{DOMAIN}")
    if theirs.exists():
        raise Refused(f"There is a demo business here already, of {theirs.count()} people. One is enough.")
    others = User.objects.filter(is_staff=False, erased_at=None).count()
    if others and not beside_others:
        raise Refused(
            f"{others} people have signed up here. What is made stays among theirs: the ledger forgets nothing. "
            "If that is meant, say --force."
        )
