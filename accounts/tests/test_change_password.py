"""Changing the password takes the present one, ends every other session, and is told."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from accounts.models import AuditEntry, TokenFamily, User
from accounts.tests.asking import ask, claimant, log_in, signed_in
from accounts.tests.factories import PASSWORD, Person
from accounts.tests.mailbox import mails_to
from config.tests.product import Product

ANOTHER = "another good one"


def test_it_takes_the_present_password(product: Product, alice: Person) -> None:
    me = signed_in(product, alice.user)

    answer = me.ask("POST", "change-password", password="not the password", new_password=ANOTHER)

    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_password")
    assert User.objects.get(pk=alice.user.pk).check_password(PASSWORD)
    assert me.is_in


def test_the_new_password_is_good_and_the_old_one_is_not(product: Product, alice: Person) -> None:
    answer = signed_in(product, alice.user).ask("POST", "change-password", password=PASSWORD, new_password=ANOTHER)

    assert (answer.status_code, answer.content) == (204, b"")
    assert log_in(product, alice.user.email, ANOTHER).status_code == 200
    assert log_in(product, alice.user.email).status_code == 401


def test_other_sessions_end_and_this_one_goes_on(product: Product, alice: Person) -> None:
    laptop, phone = signed_in(product, alice.user), signed_in(product, alice.user)

    laptop.ask("POST", "change-password", password=PASSWORD, new_password=ANOTHER)

    assert laptop.is_in
    assert not phone.is_in
    assert ask(product, "refresh", refresh=laptop.pair.refresh).status_code == 200
    assert TokenFamily.objects.get(user=alice.user, ended_at__isnull=False).ended_because == "password"


def test_it_is_told_by_mail_and_stands_in_the_audit_log(product: Product, alice: Person) -> None:
    signed_in(product, alice.user).ask("POST", "change-password", password=PASSWORD, new_password=ANOTHER)

    [letter] = mails_to(alice.user.email)
    line = AuditEntry.objects.get(action="password.changed", actor=alice.user)
    assert letter.subject == "Your password was changed"
    assert (line.before, line.after, line.ip) == ({}, {}, "127.0.0.1")


def test_an_address_nobody_has_verified_is_not_told(product: Product) -> None:
    alice = claimant()

    signed_in(product, alice).ask("POST", "change-password", password=PASSWORD, new_password=ANOTHER)

    assert mails_to(alice.email) == []


@pytest.mark.parametrize("password", ["short", "password123", "314159265358979"])
def test_a_weak_one_is_refused(product: Product, alice: Person, password: str) -> None:
    answer = signed_in(product, alice.user).ask("POST", "change-password", password=PASSWORD, new_password=password)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["new_password"])
    assert User.objects.get(pk=alice.user.pk).check_password(PASSWORD)


def test_guessing_the_present_one_is_guarded_as_a_log_in_is(
    product: Product, alice: Person, settings: Settings
) -> None:
    me, bound = signed_in(product, alice.user), settings.GUARDS["password"][0]

    guesses = [
        me.ask("POST", "change-password", password=f"wrong {place}", new_password=ANOTHER).status_code
        for place in range(bound)
    ]
    right = me.ask("POST", "change-password", password=PASSWORD, new_password=ANOTHER)

    assert guesses == [403] * bound
    assert (right.status_code, right.json()["code"]) == (429, "too_many_attempts")
    assert User.objects.get(pk=alice.user.pk).check_password(PASSWORD)
