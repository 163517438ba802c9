"""A guard counts tries, in parallel too, and says when to come back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction
from django.db.transaction import TransactionManagementError
from django.utils.timezone import now

from accounts import guards
from accounts.errors import InvalidCredentials, TooManyAttempts
from accounts.models import Tally

pytestmark = pytest.mark.usefixtures("database")

HOME, CAFE = "192.0.2.1", "198.51.100.7"
TEN, HUNDRED = 10, 100
AT = now()


def somebody() -> str:
    return f"{uuid4().hex}@example.com"


def guess(email: str, address: str = CAFE, *, right: bool = False) -> None:
    """Try a password once; who is refused before it is compared raises `TooManyAttempts`."""
    try:
        with guards.guessing(email, address=address, at=AT):
            if not right:
                raise InvalidCredentials
    except InvalidCredentials:
        pass


def is_refused(attempt: Callable[[], None]) -> bool:
    try:
        attempt()
    except TooManyAttempts:
        return True
    return False


def test_it_allows_its_number_and_not_one_more() -> None:
    who = somebody()

    for _ in range(TEN):
        guards.count("password", who, at=AT)

    with pytest.raises(TooManyAttempts) as refusal:
        guards.count("password", who, at=AT + timedelta(minutes=5, milliseconds=1))
    assert refusal.value.retry_after == 600


def test_it_begins_anew_when_its_time_is_over() -> None:
    who = somebody()
    for _ in range(TEN):
        guards.count("password", who, at=AT)

    later = AT + timedelta(minutes=15)
    for _ in range(TEN):
        guards.count("password", who, at=later)

    assert not guards.may("password", who, at=later)


def test_tries_in_parallel_cannot_pass_each_other() -> None:
    who = somebody()

    def attempt(_: int) -> bool:
        try:
            return guards.may("password", who, at=AT)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        allowed = sum(pool.map(attempt, range(60)))

    assert allowed == TEN


def test_purposes_and_subjects_are_counted_apart() -> None:
    who = somebody()
    for _ in range(TEN):
        guards.count("password", who, at=AT)

    guards.count("password", somebody(), at=AT)
    guards.count("password anywhere", who, at=AT)


def test_it_refuses_to_count_what_a_transaction_could_take_back() -> None:
    with pytest.raises(TransactionManagementError), transaction.atomic():
        guards.count("password", somebody(), at=AT)


def test_success_is_forgiven() -> None:
    who = somebody()
    for _ in range(TEN):
        guards.count("password", who, at=AT)

    guards.forgive("password", who)

    guards.count("password", who, at=AT)


def test_tallies_hold_no_address_and_no_email() -> None:
    who = somebody()

    guess(who, HOME)

    kept = str(list(Tally.objects.values_list()))
    assert who not in kept
    assert HOME not in kept


def test_only_tallies_whose_time_is_over_are_swept() -> None:
    old, new = somebody(), somebody()
    guards.count("password", old, at=AT - timedelta(days=1000))
    guards.count("password", new, at=AT)

    guards.sweep(AT - timedelta(days=999))

    assert not Tally.objects.filter(about=guards._about(old)).exists()
    assert Tally.objects.filter(about=guards._about(new)).exists()


def test_ten_wrong_passwords_close_one_address_to_one_email() -> None:
    who = somebody()
    for _ in range(TEN):
        guess(who)

    assert is_refused(lambda: guess(who, right=True))
    guess(who, HOME, right=True)
    guess(somebody())


def test_a_right_password_begins_anew() -> None:
    who = somebody()
    for _ in range(TEN - 1):
        guess(who)

    guess(who, right=True)

    for _ in range(TEN):
        guess(who)
    assert is_refused(lambda: guess(who))


def test_many_addresses_together_get_a_hundred_tries_at_one_email() -> None:
    who = somebody()
    for number in range(HUNDRED):
        guess(who, f"203.0.113.{number}")

    assert is_refused(lambda: guess(who, "203.0.113.200", right=True))


def test_strangers_do_not_lock_the_owner_out_of_where_they_signed_in_before() -> None:
    who = somebody()
    guess(who, HOME, right=True)
    for number in range(HUNDRED + 1):
        is_refused(lambda at=number: guess(who, f"203.0.113.{at}"))  # type: ignore[misc]

    guess(who, HOME, right=True)


def test_who_is_refused_at_one_address_uses_up_nothing_of_the_others() -> None:
    who = somebody()
    for _ in range(HUNDRED * 2):
        is_refused(lambda: guess(who))

    guess(who, HOME, right=True)


@pytest.mark.slow
def test_one_address_gets_three_hundred_tries_at_many_emails() -> None:
    address = f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1"
    neighbour = address.removesuffix("1") + "2"
    for _ in range(300):
        guess(somebody(), address)

    assert is_refused(lambda: guess(somebody(), neighbour))


@pytest.mark.slow
def test_right_passwords_use_up_nothing() -> None:
    address = f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1"
    for _ in range(301):
        guess(somebody(), address, right=True)

    guess(somebody(), address)


def test_a_password_reset_opens_everything() -> None:
    who = somebody()
    for _ in range(TEN):
        guess(who)

    guards.forget(who.upper())

    guess(who)


def test_no_two_names_of_one_email_are_counted_apart() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT n, lower(chr(n)) FROM generate_series(1, 55295) AS n")
        lowered = cursor.fetchall()

    assert [chr(n) for n, lower in lowered if guards.folded(lower) != guards.folded(chr(n))] == []
    assert guards.folded("İVY@example.com") == guards.folded("ivy@example.com")
