"""An alert is raised once in its window, and told to everybody it is for."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils.timezone import now

from accounts.models import AuditEntry, Letter
from accounts.tests.factories import Person
from analytics import alerts, events, summing
from analytics.alerts import counting
from analytics.alerts.counting import Counted, Span
from analytics.alerts.raising import window_start
from analytics.events import Happened
from analytics.models import Alert, AlertRule, Event, Webhook
from analytics.moments import here
from analytics.tests.rollups import audited as audited
from analytics.tests.rollups import taken_back as taken_back
from analytics.tests.watching import staff, staff_token
from billing import revenue
from billing.models import Plan, Price, Subscription
from config.tests.product import Product
from quotas.models import Rollup

Kind, Window = AlertRule.Kind, AlertRule.Window


@pytest.fixture
def alone(database: None) -> Iterator[None]:
    """No other rule is looked at."""
    on = list(AlertRule.objects.filter(is_on=True).values_list("pk", flat=True))
    AlertRule.objects.update(is_on=False)
    yield
    AlertRule.objects.filter(pk__in=on).update(is_on=True)
    AlertRule.objects.exclude(pk__in=on).delete()


def rule(kind: AlertRule.Kind, threshold: int, window: AlertRule.Window = Window.DAY) -> AlertRule:
    return AlertRule.objects.create(name=f"{kind} {uuid.uuid4()}", kind=kind, threshold=threshold, window=window)


def spend(somebody: Person, micro_usd: int, at: datetime) -> None:
    hour = at.replace(minute=0, second=0, microsecond=0)
    Rollup.objects.create(workspace=somebody.workspace, hour=hour, meter="cost", amount=micro_usd, works=1)
    summed_up(at)


def summed_up(at: datetime) -> None:
    summing.sum_up(here(at).days(1), here(at))


def span(at: datetime, window: AlertRule.Window = Window.DAY, beyond: int = 0) -> Span:
    return Span(window, window_start(window, at), at, beyond)


def value(kind: AlertRule.Kind, somebody: Person, about: Span) -> int | None:
    found = counting.COUNTS[kind](about)
    return next((each.value for each in found if each.workspace_id == somebody.workspace.pk), None)


# What is counted


DEFAULTS = [
    ("Everybody together cost more than $50 today", "cost", 50_000_000, "day"),
    ("One workspace cost more than $50 today", "workspace_cost", 50_000_000, "day"),
    ("A customer costs more than they pay", "margin", 100, "month"),
    ("More than a tenth of the answers failed", "error_rate", 10, "hour"),
    ("A provider keeps failing", "provider", 0, "hour"),
    ("A webhook has failed for a day", "webhook", 24, "day"),
    ("More than a twentieth of the subscriptions ended today", "churn", 5, "day"),
]
NOON = datetime(2036, 2, 29, 12, 30, tzinfo=UTC)
"""When nothing else is."""


@pytest.mark.parametrize(("window", "spent"), [(Window.HOUR, 60), (Window.DAY, 63), (Window.MONTH, 78)])
def test_it_counts_what_a_workspace_and_everybody_cost(
    alice: Person, charlie: Person, window: AlertRule.Window, spent: int
) -> None:
    about, spendings = span(NOON, window), [(0, 60), (3, 3), (24 * 3, 15), (24 * 40, 40)]
    for earlier, _ in spendings:
        summed_up(NOON - timedelta(hours=earlier))  # Another test took its rollups back.
    [before] = counting.cost(about)
    for earlier, amount in spendings:
        spend(alice, amount, NOON - timedelta(hours=earlier))
    spend(charlie, 1, NOON)

    assert value(Kind.WORKSPACE_COST, alice, about) == spent
    assert value(Kind.WORKSPACE_COST, alice, span(NOON, window, beyond=spent)) is None
    [after] = counting.cost(about)
    assert after.value - before.value == spent + 1


@pytest.mark.parametrize("window", Window)
def test_it_sets_what_a_customer_costs_against_what_they_pay(
    alice: Person, charlie: Person, window: AlertRule.Window
) -> None:
    subscribe(alice, 2000, "USD")
    subscribe(charlie, 2000, "EUR")
    for somebody in (alice, charlie):
        spend(somebody, 30_000_000, NOON)

    assert value(Kind.MARGIN, alice, span(NOON, window)) == 150
    assert value(Kind.MARGIN, alice, span(NOON, window, beyond=150)) is None
    assert value(Kind.MARGIN, charlie, span(NOON, window)) is None


def subscribe(somebody: Person, amount: int, currency: str) -> Subscription:
    plan = Plan.objects.create(slug=f"own-{uuid.uuid4().hex[:12]}", name="Own", rank=200, is_offered=False)
    price = Price.objects.create(plan=plan, currency=currency, amount=amount, interval="month")
    made = Subscription.objects.create(workspace=somebody.workspace, plan=plan, price=price)
    revenue.follow([somebody.workspace.pk], at=now())
    return made


def test_it_counts_answers_that_failed_but_not_of_a_few(alice: Person) -> None:
    at = now() + timedelta(days=4000)
    about = Span(Window.HOUR, at - timedelta(minutes=1), at)
    events.tell(Happened("chat_completed", data={"chats": 15, "failed": 4}), at=at)
    assert list(counting.error_rate(about)) == []

    events.tell(Happened("chat_completed", data={"chats": 5, "failed": 1}), at=at)

    assert list(counting.error_rate(about)) == [Counted(25)]
    Event.objects.filter(created_at__gte=about.starts_at).delete()


def test_it_counts_how_often_a_provider_was_left_alone(database: None) -> None:
    at = now() + timedelta(days=4000)
    for _ in range(2):
        events.tell(Happened("provider_failing", data={"times": 2, "providers": ["groq"]}), at=at)

    assert list(counting.provider(Span(Window.HOUR, at - timedelta(minutes=1), at))) == [Counted(4, "groq")]
    Event.objects.filter(created_at__gte=at).delete()


def test_it_counts_for_how_long_a_webhook_has_failed(alice: Person) -> None:
    at = now()
    since = at - timedelta(hours=30)
    told = {"url": "https://a.example", "kinds": [], "created_at": at, "secret": ""}
    Webhook.objects.create(workspace=alice.workspace, failing_since=since, **told)

    assert value(Kind.WEBHOOK, alice, span(at)) == 30


def test_it_counts_the_subscriptions_that_ended(alice: Person, charlie: Person) -> None:
    at = now() + timedelta(days=4000)
    for somebody in (alice, charlie):
        subscribe(somebody, 2000, "USD")
    about = Span(Window.DAY, at - timedelta(hours=1), at)
    there = Subscription.objects.exclude(price=None).filter(canceled_at=None).count()
    Subscription.objects.filter(workspace=alice.workspace).update(canceled_at=at, status="canceled")

    assert list(counting.churn(about)) == [Counted(100 // there)]


def test_the_rules_that_everybody_begins_with_are_there(database: None) -> None:
    there = AlertRule.objects.filter(name__in=[name for name, *_ in DEFAULTS]).order_by("pk")

    assert list(there.values_list("name", "kind", "threshold", "window")) == DEFAULTS
    assert {kind for _, kind, _, _ in DEFAULTS} == set(Kind)


# When it is raised


def test_it_is_raised_once_in_its_window_however_many_look(alone: None, alice: Person) -> None:
    def look() -> None:
        raised.append(alerts.evaluate(at))
        connection.close()

    raised: list[int] = []
    at = now()
    spend(alice, 60_000_000, at)
    made = rule(Kind.WORKSPACE_COST, 50_000_000)
    lookers = [threading.Thread(target=look) for _ in range(4)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join()

    about_her = made.alerts.filter(workspace=alice.workspace)
    assert about_her.count() == 1
    assert sum(raised) == made.alerts.count()
    assert alerts.evaluate(at) == 0


def test_it_is_raised_anew_in_the_next_window(alone: None, alice: Person) -> None:
    at = now()
    made = rule(Kind.WORKSPACE_COST, 5_000_000)
    for day in (at, at + timedelta(days=1)):
        spend(alice, 6_000_000, day)
        alerts.evaluate(day)

    assert made.alerts.filter(workspace=alice.workspace).count() == 2


def test_it_is_not_raised_at_the_threshold_nor_where_the_rule_is_off(alone: None, alice: Person) -> None:
    at = now()
    spend(alice, 6_000_000, at)
    exact, off = rule(Kind.WORKSPACE_COST, 6_000_000), rule(Kind.WORKSPACE_COST, 1)
    AlertRule.objects.filter(pk=off.pk).update(is_on=False)

    alerts.evaluate(at)

    assert not Alert.objects.filter(rule__in=[exact, off], workspace=alice.workspace).exists()


def test_it_is_told_to_the_feed_and_to_staff(alone: None, alice: Person) -> None:
    dora = staff()
    at = now()
    spend(alice, 60_000_000, at)
    made = rule(Kind.WORKSPACE_COST, 50_000_000)

    alerts.evaluate(at)

    alert = made.alerts.get(workspace=alice.workspace)
    told = Event.objects.get(kind="alert_raised", workspace=alice.workspace)
    assert (told.data["alert"], told.data["value"]) == (alert.pk, 60_000_000)
    letter = Letter.objects.filter(kind="alert_raised", user=dora.user, context__rule=made.name).first()
    assert letter is not None
    assert not Letter.objects.filter(kind="alert_raised", user=alice.user).exists()


@pytest.mark.parametrize(
    ("window", "start"),
    [(Window.HOUR, "2027-03-31T21:00"), (Window.DAY, "2027-03-31T00:00"), (Window.MONTH, "2027-03-01T00:00")],
)
def test_its_windows_are_the_operator_s(settings: Any, window: AlertRule.Window, start: str) -> None:
    settings.STIPEND_TIME_ZONE = "America/New_York"

    found = window_start(window, datetime.fromisoformat("2027-04-01T01:30:00+00:00"))

    assert found.isoformat()[:16] == start


# Over the API


def test_staff_acknowledge_it_and_who_did_so_first_stays(product: Product, alice: Person) -> None:
    first, second = staff(), staff()
    about = {"rule": AlertRule.objects.earliest("pk"), "subject": str(uuid.uuid4()), "workspace": alice.workspace}
    alert = Alert.objects.create(**about, value=2, threshold=1, window_start=now(), created_at=now())
    path = f"/api/v1/analytics/alerts/{alert.pk}/acknowledge"

    answers = [product.http.post(path, headers=staff_token(each)).json() for each in (first, second)]

    assert {answer["acknowledged_by_id"] for answer in answers} == {str(first.user.pk)}
    assert AuditEntry.objects.get(action="alert.acknowledged", subject=f"alert:{alert.pk}").actor == first.user
    assert shown(product, f"open=true&workspace={alice.workspace.pk}") == []
    assert shown(product, f"workspace={alice.workspace.pk}") == [alert.pk]


def shown(product: Product, query: str) -> list[int]:
    answer = product.http.get(f"/api/v1/analytics/alerts?{query}", headers=staff_token(staff()))
    return [alert["id"] for alert in answer.json()["results"]]


def test_staff_alone_see_it(product: Product, alice: Person) -> None:
    assert product.http.get("/api/v1/analytics/alerts", headers=alice.session).status_code == 403
