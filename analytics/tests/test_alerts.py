"""An alert is raised once in its window, and told to everybody it is for."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils.timezone import now

from accounts.models import AuditEntry, Letter
from accounts.tests.factories import Person
from analytics import alerts, events
from analytics.alerts import counting
from analytics.alerts.counting import Counted, Span
from analytics.alerts.raising import window_start
from analytics.events import Happened
from analytics.models import Alert, AlertRule, Event, Webhook
from analytics.tests.watching import staff, staff_token
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


def value(kind: AlertRule.Kind, somebody: Person, at: datetime, since: datetime | None = None) -> int | None:
    span = Span(since or at - timedelta(hours=1), at)
    found = counting.COUNTS[kind](span)
    return next((each.value for each in found if each.workspace_id == somebody.workspace.pk), None)


# What is counted


def test_it_counts_what_a_workspace_and_everybody_cost(alice: Person, charlie: Person) -> None:
    at = now()
    before = next(iter(counting.cost(Span(at - timedelta(hours=1), at)))).value
    spend(alice, 60_000_000, at)
    spend(alice, 40_000_000, at - timedelta(days=2))
    spend(charlie, 1_000_000, at)

    assert value(Kind.WORKSPACE_COST, alice, at) == 60_000_000
    assert next(iter(counting.cost(Span(at - timedelta(hours=1), at)))).value - before == 61_000_000


def test_it_sets_what_a_customer_costs_against_what_they_pay(alice: Person, charlie: Person) -> None:
    at = now()
    subscribe(alice, 2000, "USD")
    subscribe(charlie, 2000, "EUR")
    for somebody in (alice, charlie):
        spend(somebody, 30_000_000, at)

    assert value(Kind.MARGIN, alice, at) == 150
    assert value(Kind.MARGIN, charlie, at) is None


def subscribe(somebody: Person, amount: int, currency: str) -> Subscription:
    plan = Plan.objects.create(slug=f"own-{uuid.uuid4().hex[:12]}", name="Own", rank=200, is_offered=False)
    price = Price.objects.create(plan=plan, currency=currency, amount=amount, interval="month")
    return Subscription.objects.create(workspace=somebody.workspace, plan=plan, price=price)


def test_it_counts_answers_that_failed_but_not_of_a_few(alice: Person) -> None:
    at = now() + timedelta(days=4000)
    about = Span(at - timedelta(minutes=1), at)
    events.tell(Happened("chat_completed", data={"chats": 15, "failed": 4}), at=at)
    assert list(counting.error_rate(about)) == []

    events.tell(Happened("chat_completed", data={"chats": 5, "failed": 1}), at=at)

    assert list(counting.error_rate(about)) == [Counted(25)]
    Event.objects.filter(created_at__gte=about.starts_at).delete()


def test_it_counts_how_often_a_provider_was_left_alone(database: None) -> None:
    at = now() + timedelta(days=4000)
    for _ in range(2):
        events.tell(Happened("provider_failing", data={"times": 2, "providers": ["groq"]}), at=at)

    assert list(counting.provider(Span(at - timedelta(minutes=1), at))) == [Counted(4, "groq")]
    Event.objects.filter(created_at__gte=at).delete()


def test_it_counts_for_how_long_a_webhook_has_failed(alice: Person) -> None:
    at = now()
    since = at - timedelta(hours=30)
    told = {"url": "https://a.example", "kinds": [], "created_at": at, "secret": ""}
    Webhook.objects.create(workspace=alice.workspace, failing_since=since, **told)

    assert value(Kind.WEBHOOK, alice, at) == 30


def test_it_counts_the_subscriptions_that_ended(alice: Person, charlie: Person) -> None:
    at = now() + timedelta(days=4000)
    for somebody in (alice, charlie):
        subscribe(somebody, 2000, "USD")
    span = Span(at - timedelta(hours=1), at)
    there = Subscription.objects.exclude(price=None).filter(canceled_at=None).count()
    Subscription.objects.filter(workspace=alice.workspace).update(canceled_at=at, status="canceled")

    assert list(counting.churn(span)) == [Counted(100 // there)]


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
