"""The console's page that answers why a customer was refused, or charged."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts.audit import SYSTEM
from accounts.models import User, Workspace
from accounts.tests.factories import Person, person
from accounts.tests.ways_in import in_console
from conftest import Run
from quotas import grants, metering, resets
from quotas.admin.why import NEEDS
from quotas.errors import QuotaExceeded
from quotas.grants import Gift
from quotas.metering import Ask
from quotas.models import Basis, Grant
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import hold, request_id, spend, with_own_limits

WHY = "/admin/quotas/decision/why"
HOSTILE = "<script>alert('x')</script>"
HARMLESS = "&lt;script&gt;"


def staff(*rights: str) -> Client:
    user = person("Staff").user
    User.objects.filter(pk=user.pk).update(is_staff=True)
    for right in rights:
        app, _, codename = right.partition(".")
        user.user_permissions.add(Permission.objects.get(codename=codename, content_type__app_label=app))
    user.refresh_from_db()
    return in_console(user)


@pytest.fixture(scope="module")
def console(database: None) -> Client:
    """Of somebody who may see what the page shows, and no more."""
    return staff(*NEEDS)


def page(console: Client, asked: object) -> str:
    answer = console.get(WHY, {"q": str(asked)})
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def refused(run: Run[Any], somebody: Person) -> str:
    with pytest.raises(QuotaExceeded) as refusal:
        run(hold(somebody, 20_000))
    return refusal.value.request_id


def test_a_refusal_is_told_in_plain_words(run: Run[Any], console: Client, alice: Person) -> None:
    told = page(console, refused(run, alice))

    assert "Refused. The free plan allows 10,000 tokens a day: 0 were used, 10,000 of it remained" in told
    assert "What helps: Upgrade: the Starter plan allows more." in told
    assert "tokens-day, refused" in told


def test_a_charge_is_told_with_its_entries_and_who_made_it(run: Run[Any], console: Client, alice: Person) -> None:
    grants.give(alice.workspace.pk, Gift("tokens", 500, Grant.Source.GOODWILL), by=SYSTEM, at=now())
    spend(run, alice, 9_900)
    admitted = run(hold(alice, 300))
    run(metering.settle(admitted.reservation_id, {"tokens": 250}, basis=Basis.REPORTED))

    told = page(console, admitted.request_id)

    assert "250 tokens were charged, as the provider reported." in told
    assert "credits: goodwill" in told
    assert alice.user.email in told


def test_a_customer_is_found_by_address_and_by_workspace(run: Run[Any], console: Client, alice: Person) -> None:
    spend(run, with_own_limits(alice, key={"tokens-day": 100}), 90)
    spend(run, alice, 7_910)
    name = refused(run, alice)
    grants.give(alice.workspace.pk, Gift("tokens", 500, Grant.Source.GOODWILL, reason="Sorry"), by=SYSTEM, at=now())

    by_address, by_workspace = page(console, alice.user.email), page(console, alice.workspace.pk)

    for words in (
        "8,000 of 10,000 used, 500 credits beside",
        'width="80"',
        "key-tokens-day",
        f"?q={name}",
        "90 tokens were charged",
        "Sorry",
        "80 % of 10,000 tokens, day",
    ):
        assert words in by_address
        assert words in by_workspace


def test_a_reset_says_who_and_why(run: Run[Any], console: Client, alice: Person) -> None:
    spend(run, alice, 300)
    resets.reset(alice.workspace.pk, by=SYSTEM, reason="Our outage", at=now())

    assert "<td>the system</td> <td>300 of tokens-day</td><td>Our outage</td>" in page(console, alice.user.email)


def test_hostile_words_do_no_harm(run: Run[Any], console: Client, alice: Person) -> None:
    Workspace.objects.filter(pk=alice.workspace.pk).update(name=HOSTILE)
    asks = {"tokens": Ask.exactly(1)}
    price = {"input": HOSTILE}
    at = now()
    admitted = run(metering.reserve(alice.caller, asks, request_id=request_id(), at=at, price=price))
    run(metering.settle(admitted.reservation_id, {"tokens": 1}, basis=Basis.REPORTED))
    gift = Gift("tokens", 500, Grant.Source.GOODWILL, reason=HOSTILE)
    grants.give(alice.workspace.pk, gift, by=SYSTEM, at=at)
    resets.reset(alice.workspace.pk, by=SYSTEM, reason=HOSTILE, at=at)

    for asked in (HOSTILE, admitted.request_id, alice.user.email):
        told = page(console, asked)
        assert HARMLESS in told
        assert HOSTILE not in told


@pytest.mark.parametrize("asked", ["", "\0", "nobody@example.com", "req_unknown", "%", "x" * 5_000, "' OR 1=1 --"])
def test_what_is_not_known_is_said(console: Client, asked: str) -> None:
    assert ("Nothing is known of" in page(console, asked)) == bool(asked.replace("\0", ""))


def test_it_asks_the_database_as_often_for_much_as_for_little(run: Run[Any], console: Client, alice: Person) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            page(console, alice.user.email)
        return len(asked)

    spend(run, alice, 10)
    few = queries()
    for _ in range(5):
        spend(run, alice, 10)

    assert queries() == few < 40


def test_it_is_for_who_may_see_what_it_shows(alice: Person) -> None:
    for rights in (NEEDS[1:], NEEDS[:1], []):
        assert staff(*rights).get(WHY, {"q": alice.user.email}).status_code == 403
    assert Client().get(WHY, {"q": alice.user.email}).status_code == 302


def test_the_console_links_to_it(run: Run[Any], alice: Person) -> None:
    user = person("Staff").user
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    user.refresh_from_db()
    console, name = in_console(user), run(hold(alice, 1)).request_id

    assert f'action="{WHY}"' in console.get("/admin/").content.decode()
    for path, asked in (
        ("quotas/decision", name),
        ("quotas/reservation", name),
    ):
        shown = console.get(f"/admin/{path}/", {"q": asked}).content.decode()
        assert f'href="{WHY}?q={asked}"' in shown
        assert f'<a href="{WHY}"' in shown
