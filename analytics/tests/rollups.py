"""Rollups that no ledger stands behind. The audit would call them broken, so a test takes them back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db.models import Max

from quotas.models import Rollup
from quotas.tests.ledger import audited as audited


@pytest.fixture(autouse=True)
def taken_back(audited: None) -> Iterator[None]:
    """Import it with `audited`, and every test of the module ends without those that it made."""
    newest = Rollup.objects.aggregate(newest=Max("pk"))["newest"] or 0
    yield
    Rollup.objects.filter(pk__gt=newest).delete()
