"""Credit packs: so much of one meter, bought once, beside what a plan allows."""

from __future__ import annotations

from django.db.models import QuerySet

from billing.models import CreditPack


def offered() -> QuerySet[CreditPack]:
    """Those that can be bought, in their order."""
    return CreditPack.objects.filter(is_offered=True)
