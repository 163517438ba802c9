"""What has to look at every customer is counted every minute and read as it was counted, by its moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from accounts.models import Workspace
from accounts.tests.factories import Person
from analytics import kpis, margins
from analytics.models import CustomerMonth, KeptFigure
from analytics.moments import Moment

MOMENT = Moment(datetime(2037, 5, 20, 9, tzinfo=UTC), ZoneInfo("Asia/Kolkata"), "kept")
MAY = MOMENT.months(1)


def lost(moment: Moment, person: Person) -> list[tuple[str, int]]:
    found = margins.losses(MAY, moment, paying=False, count=100)
    return [(loss.name, loss.loss) for loss in found if loss.workspace == person.workspace.pk]


def cost(person: Person, amount: int) -> None:
    terms = {"works": 1, "tokens": 1, "cost": amount}
    CustomerMonth.objects.update_or_create(workspace=person.workspace, month=MAY.first, defaults=terms)


def test_it_is_read_as_it_was_counted_until_nothing_counts_any_more(alice: Person) -> None:
    cost(alice, 7)
    margins.keep(MOMENT)
    cost(alice, 9)
    later, too_late = (replace(MOMENT, at=MOMENT.at + timedelta(minutes=passed)) for passed in (4, 6))

    assert (lost(later, alice), margins.counted_at(MAY, later)) == ([("Alice", 7)], MOMENT.at)
    assert (lost(too_late, alice), margins.counted_at(MAY, too_late)) == ([("Alice", 9)], too_late.at)
    margins.keep(later)
    assert lost(later, alice) == [("Alice", 9)]


def test_another_month_and_other_money_have_counts_of_their_own(alice: Person) -> None:
    cost(alice, 7)
    margins.keep(MOMENT)
    kpis.keep(MOMENT)
    june = replace(MOMENT, at=MOMENT.at + timedelta(days=31))

    assert margins.losses(june.months(1), june, paying=False, count=10) == []
    elsewhere = replace(MOMENT, gateway="other", at=MOMENT.at + timedelta(minutes=1))
    assert kpis.grouped_at("plan", elsewhere) == elsewhere.at
    assert kpis.grouped_at("plan", replace(elsewhere, gateway="kept")) == MOMENT.at


def test_who_loses_is_named_as_they_are_called_now(alice: Person) -> None:
    cost(alice, 7)
    margins.keep(MOMENT)
    Workspace.objects.filter(pk=alice.workspace.pk).update(name="Alice & Sons")

    assert lost(MOMENT, alice) == [("Alice & Sons", 7)]
    assert not [kept for kept in KeptFigure.objects.filter(gateway="kept") if "Alice" in str(kept.rows)]
