"""What tests of the ledger share: short words for its verbs, and the audit at the end of each."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.utils.timezone import now

from accounts import api_keys
from accounts.meters import own_limits
from accounts.tests.factories import Person
from conftest import Run
from quotas import metering
from quotas.audit import audit_ledger
from quotas.metering import Admission, Ask
from quotas.models import Basis, Bucket, Entry, Reservation


def assert_ledger_is_whole() -> None:
    assert [str(broken) for broken in audit_ledger()] == []


@pytest.fixture(autouse=True)
def audited(database: None) -> Iterator[None]:
    """Import it, and every test of the module ends with the audit."""
    yield
    assert_ledger_is_whole()


def request_id() -> str:
    return f"req_{uuid.uuid4().hex}"


async def hold(person: Person, tokens: int, *, at: datetime | None = None) -> Admission:
    asks = {"tokens": Ask.exactly(tokens)}
    return await metering.reserve(person.caller, asks, request_id=request_id(), at=at or now())


def spend(run: Run[Any], person: Person, amount: int, meter: str = "tokens", *, at: datetime | None = None) -> None:
    """Work that takes so much, from its reservation to its settlement."""
    asks = {meter: Ask.exactly(amount)}
    admission = run(metering.reserve(person.caller, asks, request_id=request_id(), at=at or now()))
    assert run(metering.settle(admission.reservation_id, {meter: amount}, basis=Basis.REPORTED))


def bucket(person: Person, meter: str = "tokens", **holder: Any) -> Bucket:
    """The newest window's: the workspace's, or with `key` or `member` theirs."""
    whose = {"key": None, "member": None, "grant": None, **holder}
    return Bucket.objects.filter(workspace=person.workspace, meter=meter, **whose).latest("starts_at")


def reservation(admission: Admission) -> Reservation:
    return Reservation.objects.get(id=admission.reservation_id)


def posted(admission: Admission, meter: str = "tokens") -> list[int]:
    """What its entries say, the oldest first."""
    entries = Entry.objects.of_workspaces().filter(reservation=admission.reservation_id, bucket__meter=meter)
    return list(entries.order_by("id").values_list("amount", flat=True))


def charged(person: Person, meter: str = "tokens") -> int:
    found = Entry.objects.of_workspaces().filter(bucket__workspace=person.workspace, bucket__meter=meter)
    return int(found.aggregate(total=Sum("amount"))["total"] or 0)


def let_lease_run_out(**which: Any) -> int:
    """As if the process that renews it had been dead for a while."""
    pending = Reservation.objects.filter(state="pending", **which)
    with connection.cursor() as cursor:
        cursor.execute("SELECT now() - interval '1 second'")
        [moment] = cursor.fetchone()
    return pending.update(lease_until=moment)


def with_own_limits(
    person: Person, *, key: Mapping[str, int] | None = None, member: Mapping[str, int] | None = None
) -> Person:
    """The same person, as the holder of these limits by policy."""
    caller = person.caller
    assert caller.key_id
    limits = own_limits("key", caller.key_id, key or {}) + own_limits("member", caller.user_id, member or {})
    return replace(person, caller=replace(caller, limits=limits))


def with_another_key(person: Person) -> Person:
    row, key = api_keys.create(workspace_id=person.workspace.id, user_id=person.user.id, name="another", at=now())
    return replace(person, caller=replace(person.caller, key_id=row.id, limits=()), api_key=key)
