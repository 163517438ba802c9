"""Recovery codes: ten, for who lost the app, each good once."""

from __future__ import annotations

from accounts.tests.factories import Person
from accounts.tests.ways_in import app_of, at_once, half_signed_in, recovery_codes_of, signed_in
from config.tests.product import Product


def test_one_finishes_a_log_in(alice: Person) -> None:
    app_of(alice.user)
    code = recovery_codes_of(alice.user)[3]

    answer = half_signed_in(alice.user).ask("POST", "2fa", {"code": code})

    assert (answer.status_code, list(answer.json())) == (200, ["access", "refresh", "user"])
    assert code not in recovery_codes_of(alice.user)


def test_one_is_good_once(alice: Person) -> None:
    app_of(alice.user)
    code = recovery_codes_of(alice.user)[0]
    half_signed_in(alice.user).ask("POST", "2fa", {"code": code})

    assert half_signed_in(alice.user).ask("POST", "2fa", {"code": code}).status_code == 400


def test_of_one_twenty_times_at_once_one_is_taken(product: Product, alice: Person) -> None:
    app_of(alice.user)
    code = recovery_codes_of(alice.user)[0]
    halves = [half_signed_in(alice.user, product) for _ in range(5)] * 4

    answers = at_once(lambda half: half.ask("POST", "2fa", {"code": code}).status_code, halves)

    assert answers.count(200) == 1
    assert len(recovery_codes_of(alice.user)) == 9


def test_how_many_are_left_can_be_seen_but_not_they_themselves(alice: Person) -> None:
    app_of(alice.user)
    half_signed_in(alice.user).ask("POST", "2fa", {"code": recovery_codes_of(alice.user)[0]})

    answer = signed_in(alice.user).ask("GET", "authenticators/recovery-codes").json()

    assert (answer["total"], answer["unused"]) == (10, 9)
    assert not any(code in str(answer) for code in recovery_codes_of(alice.user))


def test_new_ones_take_the_place_of_the_old(alice: Person) -> None:
    app_of(alice.user)
    old = recovery_codes_of(alice.user)

    answer = signed_in(alice.user).ask("POST", "authenticators/recovery-codes")

    assert answer.status_code == 201
    assert answer.json()["recovery_codes"] == recovery_codes_of(alice.user)
    assert half_signed_in(alice.user).ask("POST", "2fa", {"code": old[0]}).status_code == 400


def test_who_has_no_second_factor_gets_none(alice: Person) -> None:
    me = signed_in(alice.user)

    assert me.ask("GET", "authenticators/recovery-codes").status_code == 404
    assert me.ask("POST", "authenticators/recovery-codes").status_code == 400
