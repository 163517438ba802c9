"""What is used is forgotten: by command, by staff over the API and in the console; and windows begin without use."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from accounts import tokens
from accounts.audit import Actor
from accounts.models import AuditEntry, User, Workspace
from accounts.tests.factories import Person, person
from accounts.tests.teams import team
from accounts.tests.ways_in import in_console
from billing import subscriptions
from billing.models import Plan, PlanLimit
from config.tests.product import Product
from conftest import Run
from quotas import following, metering, resets, tasks, windows
from quotas.metering import Ask
from quotas.models import Basis, Bucket, Entry, Grant
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, hold, request_id, reservation, spend

ROLLING = "rolling-1000"


@pytest.fixture(scope="module", autouse=True)
def plan(database: None) -> Plan:
    """1,000 tokens a day, of which 400 roll over, and 5 requests a month."""
    made = Plan.objects.create(slug=ROLLING, name="Rolling", rank=90, is_offered=False)
    PlanLimit.objects.create(plan=made, meter="tokens", window="day", limit=1_000, rolls_over=400)
    PlanLimit.objects.create(plan=made, meter="requests", window="month", limit=5)
    return made


@pytest.fixture
def rolling(alice: Person) -> Person:
    subscriptions.put_on_plan(alice.workspace, ROLLING, at=now())
    return alice


def use(run: Run[Any], somebody: Person, *, at: datetime | None = None) -> None:
    """300 tokens and a request."""
    spent = {"tokens": 300, "requests": 1}
    asks = {meter: Ask.exactly(amount) for meter, amount in spent.items()}
    admitted = run(metering.reserve(somebody.caller, asks, request_id=request_id(), at=at or now()))
    run(metering.settle(admitted.reservation_id, spent, basis=Basis.REPORTED))


def used(somebody: Person) -> dict[str, int]:
    return {f"{one.meter}-{one.window}": one.used for one in Bucket.objects.filter(workspace=somebody.workspace)}


def said(somebody: Person) -> list[tuple[str, int, str, str]]:
    found = Entry.objects.filter(bucket__workspace=somebody.workspace, kind="reset").order_by("bucket__meter")
    return list(found.values_list("bucket__meter", "amount", "actor", "reason"))


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("reset_quotas", *arguments, stdout=out)
    return out.getvalue()


# The verb


def test_what_work_under_way_holds_stays_and_is_charged(run: Run[Any], alice: Person) -> None:
    spend(run, alice, 700)
    pending = run(hold(alice, 200))

    resets.reset(alice.workspace.pk, by=Actor(alice.user.pk), reason="Our outage", at=now())

    assert (bucket(alice).used, bucket(alice).reserved) == (0, 200)
    run(metering.settle(pending.reservation_id, {"tokens": 150}, basis=Basis.REPORTED))
    assert (bucket(alice).used, bucket(alice).reserved) == (150, 0)
    assert reservation(pending).state == "settled"
    assert said(alice) == [("tokens", -700, f"user:{alice.user.pk}", "Our outage")]


def test_after_a_change_of_plan_the_rest_is_not_had_twice(run: Run[Any], alice: Person) -> None:
    spend(run, alice, 9_000)
    subscriptions.put_on_plan(alice.workspace, "starter", at=now())

    resets.reset(alice.workspace.pk, by=Actor(), reason="Our outage", at=now())

    assert bucket(alice).carried == 1_000


def test_twice_says_it_once(run: Run[Any], alice: Person) -> None:
    spend(run, alice, 10)

    done = [resets.reset(alice.workspace.pk, by=Actor(), reason="Why", at=now()) for _ in range(2)]

    assert [len(one) for one in done] == [1, 0]
    assert AuditEntry.objects.filter(action="usage.reset", workspace=alice.workspace).count() == 1


# The command


def test_a_dry_run_says_all_and_writes_nothing(run: Run[Any], rolling: Person) -> None:
    use(run, rolling)
    before = (used(rolling), Entry.objects.count(), AuditEntry.objects.count(), Bucket.objects.count())

    one = command("--workspace", rolling.user.email, "--reason", "Why", "--dry-run")
    every = command("--all", "--reason", "Why", "--dry-run")

    for told in (one, every):
        assert f"({rolling.workspace.pk}): 1 of requests-month, 300 of tokens-day\n" in told
        assert "nothing was changed" in told
    assert before == (used(rolling), Entry.objects.count(), AuditEntry.objects.count(), Bucket.objects.count())


def test_a_plan_is_reset_and_no_other(run: Run[Any], rolling: Person, charlie: Person) -> None:
    use(run, rolling)
    use(run, charlie)

    assert f"({rolling.workspace.pk}): 1 of requests-month" in command("--plan", ROLLING, "--reason", " Our outage ")

    assert set(used(rolling).values()) == {0}
    assert used(charlie)["tokens-day"] == 300
    assert said(rolling) == [("requests", -1, "system", "Our outage"), ("tokens", -300, "system", "Our outage")]


def test_one_meter_or_one_window_alone(run: Run[Any], rolling: Person) -> None:
    use(run, rolling)

    command("--workspace", str(rolling.workspace.pk), "--reason", "Why", "--meter", "tokens", "--window", "month")
    assert said(rolling) == []

    command("--workspace", str(rolling.workspace.pk), "--reason", "Why", "--meter", "tokens")
    assert used(rolling) == {"tokens-day": 0, "requests-month": 1}


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        (["--all"], "reason"),
        (["--all", "--reason", " "], "empty"),
        (["--all", "--reason", "x" * 201], "200"),
        (["--reason", "Why"], "required"),
        (["--all", "--plan", "free", "--reason", "Why"], "not allowed"),
        (["--workspace", "nobody@example.com", "--reason", "Why"], "no workspace"),
        (["--workspace", str(uuid.uuid4()), "--reason", "Why"], "no workspace"),
        (["--workspace", "me", "--reason", "Why"], "neither"),
        (["--plan", "none", "--reason", "Why"], "none"),
        (["--all", "--reason", "Why", "--meter", "apples"], "apples"),
    ],
)
def test_what_it_cannot_do_it_refuses(database: None, asked: list[str], wrong: str) -> None:
    with pytest.raises(CommandError, match=wrong):
        command(*asked)


# Staff, over the API


@pytest.fixture(scope="module")
def staff(database: None) -> User:
    user = person("Staff").user
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    user.refresh_from_db()
    return user


def ask(product: Product, staff: User, somebody: Person, **body: Any) -> Any:
    headers = {"authorization": f"Bearer {tokens.begin_staff(staff)}"}
    path = f"/api/v1/analytics/users/{somebody.user.pk}/reset-usage"
    return product.http.post(path, json=body, headers=headers)


def test_staff_reset_a_person_s_own_workspace(product: Product, run: Run[Any], staff: User, rolling: Person) -> None:
    use(run, rolling)

    answer = ask(product, staff, rolling, reason="Our outage", meters=["tokens"])

    forgotten = [{"meter": "tokens", "window": "day", "amount": 300}]
    assert answer.json() == {"workspace": str(rolling.workspace.pk), "reset": forgotten}
    assert said(rolling) == [("tokens", -300, f"user:{staff.pk}", "Our outage")]
    line = AuditEntry.objects.get(action="usage.reset", workspace=rolling.workspace)
    assert (line.actor, line.after) == (staff, {"forgotten": {"tokens-day": 300}, "reason": "Our outage"})
    assert line.request_id == answer.headers["x-request-id"]


def test_a_workspace_is_named_to_which_they_belong(product: Product, staff: User, charlie: Person) -> None:
    ours = team()

    assert ask(product, staff, ours.bob, reason="Why", workspace=str(ours.workspace.pk)).status_code == 200
    assert ask(product, staff, charlie, reason="Why", workspace=str(ours.workspace.pk)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"reason": " "}, {"reason": "x" * 201}, {"reason": "y", "meters": []}, {"reason": "y", "windows": ["year"]}],
)
def test_a_reset_without_a_reason_or_of_nothing_is_refused(
    product: Product, staff: User, alice: Person, body: dict[str, Any]
) -> None:
    assert ask(product, staff, alice, **body).status_code == 400


# Staff, in the console


def act(console: Client, row: User | Workspace, **more: Any) -> str:
    chosen = {"action": "reset_usage", "_selected_action": [str(row.pk)], **more}
    path = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_changelist")
    return console.post(path, chosen, follow=True).content.decode()


@pytest.mark.parametrize("of", ["user", "workspace"])
def test_the_console_asks_why_first(run: Run[Any], staff: User, rolling: Person, of: str) -> None:
    use(run, rolling)
    console, row = in_console(staff), getattr(rolling, of)

    asked = act(console, row)
    refused = act(console, row, sure="yes", reason="", meters=["tokens"], windows=["day"])
    assert "Reset what is used?" in asked
    assert "This field is required" in refused
    assert said(rolling) == []

    told = act(console, row, sure="yes", reason="Our outage", meters=["tokens"], windows=["day"])

    assert "1 reset." in told
    assert said(rolling) == [("tokens", -300, f"user:{staff.pk}", "Our outage")]


def test_who_may_only_look_resets_nothing(run: Run[Any], rolling: Person) -> None:
    use(run, rolling)
    helper = person("Staff").user
    User.objects.filter(pk=helper.pk).update(is_staff=True)
    helper.refresh_from_db()

    act(in_console(helper), rolling.workspace, sure="yes", reason="Why", meters=["tokens"], windows=["day"])

    assert said(rolling) == []


# Without use


def test_windows_begin_anew_by_the_beat_and_the_rest_rolls_over_once(run: Run[Any], rolling: Person) -> None:
    yesterday = now() - timedelta(days=1)
    use(run, rolling, at=yesterday)

    tasks.begin_windows()
    tasks.begin_windows()

    days = Bucket.objects.filter(workspace=rolling.workspace, meter="tokens", window="day")
    assert list(days.values_list("used", flat=True)) == [0, 300]
    assert [grant.amount for grant in Grant.objects.filter(workspace=rolling.workspace)] == [400]
    assert [entry.amount for entry in Entry.objects.filter(kind="grant", bucket__workspace=rolling.workspace)] == [400]


def test_a_day_in_which_nothing_was_used_is_not_followed_by_another(run: Run[Any], alice: Person) -> None:
    at = now()
    for days in (3, 0):
        params = windows.limits_of(alice.caller, at - timedelta(days=days))
        windows.begin_now(params)
    before = Bucket.objects.filter(workspace=alice.workspace).count()

    following.begin_anew(at + timedelta(days=1))

    assert Bucket.objects.filter(workspace=alice.workspace).count() == before


def test_credits_that_ended_are_posted_by_the_beat(run: Run[Any], rolling: Person) -> None:
    use(run, rolling, at=now() - timedelta(days=2))
    windows.begin_now(windows.limits_of(rolling.caller, now() - timedelta(days=1)))

    tasks.expire_grants()
    tasks.expire_grants()

    expired = Entry.objects.filter(kind="expiry", bucket__workspace=rolling.workspace)
    assert list(expired.values_list("amount", "actor")) == [(-400, "system")]
