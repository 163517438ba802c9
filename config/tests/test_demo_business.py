"""A business that never was, as `create_demo_data` plays it. It is undone after each look at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import mean
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from accounts.models import Letter, User
from accounts.tests.factories import Person
from analytics import kpis, margins, usage
from analytics.kpis import Churn
from analytics.models import Event
from analytics.moments import Moment, here
from assistants.models import Turn
from billing.models import Invoice, PackPurchase
from config.demo import people, story
from config.demo.story import Made
from quotas.audit import audit_ledger
from quotas.models import Decision, Entry

# A Thursday, later than anything that other tests leave behind.
AT = datetime(2031, 11, 20, 16, tzinfo=UTC)
SEED = 1


@dataclass(frozen=True)
class Business:
    """What can be told of it without ids, which are made anew each time."""

    made: Made
    mrr: list[int]
    churned: list[Churn]
    revenue: list[int]
    sign_ups: list[int]
    tokens: dict[date, int]
    models: list[str]
    plans: set[str]
    industries: set[str]
    countries: set[str]
    kinds: set[str]
    dearest: int
    moments: set[datetime]
    letters: int
    broken: list[str]


def play(workspaces: int, months: int, seed: int = SEED) -> Business:
    with transaction.atomic():
        before = Letter.objects.count()
        made = story.make(workspaces=workspaces, months=months, seed=seed, at=AT)
        moment = here(AT)
        told = _told(made, moment, months, Letter.objects.count() - before)
        transaction.set_rollback(True)
    return told


def _told(made: Made, moment: Moment, months: int, letters: int) -> Business:
    ours = {"workspace__email__endswith": f"@{people.DOMAIN}"}
    used = usage.usage(moment.days(months * 30))
    return Business(
        made=made,
        mrr=[*[sum(money.amount for money in start.mrr) for start in kpis.mrr_trend(moment)][-months:], _mrr(moment)],
        churned=[kpis.churn(Moment(month_end(back), moment.zone, moment.gateway)) for back in range(months)],
        revenue=[sum(money.amount for money in day.revenue) for day in kpis.revenue_trend(moment)],
        sign_ups=[day.users for day in kpis.user_growth(moment)],
        tokens={day.day: day.tokens for day in used.by_day},
        models=[row["name"] for row in used.by_model],
        plans={row["name"] for row in used.by_plan},
        industries={group.name for group in kpis.by_industry(moment)},
        countries={group.name for group in kpis.by_country(moment)},
        kinds={row["name"] for row in used.by_kind},
        dearest=margins.by_model(moment.months(1), moment)[0].cost,
        moments={
            *Entry.objects.filter(**{f"bucket__{k}": v for k, v in ours.items()}).values_list("created_at", flat=True)
        }
        | {*Decision.objects.filter(**ours).values_list("created_at", flat=True)}
        | {*Turn.objects.filter(**ours).values_list("created_at", flat=True)}
        | {*Invoice.objects.filter(**ours).values_list("created_at", flat=True)}
        | {*User.objects.filter(email__endswith=f"@{people.DOMAIN}").values_list("created_at", flat=True)},
        letters=letters,
        broken=[str(line) for line in audit_ledger()],
    )


def _mrr(moment: Moment) -> int:
    return sum(money.amount for money in kpis.mrr(moment))


def month_end(back: int) -> datetime:
    first = AT.replace(day=1, hour=0)
    for _ in range(back):
        first = (first - timedelta(days=1)).replace(day=1)
    return first - timedelta(seconds=1) if back else AT


@pytest.fixture(scope="module")
def business(database: None) -> Business:
    return play(14, 2)


def test_its_ledger_is_whole(business: Business) -> None:
    assert business.made.calls > 40
    assert business.broken == []


def test_it_happened_when_it_is_said_to_have(business: Business) -> None:
    assert min(business.moments) < AT - timedelta(days=50)
    assert max(business.moments) <= AT


def test_the_same_seed_makes_the_same_business(business: Business) -> None:
    again = play(14, 2)

    assert again == business


def test_another_seed_makes_another_cast() -> None:
    one, other = (people.cast(20, seed, first=AT.date() - timedelta(days=60), last=AT.date()) for seed in (1, 2))

    assert [person.email for person in one] != [person.email for person in other]


def test_its_charts_have_a_shape(business: Business) -> None:
    assert len(set(business.mrr)) == len(business.mrr)
    assert sum(business.revenue) > 0
    assert sum(business.sign_ups) > 3
    assert len(business.models) > 2
    assert len(business.plans) > 2
    assert {"conversation", "messages"} < business.kinds
    assert len(business.industries & set(people.TRADES)) > 2
    assert len(business.countries & set(people.PLACES)) > 1
    assert business.dearest > 0
    assert business.made.refused > 0


def test_it_rests_at_weekends(business: Business) -> None:
    weekend = [tokens for day, tokens in business.tokens.items() if day.weekday() > 4]
    others = [tokens for day, tokens in business.tokens.items() if day.weekday() <= 4]

    assert 0 < mean(weekend) < 0.75 * mean(others)


def test_nobody_is_written_to(business: Business) -> None:
    assert business.letters == 0


@pytest.mark.slow
def test_in_a_year_customers_come_pay_fail_recover_and_leave(database: None) -> None:
    business = play(60, 12)

    rises = [later > earlier for earlier, later in zip(business.mrr, business.mrr[1:], strict=False)]
    assert {True, False} <= set(rises)
    assert business.mrr[-1] > business.mrr[3]
    assert sum(churn.cancelled for churn in business.churned) > 1
    assert business.made.packs > 0
    assert {"strategy", "operation"} < business.kinds
    assert business.broken == []


def command(**options: Any) -> None:
    call_command("create_demo_data", verbosity=0, **options)


def test_where_somebody_signed_up_it_is_refused(alice: Person) -> None:
    with pytest.raises(CommandError, match="--force"):
        command(workspaces=1, months=1)


def test_where_money_is_real_it_is_refused(database: None, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_nothing"

    with pytest.raises(CommandError, match="money is real"):
        command(workspaces=1, months=1, force=True)


def test_a_second_one_is_refused(database: None) -> None:
    with transaction.atomic():
        story.make(workspaces=1, months=1, seed=SEED, at=AT)
        with pytest.raises(CommandError, match="already"):
            command(workspaces=1, months=1, force=True)
        transaction.set_rollback(True)


def test_a_dry_run_makes_nothing(database: None, capsys: pytest.CaptureFixture[str]) -> None:
    before = User.objects.count(), Event.objects.count(), PackPurchase.objects.count()

    call_command("create_demo_data", workspaces=2, months=1, force=True, dry_run=True)

    assert "2 people" in capsys.readouterr().out
    assert (User.objects.count(), Event.objects.count(), PackPurchase.objects.count()) == before
    with connection.cursor() as cursor:
        cursor.execute("SELECT now() > '2020-01-01' AND to_regnamespace('stipend_played') IS NULL")
        assert cursor.fetchone() == (True,)
