"""What reports say is what a count of the same rows in plain Python says, on whatever clock the workspace has."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils.timezone import now
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts import callers
from accounts.meters import Meter
from accounts.models import Workspace
from accounts.tests.factories import Person, person
from config.tests.product import eventually
from conftest import Run
from quotas import metering, rollups, statements, totals, trends
from quotas.days import Days, until, whole_months
from quotas.limits import Limit
from quotas.models import Basis, Reservation
from quotas.sweeping import sweep_reservations
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import hold, let_lease_run_out, spend
from quotas.totals import Amount, Total

ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/Havana", "Asia/Beirut", "Australia/Lord_Howe"]
MODELS = ["", "small", "large"]
# Around a change of clocks, the end of a leap year's February, and of a year.
EDGES = [
    datetime(2024, 3, 31, tzinfo=UTC),
    datetime(2024, 10, 27, tzinfo=UTC),
    datetime(2024, 3, 10, 5, tzinfo=UTC),
    datetime(2024, 11, 3, 5, tzinfo=UTC),
    datetime(2024, 2, 29, tzinfo=UTC),
    datetime(2024, 12, 31, 18, 15, tzinfo=UTC),
]


def in_zone(somebody: Person, zone: str) -> callers.Caller:
    Workspace.objects.filter(pk=somebody.workspace.pk).update(time_zone=zone)
    return callers.identify(somebody.headers)


def did(somebody: Person, *works: tuple[datetime, str, dict[str, int]]) -> list[Reservation]:
    """Work that was settled, and the rollups of it. No limit held for it, so that it has no entries."""
    made = Reservation.objects.bulk_create(
        Reservation(
            workspace=somebody.workspace,
            member=somebody.user,
            key_id=somebody.caller.key_id,
            request_id=f"req_{uuid.uuid4().hex}",
            model=model,
            plan="free",
            state="settled",
            basis="reported",
            spent=spent,
            created_at=at,
            lease_until=at,
            resolved_at=at,
        )
        for at, model, spent in works
    )
    list(rollups.rebuild(somebody.workspace.pk))
    return made


def counted(works: list[Reservation]) -> dict[str, Amount]:
    """By meter, in plain Python."""
    return {
        str(meter): Amount(sum(work.spent.get(meter, 0) for work in works), sum(meter in work.spent for work in works))
        for meter in Meter
    }


def local(work: Reservation, zone: ZoneInfo) -> datetime:
    return work.created_at.astimezone(zone)


moments = st.builds(
    lambda edge, seconds: edge + timedelta(seconds=seconds),
    st.sampled_from(EDGES),
    st.integers(-3 * 24 * 3600, 3 * 24 * 3600),
)
spendings = st.dictionaries(st.sampled_from(sorted(map(str, Meter))), st.integers(1, 2**40), max_size=3)
works_done = st.lists(st.tuples(moments, st.sampled_from(MODELS), spendings), max_size=25)


@pytest.fixture(scope="module")
def somebody(database: None) -> Person:
    return person("Alice")


@pytest.fixture(autouse=True)
def emptied(somebody: Person) -> Iterator[None]:
    yield
    forget(somebody)


def forget(somebody: Person) -> None:
    somebody.workspace.reservations.all().delete()
    somebody.workspace.rollups.all().delete()


EXAMPLES = hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@EXAMPLES
@given(works_done, st.sampled_from(ZONES), st.sampled_from([None, *MODELS]))
@example([(edge, "", {"tokens": 5}) for edge in EDGES], "America/Havana", None)
def test_days_and_months_add_up_what_was_charged_in_them(
    somebody: Person, works: list[tuple[datetime, str, dict[str, int]]], name: str, model: str | None
) -> None:
    forget(somebody)
    caller = in_zone(somebody, name)
    done = [work for work in did(somebody, *works) if model is None or work.model == model]
    days = Days(date(2024, 2, 1), date(2025, 1, 31), caller.zone)

    by_day = totals.by_day(caller.workspace_id, days, model=model)
    by_month = totals.by_month(caller.workspace_id, days, model=model)

    dates = [local(work, caller.zone).date() for work in done]
    assert by_day == [
        Total(day, counted([work for work, at in zip(done, dates, strict=True) if at == day])) for day in days
    ]
    assert [month.date for month in by_month] == [date(2024, number, 1) for number in range(2, 13)] + [date(2025, 1, 1)]
    for month in by_month:
        within = [at.replace(day=1) == month.date for at in dates]
        assert month.meters == counted([work for work, is_in in zip(done, within, strict=True) if is_in])
    assert totals.together(by_day) == totals.together(by_month) == counted(done)


@EXAMPLES
@given(works_done, st.sampled_from(ZONES))
def test_patterns_divide_what_was_charged(
    somebody: Person, works: list[tuple[datetime, str, dict[str, int]]], name: str
) -> None:
    forget(somebody)
    caller = in_zone(somebody, name)
    done = did(somebody, *works)

    found = trends.patterns(caller, Days(date(2024, 2, 1), date(2025, 1, 31), caller.zone))

    hours = [local(work, caller.zone) for work in done]
    divisions: list[tuple[list[trends.Share], list[Any]]] = [
        (found.by_model, [work.model for work in done]),
        (found.by_hour, [at.hour for at in hours]),
        (found.by_weekday, [at.isoweekday() for at in hours]),
    ]
    for divided, parts in divisions:
        for share in divided:
            assert share.meters == counted([work for work, of in zip(done, parts, strict=True) if of == share.of])
    assert [share.of for share in found.by_model] == sorted({work.model for work in done if work.spent})
    assert [share.of for share in found.by_hour] == list(range(24))
    assert [share.of for share in found.by_weekday] == list(range(1, 8))


def test_a_trend_compares_seven_whole_days_with_seven(somebody: Person) -> None:
    caller = in_zone(somebody, "Asia/Kathmandu")
    at = datetime(2026, 11, 20, 12, tzinfo=caller.zone)
    midnight = at.replace(hour=0)
    second, day = timedelta(seconds=1), timedelta(days=1)
    did(
        somebody,
        (midnight, "", {"tokens": 1}),
        (midnight - second, "", {"tokens": 20, "cost": 9}),
        (midnight - 7 * day, "small", {"tokens": 300}),
        (midnight - 7 * day - second, "", {"tokens": 4000}),
        (midnight - 14 * day, "", {"tokens": 50000}),
        (midnight - 14 * day - second, "", {"tokens": 600000}),
    )

    trend = {line.meter: line for line in trends.outlook(caller, [], at).trend}

    assert (trend["tokens"].last, trend["tokens"].before, trend["tokens"].change) == (320, 54000, -53680)
    assert trend["tokens"].percent == -99
    assert (trend["cost"].last, trend["cost"].percent) == (9, None)
    assert list(trend) == list(map(str, Meter))


@pytest.mark.parametrize(
    ("last", "before", "percent"), [(3, 2, 50), (1, 3, -67), (5, 8, -38), (0, 4, -100), (7, 7, 0), (4, 0, None)]
)
def test_a_trend_is_in_whole_percent(last: int, before: int, percent: int | None) -> None:
    assert trends.Trend("tokens", last, before).percent == percent


def limit(**change: Any) -> Limit:
    fields = {"meter": "tokens", "window": "month", "limit": 1000, "used": 700, "reserved": 0, "hard": True}
    return Limit(**{**fields, "resets_at": datetime(2026, 12, 1, tzinfo=UTC), **change})


def forecast(somebody: Person, at: datetime, *limits: Limit) -> list[datetime | None]:
    return [line.ends_at for line in trends.outlook(in_zone(somebody, "UTC"), limits, at).forecast]


def test_an_allowance_ends_when_its_rest_is_spent_at_the_pace_of_the_last_week(somebody: Person) -> None:
    at, day = datetime(2026, 11, 20, tzinfo=UTC), timedelta(days=1)
    Workspace.objects.filter(pk=somebody.workspace.pk).update(created_at=at - 100 * day)
    did(somebody, (at - 6 * day, "", {"tokens": 700}), (at - 8 * day, "", {"tokens": 10**9}))

    assert forecast(somebody, at, limit()) == [at + 3 * day]
    assert forecast(somebody, at, limit(credits=200)) == [at + 5 * day]
    assert forecast(somebody, at, limit(resets_at=at + 3 * day)) == [None]
    assert forecast(somebody, at, limit(used=1000)) == [at]
    assert forecast(somebody, at, limit(limit=10**30, resets_at=None, window="lifetime")) == [None]
    assert forecast(somebody, at, limit(meter="messages")) == [None]
    assert forecast(somebody, at, limit(hard=False), limit(holder="key")) == []


def test_the_pace_of_a_new_workspace_is_that_of_its_life(somebody: Person) -> None:
    at, day = datetime(2026, 11, 20, tzinfo=UTC), timedelta(days=1)
    Workspace.objects.filter(pk=somebody.workspace.pk).update(created_at=at - 2 * day)
    did(somebody, (at - day, "", {"tokens": 200}))

    assert forecast(somebody, at, limit()) == [at + 3 * day]


@pytest.mark.parametrize("name", ZONES)
def test_months_end_where_the_workspace_s_do(name: str) -> None:
    zone = ZoneInfo(name)
    months = whole_months(datetime(2024, 2, 29, 23, 59, 59, tzinfo=zone), 12, zone)

    assert (months.first, months.last) == (date(2023, 3, 1), date(2024, 2, 29))
    assert months.ends_at == datetime(2024, 3, 1, tzinfo=zone)
    assert until(months.last, 30, zone).first == date(2024, 1, 31)


# Rollups rebuilt


def sums(somebody: Person) -> Counter[tuple[datetime, str, str, int, int]]:
    return Counter(somebody.workspace.rollups.values_list("hour", "meter", "model", "amount", "works"))


def test_rebuilding_puts_right_what_was_damaged_and_says_what(somebody: Person) -> None:
    in_zone(somebody, "Asia/Kathmandu")
    at = now() - timedelta(days=40)
    did(somebody, (at, "small", {"tokens": 5}), (at + timedelta(days=35), "", {"requests": 1, "cost": 7}))
    whole = sums(somebody)
    somebody.workspace.rollups.filter(meter="tokens").update(amount=6)
    somebody.workspace.rollups.filter(meter="requests").update(works=2)
    somebody.workspace.rollups.filter(meter="cost").delete()
    somebody.workspace.rollups.create(hour=at, meter="messages", model="", amount=3, works=1)

    told = list(rollups.differences(somebody.workspace.pk))
    assert sums(somebody) != whole
    put_right = list(rollups.rebuild(somebody.workspace.pk))

    assert put_right == told
    assert {(line.meter, line.found, line.amount) for line in told} == {
        ("tokens", 6, 5),
        ("requests", 1, 1),
        ("cost", 0, 7),
        ("messages", 3, 0),
    }
    assert sums(somebody) == whole
    assert list(rollups.rebuild(somebody.workspace.pk)) == []


def test_after_another_time_zone_the_past_is_counted_by_the_new_clock(somebody: Person) -> None:
    in_zone(somebody, "UTC")
    at = datetime(2026, 5, 4, 18, 5, tzinfo=UTC)
    done = did(somebody, (at, "", {"tokens": 5}), (at + timedelta(minutes=20), "", {"tokens": 7}))
    caller = in_zone(somebody, "Asia/Kathmandu")
    days = Days(date(2026, 5, 4), date(2026, 5, 5), caller.zone)

    list(rollups.rebuild(somebody.workspace.pk))

    assert [local(work, caller.zone).day for work in done] == [4, 5]
    assert [day.meters["tokens"].used for day in totals.by_day(caller.workspace_id, days)] == [5, 7]
    assert len(sums(somebody)) == 2


def test_what_is_settled_while_rollups_are_rebuilt_is_counted_once(run: Run[Any], alice: Person) -> None:
    at = now() - timedelta(hours=1)
    spend(run, alice, 5, at=at)
    alice.workspace.rollups.update(amount=1)
    late = run(hold(alice, 70, at=at))

    settling = connection.copy()
    settling.set_autocommit(False)
    with closing(settling), ThreadPoolExecutor(1) as beside:
        settling.cursor().execute(statements.RESOLVE, settlement(late, 70))
        rebuilding = beside.submit(rebuilt, alice)
        eventually(lambda: is_waiting("quotas_rollup"), within=20)
        settling.commit()
        rebuilding.result()

    assert [row.amount for row in alice.workspace.rollups.all()] == [75]


def settlement(admission: metering.Admission, tokens: int) -> dict[str, Any]:
    return {
        "reservation_id": admission.reservation_id,
        "state": "settled",
        "basis": "reported",
        "meters": ["tokens"],
        "amounts": [tokens],
    }


def rebuilt(somebody: Person) -> None:
    try:
        list(rollups.rebuild(somebody.workspace.pk))
    finally:
        connection.close()


def is_waiting(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s", [f"%{table}%"]
        )
        return bool(cursor.fetchone()[0])


def test_the_command_says_what_differs_and_changes_it_only_when_asked_to(somebody: Person) -> None:
    did(somebody, (now(), "small", {"tokens": 5}))
    somebody.workspace.rollups.update(amount=6)

    told = command("--workspace", str(somebody.workspace.pk), "--dry-run")
    assert "tokens small: 6 in 1 works, not 5 in 1" in told
    assert told.endswith("1 rollups differ\n")
    assert command("--workspace", str(somebody.workspace.pk)).endswith("1 rollups put right\n")
    assert command("--workspace", str(somebody.workspace.pk)) == "0 rollups put right\n"


def command(*options: str) -> str:
    out = StringIO()
    call_command("rollup_usage", *options, stdout=out)
    return out.getvalue()


def test_work_that_came_to_nothing_after_all_is_not_counted(run: Run[Any], alice: Person) -> None:
    """It expired with a checkpoint, and then its result said that nothing was delivered."""
    admission = run(hold(alice, 9))
    run(metering.renew({admission.reservation_id: {"tokens": 4}}))
    let_lease_run_out(workspace=alice.workspace)
    sweep_reservations()

    run(metering.settle(admission.reservation_id, {"tokens": 0}, basis=Basis.DRAINED))

    [row] = alice.workspace.rollups.all()
    assert (row.amount, row.works) == (0, 0)
    assert list(rollups.differences(alice.workspace.pk)) == []
