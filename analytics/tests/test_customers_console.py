"""Customers in the console: what they pay, use and cost in the lists, and their whole story on a page."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from accounts.audit import SYSTEM
from accounts.models import User
from accounts.tests.factories import Person, person
from accounts.tests.ways_in import in_console
from analytics import events
from analytics.console.figures import Gauge, of_workspaces
from analytics.console.story import Story
from analytics.events import Happened
from analytics.models import Alert, AlertRule, CustomerMonth, Delivery, Event, Webhook
from analytics.moments import here
from assistants.models import Job, Turn
from billing import purchases
from billing.gateways.demo import DemoGateway
from billing.models import PackPurchase, Plan, Price
from conftest import Run
from quotas import grants, metering
from quotas.grants import Gift
from quotas.metering import Ask
from quotas.models import Basis, Grant, Reservation
from quotas.tests.plans import put_on_plan

WORKSPACES, PEOPLE = reverse("admin:accounts_workspace_changelist"), reverse("admin:accounts_user_changelist")
HOSTILE = '<img src=x onerror="alert(1)">'
MOST_QUERIES = 45


def staff(*rights: str, is_superuser: bool = False) -> Client:
    user = person("Staff").user
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=is_superuser)
    for right in rights:
        app, _, name = right.partition(".")
        user.user_permissions.add(Permission.objects.get(codename=name, content_type__app_label=app))
    user.refresh_from_db()
    return in_console(user)


@pytest.fixture(scope="module")
def console(database: None) -> Client:
    return staff(is_superuser=True)


def paying(who: Person, amount: int = 2900) -> Plan:
    """On a plan of their own that costs so many cents a month, with a card that is none."""
    plan = put_on_plan(who, tokens_month=1000)
    Price.objects.create(plan=plan, currency="USD", amount=amount)
    Plan.objects.filter(pk=plan.pk).update(is_offered=True)
    purchases.save_test_card(DemoGateway(), who.workspace)
    ways = {"success_url": "https://app.example/", "cancel_url": "https://app.example/"}
    purchases.subscribe(DemoGateway(), who.workspace, Plan.objects.get(pk=plan.pk), **ways, by=SYSTEM, at=now())
    Plan.objects.filter(pk=plan.pk).update(is_offered=False)
    return plan


def used(who: Person, *, tokens: int, cost: int) -> None:
    month = here(now()).months(1).first
    CustomerMonth.objects.create(workspace=who.workspace, month=month, works=1, tokens=tokens, cost=cost)


def spend(run: Run[Any], who: Person, **amounts: int) -> None:
    asks = {meter: Ask.exactly(amount) for meter, amount in amounts.items()}
    admitted = run(metering.reserve(who.caller, asks, request_id=f"req_{uuid4().hex}", at=now()))
    run(metering.settle(admitted.reservation_id, amounts, basis=Basis.REPORTED))


def busy(run: Run[Any], name: str) -> Person:
    """A customer of whom there is something to tell in every part."""
    who, at = person(name), now()
    paying(who)
    used(who, tokens=123_456, cost=4_200_000)
    spend(run, who, tokens=770)
    PackPurchase.objects.create(
        workspace=who.workspace,
        pack_id="operations-50",
        meter="operations",
        amount=50,
        price=300,
        currency="USD",
        gateway="demo",
        state="paid",
        created_at=at,
        paid_at=at,
    )
    grants.give(who.workspace.pk, Gift("tokens", 5, Grant.Source.GOODWILL, reason=HOSTILE), by=SYSTEM, at=at)
    whose = {"workspace": who.workspace, "user": who.user, "leased_until": at, "created_at": at}
    Job.objects.create(kind="strategy", crew="strategy", title=HOSTILE, brief={"secret": "of theirs"}, **whose)
    events.tell(Happened("user_signup", who.workspace.pk, who.user.pk, {"way": HOSTILE}), at=at)
    Alert.objects.create(
        rule=AlertRule.objects.earliest("pk"),
        subject=uuid4().hex,
        workspace=who.workspace,
        window_start=at,
        created_at=at,
        value=71,
        threshold=70,
    )
    return who


def read(console: Client, address: str, **asked: Any) -> str:
    answer = console.get(address, asked)
    assert answer.status_code == 200
    return answer.content.decode()


def story_of(who: Person) -> str:
    return reverse("admin:accounts_workspace_change", args=[who.workspace.pk])


# The story


def test_a_workspace_s_page_tells_all_that_an_operator_asks(run: Run[Any], console: Client) -> None:
    alice = busy(run, "Alice")

    told = read(console, story_of(alice))

    for words in ("$29.00", "123,456", "$4.20", "770 of 1,000 used", "operations", "strategy, strategy", "71"):
        assert words in told
    for words in (alice.user.email, "Credits", "User Signup", "credit.given"):
        assert words in told
    for model in ("billing/invoice", "assistants/turn", "analytics/event", "accounts/auditentry"):
        assert f"/admin/{model}/?workspace={alice.workspace.pk}" in told


def test_what_people_say_and_what_is_hostile_is_no_part_of_it(run: Run[Any], console: Client) -> None:
    told = read(console, story_of(busy(run, HOSTILE)))

    assert HOSTILE not in told
    assert "of theirs" not in told


def test_it_takes_as_many_queries_however_much_there_is(run: Run[Any], console: Client) -> None:
    alice = busy(run, "Alice")
    with CaptureQueriesContext(connection) as once:
        read(console, story_of(alice))
    for _ in range(8):
        events.tell(Happened("user_signup", alice.workspace.pk, alice.user.pk, {}), at=now())
        gift = Gift("tokens", 5, Grant.Source.GOODWILL)
        grants.give(alice.workspace.pk, gift, by=SYSTEM, at=now())

    with CaptureQueriesContext(connection) as again:
        read(console, story_of(alice))

    assert len(again) == len(once) <= MOST_QUERIES


def test_what_somebody_may_not_see_is_no_part_of_their_story(run: Run[Any], database: None) -> None:
    alice = busy(run, "Alice")

    told = read(staff("accounts.view_workspace"), story_of(alice))

    assert alice.workspace.name in told
    for words in ("Invoices", "Model calls", "Audit log</h2>", "of 1,000 used", "credit.given"):
        assert words not in told


def test_a_link_to_all_of_its_rows_shows_its_own_alone(run: Run[Any], console: Client) -> None:
    alice, charlie = busy(run, "Alice"), busy(run, "Charlie")

    pages = ["analytics_event", "accounts_auditentry", "billing_packpurchase", "billing_invoice", "assistants_job"]
    for page in [*pages, "quotas_decision", "quotas_reservation", "quotas_grant", "quotas_bucket"]:
        rows = console.get(reverse(f"admin:{page}_changelist"), {"workspace": str(alice.workspace.pk)})
        shown = {row.workspace_id for row in rows.context["cl"].result_list}
        assert shown == {alice.workspace.pk} != {charlie.workspace.pk}


def test_a_person_s_page_leads_to_their_workspaces(console: Client, alice: Person) -> None:
    told = read(console, reverse("admin:accounts_user_change", args=[alice.user.pk]))

    assert f'href="{story_of(alice)}"' in told


@pytest.mark.parametrize("pk", ["no-id", str(UUID(int=0))])
def test_of_nobody_there_is_no_story(console: Client, pk: str) -> None:
    answer = console.get(reverse("admin:accounts_workspace_change", args=[pk]))

    assert answer.status_code == 302


def test_what_was_paid_in_all_is_by_currency(run: Run[Any], database: None) -> None:
    alice = busy(run, "Alice")

    [paid] = Story(alice.workspace, here(now())).paid

    assert (paid.currency, paid.amount) == ("USD", 2900 + 300)


# The lists


def test_a_list_shows_what_a_workspace_pays_uses_and_costs(run: Run[Any], console: Client) -> None:
    alice = busy(run, "Alice")

    told = read(console, WORKSPACES, q=str(alice.workspace.pk))

    for words in ("$29.00", "123,456", "$4.20", "77 % of tokens-month", alice.user.email):
        assert words in told


@pytest.mark.parametrize("page", [WORKSPACES, PEOPLE])
def test_a_page_of_many_takes_as_many_queries_as_one_of_few(console: Client, page: str) -> None:
    name = f"named {uuid4().hex}"
    asked = {"q": name}
    used(person(name), tokens=1, cost=1)
    with CaptureQueriesContext(connection) as few:
        read(console, page, **asked)
    for _ in range(6):
        used(person(name), tokens=1, cost=1)

    with CaptureQueriesContext(connection) as many:
        told = read(console, page, **asked)

    assert len(many) == len(few)
    assert told.count(f">{name}<") >= 7


@pytest.mark.parametrize("page", [WORKSPACES, PEOPLE])
def test_customers_are_found_by_plan_and_by_whether_they_pay(console: Client, page: str) -> None:
    name = f"named {uuid4().hex}"
    alice, charlie = person(name), person(name)
    plan = paying(alice)

    def found(**asked: str) -> set[Any]:
        return {row.pk for row in console.get(page, {"q": name, **asked}).context["cl"].result_list}

    hers, his = ({who.workspace.pk, who.user.pk} for who in (alice, charlie))
    for asked, whom in (
        ({"tier": plan.slug}, hers),
        ({"paying": "yes"}, hers),
        ({"tier": "free"}, his),
        ({"paying": "no"}, his),
        ({"paying": "past_due"}, set()),
    ):
        assert found(**asked) == whom & found()


def test_a_hostile_name_stays_a_name(console: Client) -> None:
    alice = person(HOSTILE)

    for page in (WORKSPACES, PEOPLE):
        assert HOSTILE not in read(console, page, q=alice.user.email)


def test_other_lists_speak_of_money_and_tokens_as_people_do(run: Run[Any], console: Client) -> None:
    alice, at = busy(run, "Alice"), now()
    work = Reservation.objects.filter(workspace=alice.workspace).latest("created_at")
    counted = [field.name for field in Turn._meta.fields if field.name.endswith("_tokens")]
    told = {"road": "messages", "model": "m", "provider": "p", "outcome": "completed", "duration_ms": 1, "cost": 5_200}
    told |= {"reservation": work, "request_id": work.request_id, "workspace": alice.workspace, "created_at": at}
    Turn.objects.create(**told, **dict.fromkeys(counted, 1_000))
    hook = Webhook.objects.create(workspace=alice.workspace, url="https://example.com/", kinds=[], created_at=at)
    event = Event.objects.filter(workspace=alice.workspace).latest("pk")
    Delivery.objects.create(webhook=hook, event=event, created_at=at, delivered_at=at)

    def listed(page: str, **asked: str) -> str:
        return read(console, reverse(f"admin:{page}_changelist"), **asked)

    of_hers = {"workspace": str(alice.workspace.pk)}
    calls = listed("assistants_turn", **of_hers)
    assert "$0.0052" in calls
    assert "4000" in calls
    assert "$29.00" in listed("billing_subscription", **of_hers)
    assert "https://example.com/" in listed("analytics_webhook", **of_hers)
    assert "https://example.com/" in listed("analytics_delivery", webhook=str(hook.pk))
    Delivery.objects.filter(webhook=hook).delete()


def test_the_tightest_of_several_limits_is_told(run: Run[Any], alice: Person) -> None:
    put_on_plan(alice, tokens_day=100, operations_day=100, tokens_month=1000)
    spend(run, alice, tokens=10, operations=90)

    found = of_workspaces([alice.workspace.pk], here(now()))

    assert found[alice.workspace.pk].tightest == Gauge("operations-day", 90, 100)
