"""The edges of days and months, in the zones where they are hard."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.meters import Window
from quotas.periods import Period, day_at, midnight, month_at, period_at, periods_at

MILLISECOND = timedelta(milliseconds=1)
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
CAIRO = ZoneInfo("Africa/Cairo")
HAVANA = ZoneInfo("America/Havana")
NUUK = ZoneInfo("America/Nuuk")
APIA = ZoneInfo("Pacific/Apia")
ZONES = st.sampled_from(sorted(available_timezones() - {"localtime"})).map(ZoneInfo)
MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2045, 12, 31), timezones=st.just(UTC))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def edges(period: Period) -> tuple[datetime, datetime]:
    return period.starts_at, period.ends_at


# ---- days


def test_a_day_in_utc_is_the_date() -> None:
    assert edges(day_at(utc("2026-11-22T13:00"), ZoneInfo("UTC"))) == (utc("2026-11-22"), utc("2026-11-23"))


def test_a_day_begins_at_the_zones_own_midnight() -> None:
    assert edges(day_at(utc("2026-11-22T19:00"), KATHMANDU)) == (utc("2026-11-22T18:15"), utc("2026-11-23T18:15"))


def test_what_is_computed_is_in_utc() -> None:
    assert day_at(utc("2026-11-22T13:00"), BERLIN).starts_at.tzinfo is UTC


def test_a_moment_may_come_in_any_zone() -> None:
    at = utc("2026-11-22T23:30")

    assert day_at(at.astimezone(KATHMANDU), BERLIN) == day_at(at, BERLIN)


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, KATHMANDU, CAIRO, HAVANA, NUUK], ids=str)
def test_a_millisecond_before_midnight_is_still_today(zone: ZoneInfo) -> None:
    today = day_at(utc("2026-06-15T12:00"), zone)

    assert day_at(today.ends_at - MILLISECOND, zone) == today


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, KATHMANDU, CAIRO, HAVANA, NUUK], ids=str)
def test_midnight_itself_belongs_to_the_next_day(zone: ZoneInfo) -> None:
    today = day_at(utc("2026-06-15T12:00"), zone)

    for moment in (today.ends_at, today.ends_at + MILLISECOND):
        assert day_at(moment, zone).starts_at == today.ends_at


# ---- clocks that change


@pytest.mark.parametrize(
    ("at", "zone", "hours"),
    [
        ("2026-03-29T12:00", BERLIN, 23),
        ("2026-10-25T12:00", BERLIN, 25),
        ("2026-03-08T12:00", NEW_YORK, 23),
        ("2026-11-01T12:00", NEW_YORK, 25),
    ],
)
def test_the_day_clocks_change_is_an_hour_shorter_or_longer(at: str, zone: ZoneInfo, hours: int) -> None:
    day = day_at(utc(at), zone)

    assert day.ends_at - day.starts_at == timedelta(hours=hours)


def test_a_day_whose_midnight_is_skipped_begins_when_clocks_skip() -> None:
    skipped = day_at(utc("2026-04-24T12:00"), CAIRO)

    assert skipped.starts_at == utc("2026-04-23T22:00")
    assert skipped.starts_at.astimezone(CAIRO).isoformat() == "2026-04-24T01:00:00+03:00"
    assert day_at(skipped.starts_at - MILLISECOND, CAIRO).ends_at == skipped.starts_at


def test_a_midnight_that_comes_twice_begins_the_day_the_first_time() -> None:
    twice = day_at(utc("2026-11-01T12:00"), HAVANA)

    assert twice.starts_at == utc("2026-11-01T04:00")
    assert day_at(utc("2026-11-01T05:00"), HAVANA) == twice


def test_an_hour_before_midnight_that_comes_twice_is_in_the_same_day() -> None:
    first, second = utc("2026-10-25T00:30"), utc("2026-10-25T01:30")

    assert first.astimezone(NUUK).hour == second.astimezone(NUUK).hour == 23
    assert day_at(first, NUUK) == day_at(second, NUUK)


def test_a_day_that_a_zone_skipped_has_no_window() -> None:
    before = day_at(utc("2011-12-30T09:00"), APIA)

    assert before.starts_at.astimezone(APIA).day == 29
    assert before.ends_at.astimezone(APIA).day == 31
    assert day_at(before.ends_at, APIA).starts_at == before.ends_at


# ---- months


def test_a_month_in_utc_is_the_months_days() -> None:
    assert edges(month_at(utc("2026-02-14T13:00"), ZoneInfo("UTC"))) == (utc("2026-02-01"), utc("2026-03-01"))


@pytest.mark.parametrize("at", ["2026-01-31T23:59:59.999", "2026-12-31T12:00", "2028-02-29T12:00", "2026-03-31T00:00"])
def test_the_last_day_of_a_month_is_in_it(at: str) -> None:
    month = month_at(utc(at), ZoneInfo("UTC"))

    assert month.starts_at.month == utc(at).month
    assert month.ends_at.day == 1


def test_a_leap_years_february_has_29_days() -> None:
    month = month_at(utc("2028-02-29T23:59:59.999"), ZoneInfo("UTC"))

    assert month.ends_at - month.starts_at == timedelta(days=29)


def test_december_is_followed_by_january() -> None:
    assert month_at(utc("2026-12-31T23:30"), BERLIN).starts_at == midnight(utc("2027-01-01").date(), BERLIN)


def test_a_month_begins_at_the_zones_own_midnight() -> None:
    assert edges(month_at(utc("2026-03-15"), BERLIN)) == (utc("2026-02-28T23:00"), utc("2026-03-31T22:00"))


def test_a_millisecond_decides_which_month_it_is() -> None:
    march = month_at(utc("2026-03-15"), BERLIN)

    assert month_at(march.ends_at - MILLISECOND, BERLIN) == march
    assert month_at(march.ends_at, BERLIN).starts_at == march.ends_at


# ---- months from a day on


def test_a_period_begins_on_the_day_the_workspace_was_made() -> None:
    period = period_at(utc("2026-03-14"), utc("2026-01-15T20:00"), ZoneInfo("UTC"))

    assert edges(period) == (utc("2026-02-15"), utc("2026-03-15"))


def test_the_first_period_begins_at_its_midnight() -> None:
    since = utc("2026-01-15T20:00")

    assert edges(period_at(since, since, ZoneInfo("UTC"))) == (utc("2026-01-15"), utc("2026-02-15"))


@pytest.mark.parametrize(
    ("at", "starts", "ends"),
    [
        ("2026-02-27", "2026-01-31", "2026-02-28"),
        ("2026-02-28", "2026-02-28", "2026-03-31"),
        ("2028-02-28", "2028-01-31", "2028-02-29"),
        ("2028-02-29", "2028-02-29", "2028-03-31"),
        ("2026-04-30", "2026-04-30", "2026-05-31"),
    ],
)
def test_from_the_31st_it_is_the_last_of_a_short_month_and_the_31st_again(at: str, starts: str, ends: str) -> None:
    period = period_at(utc(at), utc("2025-12-31T10:00"), ZoneInfo("UTC"))

    assert edges(period) == (utc(starts), utc(ends))


@given(MOMENTS, MOMENTS, ZONES)
def test_periods_follow_each_other_without_a_gap(at: datetime, since: datetime, zone: ZoneInfo) -> None:
    period = period_at(at, since, zone)

    assert period_at(period.ends_at, since, zone).starts_at == period.ends_at
    assert period_at(period.ends_at - MILLISECOND, since, zone) == period


# ---- what holds everywhere


def test_one_window_of_each_kind_has_started() -> None:
    opened = periods_at(utc("2026-11-22"), BERLIN, since=utc("2026-01-31"))

    assert [period.window for period in opened] == list(Window)


@given(MOMENTS, MOMENTS, ZONES)
def test_a_moment_is_in_its_windows(at: datetime, since: datetime, zone: ZoneInfo) -> None:
    for period in periods_at(at, zone, since=since):
        assert period.starts_at <= at < period.ends_at


@given(MOMENTS, ZONES)
def test_windows_tile_time(at: datetime, zone: ZoneInfo) -> None:
    for window_at in (day_at, month_at):
        period = window_at(at, zone)

        assert window_at(period.ends_at, zone).starts_at == period.ends_at
        assert window_at(period.starts_at - MILLISECOND, zone).ends_at == period.starts_at


@given(MOMENTS, ZONES)
def test_every_moment_of_a_window_finds_the_same_window(at: datetime, zone: ZoneInfo) -> None:
    for window_at in (day_at, month_at):
        period = window_at(at, zone)

        assert window_at(period.starts_at, zone) == window_at(period.ends_at - MILLISECOND, zone) == period
