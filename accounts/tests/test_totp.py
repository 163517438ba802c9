"""Authenticator apps: added by a code, asked for at each log-in, and no code is good twice."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session

from accounts.models import TokenFamily, User
from accounts.tests.factories import Person
from accounts.tests.ways_in import SECRET, App, Browser, app_of, at_once, half_signed_in, log_in, signed_in
from config.tests.product import Product


def begun(user: User, product: Product | None = None) -> tuple[Browser, App]:
    me = signed_in(user, product)
    return me, App(me.ask("GET", "authenticators/totp").json()["secret"])


def test_its_secret_comes_with_an_address_for_the_app(alice: Person) -> None:
    answer = signed_in(alice.user).ask("GET", "authenticators/totp").json()

    assert answer["active"] is False
    assert answer["url"].startswith("otpauth://totp/")
    assert f"secret={answer['secret']}&issuer=Stipend" in answer["url"]
    assert "<svg" in answer["svg"]


def test_its_first_code_activates_it_and_brings_recovery_codes(alice: Person) -> None:
    me, app = begun(alice.user)

    answer = me.ask("POST", "authenticators/totp", {"code": app.code()})

    assert answer.status_code == 201
    assert len(set(answer.json()["recovery_codes"])) == 10
    kinds = [row["type"] for row in me.ask("GET", "authenticators").json()["results"]]
    assert kinds == ["totp", "recovery_codes"]
    assert me.ask("GET", "authenticators/totp").json()["active"] is True


def test_a_wrong_first_code_activates_nothing(alice: Person) -> None:
    me, app = begun(alice.user)

    answer = me.ask("POST", "authenticators/totp", {"code": app.wrong_code()})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert list(answer.json()["errors"]) == ["code"]
    assert not Authenticator.objects.filter(user=alice.user).exists()


def test_a_code_without_a_secret_activates_nothing(alice: Person) -> None:
    assert signed_in(alice.user).ask("POST", "authenticators/totp", {"code": App().code()}).status_code == 400


def test_of_two_first_codes_at_once_one_activates_it(product: Product, alice: Person) -> None:
    me, app = begun(alice.user, product)
    code = app.code()

    answers = at_once(lambda _: me.ask("POST", "authenticators/totp", {"code": code}).status_code, range(8))

    assert answers.count(201) == 1
    assert set(answers) <= {201, 400, 409}
    assert Authenticator.objects.filter(user=alice.user, type="totp").count() == 1


def test_its_secret_stands_in_no_row(alice: Person) -> None:
    me, app = begun(alice.user)
    waiting = str(TokenFamily.objects.values().get(user=alice.user))
    recovery = me.ask("POST", "authenticators/totp", {"code": app.code()}).json()["recovery_codes"]

    kept = str(list(Authenticator.objects.filter(user=alice.user).values()))

    for secret in [app.secret, *recovery]:
        assert secret not in waiting + kept


def test_the_password_alone_is_not_enough(product: Product, alice: Person) -> None:
    app_of(alice.user)

    answer = log_in(alice.user, product)

    assert (answer.status_code, answer.json()["code"]) == (401, "second_factor_required")
    assert answer.json()["factors"] == ["totp", "recovery_codes"]
    assert "access" not in answer.json()
    assert not TokenFamily.objects.filter(user=alice.user).exists()


def test_a_wrong_password_tells_nothing_of_a_second_factor(alice: Person) -> None:
    app_of(alice.user)

    answer = log_in(alice.user, password="not this one, surely")

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")


def test_the_code_finishes_the_log_in(product: Product, alice: Person) -> None:
    app = app_of(alice.user)

    answer = half_signed_in(alice.user, product).ask("POST", "2fa", {"code": app.code()})

    assert answer.status_code == 200
    assert list(answer.json()) == ["access", "refresh", "user"]
    assert answer.headers["cache-control"] == "no-store"
    me = Browser(access=answer.json()["access"], product=product).ask("GET", "me")
    assert me.json()["email"] == alice.user.email


def test_one_log_in_begins_one_family_and_leaves_no_session(alice: Person) -> None:
    app = app_of(alice.user)
    half = half_signed_in(alice.user)

    half.ask("POST", "2fa", {"code": app.code()})

    assert TokenFamily.objects.filter(user=alice.user).count() == 1
    assert not any(row.get_decoded().get("_auth_user_id") == str(alice.user.pk) for row in Session.objects.all())
    assert half.ask("POST", "2fa", {"code": app.code()}).json()["code"] == "invalid_credentials"


def test_a_wrong_code_can_be_followed_by_the_right_one(alice: Person) -> None:
    app = app_of(alice.user)
    half = half_signed_in(alice.user)

    assert half.ask("POST", "2fa", {"code": app.wrong_code()}).status_code == 400
    assert half.ask("POST", "2fa", {"code": app.code()}).status_code == 200


def test_a_code_is_good_once(alice: Person) -> None:
    code = app_of(alice.user).code()
    assert half_signed_in(alice.user).ask("POST", "2fa", {"code": code}).status_code == 200

    answer = half_signed_in(alice.user).ask("POST", "2fa", {"code": code})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["code"])


def test_the_code_that_activated_it_is_spent(alice: Person) -> None:
    me, app = begun(alice.user)
    code = app.code()
    me.ask("POST", "authenticators/totp", {"code": code})

    assert half_signed_in(alice.user).ask("POST", "2fa", {"code": code}).status_code == 400


def test_a_code_before_one_that_was_used_is_spent_too(alice: Person) -> None:
    app = app_of(alice.user)
    former, newer = app.code(), app.code()
    half_signed_in(alice.user).ask("POST", "2fa", {"code": newer})

    assert half_signed_in(alice.user).ask("POST", "2fa", {"code": former}).status_code == 400


def test_of_one_code_twenty_times_at_once_one_is_taken(product: Product, alice: Person) -> None:
    code = app_of(alice.user).code()
    halves = [half_signed_in(alice.user, product) for _ in range(5)] * 4

    answers = at_once(lambda half: half.ask("POST", "2fa", {"code": code}).status_code, halves)

    assert answers.count(200) == 1
    assert TokenFamily.objects.filter(user=alice.user).count() == 1


def test_guessing_is_guarded_also_in_parallel(product: Product, alice: Person) -> None:
    app = app_of(alice.user)
    half = half_signed_in(alice.user, product)

    answers = at_once(lambda _: half.ask("POST", "2fa", {"code": app.wrong_code()}), range(40))

    statuses = [answer.status_code for answer in answers]
    assert statuses.count(400) == 5
    assert statuses.count(429) == 35
    refused = half.ask("POST", "2fa", {"code": app.code()})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_attempts")
    assert int(refused.headers["retry-after"]) > 0


def test_a_new_log_in_gives_no_new_tries(alice: Person) -> None:
    app = app_of(alice.user)
    for _ in range(5):
        half_signed_in(alice.user).ask("POST", "2fa", {"code": app.wrong_code()})

    assert half_signed_in(alice.user).ask("POST", "2fa", {"code": app.code()}).status_code == 429


def test_a_right_code_forgives_the_wrong_ones(alice: Person) -> None:
    app = app_of(alice.user)
    half = half_signed_in(alice.user)
    for _ in range(4):
        half.ask("POST", "2fa", {"code": app.wrong_code()})
    half.ask("POST", "2fa", {"code": app.code()})

    again = half_signed_in(alice.user)

    assert [again.ask("POST", "2fa", {"code": app.wrong_code()}).status_code for _ in range(4)] == [400] * 4


def test_a_code_of_somebody_else_is_wrong(alice: Person, charlie: Person) -> None:
    app_of(alice.user)
    theirs, app = begun(charlie.user)
    theirs.ask("POST", "authenticators/totp", {"code": app.code()})

    assert half_signed_in(alice.user).ask("POST", "2fa", {"code": app.code()}).status_code == 400


def test_who_was_locked_out_meanwhile_does_not_finish(alice: Person) -> None:
    app = app_of(alice.user)
    half = half_signed_in(alice.user)
    User.objects.filter(pk=alice.user.pk).update(is_active=False)

    answer = half.ask("POST", "2fa", {"code": app.code()})

    assert answer.status_code == 401
    assert not TokenFamily.objects.filter(user=alice.user).exists()


@pytest.mark.parametrize("body", [{}, {"code": ""}, {"code": None}, {"code": ["1"]}, {"code": "1" * 41}])
def test_a_bad_body_is_explained(alice: Person, body: Any) -> None:
    app_of(alice.user)

    answer = half_signed_in(alice.user).ask("POST", "2fa", body)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["code"])


def test_removed_it_is_asked_for_no_more_and_its_recovery_codes_are_gone(alice: Person) -> None:
    app_of(alice.user)

    answer = signed_in(alice.user).ask("DELETE", "authenticators/totp")

    assert answer.status_code == 204
    assert not Authenticator.objects.filter(user=alice.user).exists()
    assert log_in(alice.user).status_code == 200


def test_what_is_not_there_cannot_be_removed(alice: Person) -> None:
    assert signed_in(alice.user).ask("DELETE", "authenticators/totp").status_code == 404


def test_its_secret_is_not_shown_again(alice: Person) -> None:
    app_of(alice.user)
    me = signed_in(alice.user)

    assert SECRET not in me.ask("GET", "authenticators/totp").content.decode()
    assert SECRET not in me.ask("GET", "authenticators").content.decode()
