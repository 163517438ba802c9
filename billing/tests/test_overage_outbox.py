"""Overage on its way to the meter: none lost and none counted double, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.utils.timezone import now

from accounts.tests.factories import Person
from billing import overage
from billing.errors import GatewayUnavailable
from billing.gateways.demo import DemoGateway
from billing.models import Customer, Overage


class Meter(DemoGateway):
    """A meter that keeps its own bill by identifier, as Stripe's does, and fails as it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: dict[UUID, int] = {}
        self.answers = True
        self.takes = True

    def report(self, customer_id: str, overage: Overage) -> None:
        if not self.takes:
            raise GatewayUnavailable
        self.counted.setdefault(overage.id, overage.units)
        if not self.answers:
            raise GatewayUnavailable


@pytest.fixture(autouse=True)
def outbox(alice: Person) -> Iterator[None]:
    """Empty before; and what is noted here stands in no ledger, so it goes again."""
    Overage.objects.filter(state="waiting").delete()
    yield
    Overage.objects.filter(workspace=alice.workspace).delete()


@pytest.fixture
def meter() -> Meter:
    return Meter()


@pytest.fixture
def customer(alice: Person) -> Customer:
    return Customer.objects.create(workspace=alice.workspace, gateway="demo", stripe_id=f"demo_cus_{uuid4().hex}")


def used(person: Person, units: int = 1, *, at: datetime | None = None) -> Overage:
    return Overage.objects.create(
        workspace=person.workspace,
        entry_id=uuid4().int % 2**60,
        meter="operations",
        units=units,
        unit_price=8,
        used_at=at or now(),
        due_at=now(),
    )


def report_all(meter: Meter, at: datetime) -> None:
    while overage.report_next(meter, at):
        pass


def states(person: Person) -> set[str]:
    return set(Overage.objects.filter(workspace=person.workspace).values_list("state", flat=True))


def test_each_is_reported_once(meter: Meter, customer: Customer, alice: Person) -> None:
    noted = [used(alice, units) for units in (1, 2, 3)]

    report_all(meter, now())
    report_all(meter, now() + timedelta(days=1))

    assert meter.counted == {each.id: each.units for each in noted}
    assert states(alice) == {"reported"}


def test_an_answer_that_is_lost_counts_once(meter: Meter, customer: Customer, alice: Person) -> None:
    noted = used(alice, 5)
    meter.answers = False
    report_all(meter, now())
    assert states(alice) == {"waiting"}

    meter.answers = True
    report_all(meter, now() + timedelta(hours=1))

    assert meter.counted == {noted.id: 5}
    assert states(alice) == {"reported"}


def test_a_day_without_the_gateway_loses_nothing(meter: Meter, customer: Customer, alice: Person) -> None:
    noted = [used(alice) for _ in range(20)]
    meter.takes = False
    for hours in range(25):
        report_all(meter, now() + timedelta(hours=hours))
    assert meter.counted == {}

    meter.takes = True
    report_all(meter, now() + timedelta(hours=48))

    assert meter.counted == {each.id: 1 for each in noted}


def test_what_the_gateway_takes_no_more_is_given_up_and_can_be_tried_again(
    meter: Meter, customer: Customer, alice: Person
) -> None:
    noted = used(alice, at=now() - timedelta(days=35))
    meter.takes = False
    report_all(meter, now())
    assert states(alice) == {"given_up"}

    meter.takes = True
    assert overage.try_again(Overage.objects.filter(pk=noted.pk), now()) == 1
    report_all(meter, now())

    assert states(alice) == {"reported"}


def test_nobody_is_billed_who_is_no_customer(meter: Meter, charlie: Person) -> None:
    noted = used(charlie)

    report_all(meter, now())

    noted.refresh_from_db()
    assert (noted.state, meter.counted) == ("waiting", {})
    assert "customer" in noted.error


def test_a_refusal_is_final_after_its_tries(meter: Meter, alice: Person) -> None:
    noted = used(alice)  # No customer, so the gateway is not even asked.

    for hours in range(0, 200, 13):
        report_all(meter, now() + timedelta(hours=hours))

    noted.refresh_from_db()
    assert noted.state == "given_up"
