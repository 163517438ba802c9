"""Who reads an account's mail can choose a new password, once for each letter; nobody learns whose address it is."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from pytest_django import Settings

from accounts import guards, letters, mail_keys, passwords
from accounts.audit import Actor
from accounts.errors import KeyRefused
from accounts.models import ApiKey, AuditEntry, Letter, TokenFamily, User
from accounts.tests.asking import ask, claimant, log_in, signed_in
from accounts.tests.factories import PASSWORD, Person, person
from accounts.tests.mailbox import key_in, mails_to
from accounts.tests.ways_in import app_of
from config.tests.product import Product

ANOTHER = "another good one"
NOBODY = "0" * 32


def ask_for_letter(product: Product, email: str) -> httpx2.Response:
    return ask(product, "password-reset", email=email)


def confirm(product: Product, key: str, password: str = ANOTHER) -> httpx2.Response:
    return ask(product, "password-reset/confirm", key=key, password=password)


def key_by_mail(product: Product, email: str) -> str:
    ask_for_letter(product, email)
    return key_in(mails_to(email)[-1])


# ---- asking


def test_the_answer_is_the_same_for_an_address_nobody_has(product: Product, alice: Person) -> None:
    known, unknown = ask_for_letter(product, alice.user.email), ask_for_letter(product, f"{uuid.uuid4()}@example.com")

    assert known.status_code == unknown.status_code == 202
    assert known.content == unknown.content
    assert set(known.headers) == set(unknown.headers)


def test_asking_takes_the_same_statements_whoever_has_the_address(alice: Person) -> None:
    told = []
    for email in (alice.user.email, claimant().email, f"{uuid.uuid4()}@example.com"):
        with CaptureQueriesContext(connection) as queries:
            passwords.ask_to_reset(email, at=now())
        told.append([query["sql"].split("VALUES")[0] for query in queries])

    assert told[0] == told[1] == told[2]
    assert len(told[0]) > 0


def test_nothing_is_sent_to_an_address_nobody_has_and_its_row_goes(product: Product) -> None:
    email = f"{uuid.uuid4()}@example.com"
    ask_for_letter(product, email)

    assert mails_to(email) == []
    assert not Letter.objects.filter(to=email).exists()


def test_nothing_is_sent_to_who_is_not_active(product: Product, alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_active=False)
    ask_for_letter(product, alice.user.email)

    assert mails_to(alice.user.email) == []


def test_the_owner_gets_it_and_not_a_later_claim(product: Product, alice: Person) -> None:
    claimant(alice.user.email)

    confirm(product, key_by_mail(product, alice.user.email))

    assert User.objects.get(pk=alice.user.pk).check_password(ANOTHER)


def test_without_an_owner_the_newest_claim_gets_it(product: Product) -> None:
    older = claimant()
    newer = claimant(older.email)

    confirm(product, key_by_mail(product, older.email))

    assert User.objects.get(pk=newer.pk).check_password(ANOTHER)
    assert User.objects.get(pk=older.pk).check_password(PASSWORD)


def test_it_goes_to_the_address_as_its_owner_wrote_it(product: Product, alice: Person) -> None:
    """Where the database takes a letter that looks alike for the same, the mailbox may be another's."""
    asked = alice.user.email.upper()

    ask_for_letter(product, asked)

    assert mails_to(asked) == []
    assert len(mails_to(alice.user.email)) == 1


def test_only_so_many_letters_an_hour_go_to_one_address(product: Product, alice: Person, settings: Settings) -> None:
    bound = settings.GUARDS["letter"][0]

    answers = {ask_for_letter(product, alice.user.email).status_code for _ in range(bound + 2)}

    assert answers == {202}
    assert len(mails_to(alice.user.email)) == bound


def test_strangers_who_sign_up_with_an_address_use_up_none_of_these(
    product: Product, alice: Person, settings: Settings
) -> None:
    for _ in range(settings.GUARDS["letter"][0] + 1):
        ask(product, "register", email=alice.user.email, password=ANOTHER)
    before = len(mails_to(alice.user.email))

    ask_for_letter(product, alice.user.email)

    assert len(mails_to(alice.user.email)) == before + 1


# ---- choosing


def test_the_key_sets_a_new_password(product: Product, alice: Person) -> None:
    answer = confirm(product, key_by_mail(product, alice.user.email))

    assert (answer.status_code, answer.content) == (204, b"")
    assert log_in(product, alice.user.email, ANOTHER).status_code == 200
    assert log_in(product, alice.user.email).status_code == 401
    assert [mail.subject for mail in mails_to(alice.user.email)][-1] == "Your password was changed"
    assert AuditEntry.objects.filter(action="password.changed", actor=alice.user).count() == 1


def test_every_session_ends_at_once(product: Product, alice: Person) -> None:
    laptop, phone = signed_in(product, alice.user), signed_in(product, alice.user)

    confirm(product, key_by_mail(product, alice.user.email))

    assert not laptop.is_in
    assert not phone.is_in
    assert ask(product, "refresh", refresh=phone.pair.refresh).status_code == 401
    assert set(TokenFamily.objects.filter(user=alice.user).values_list("ended_because", flat=True)) == {"password"}


def test_a_key_used_twice_sets_one_password(product: Product, alice: Person) -> None:
    key = key_by_mail(product, alice.user.email)
    confirm(product, key)

    again = confirm(product, key, "a third good one")

    assert (again.status_code, again.json()["code"]) == (400, "invalid_key")
    assert log_in(product, alice.user.email, ANOTHER).status_code == 200


def test_a_key_used_many_times_at_once_sets_one_password(product: Product, alice: Person) -> None:
    key = key_by_mail(product, alice.user.email)

    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda place: confirm(product, key, f"{ANOTHER} {place}").status_code, range(8)))

    assert sorted(answers) == [204] + [400] * 7


def test_two_letters_are_spent_by_one_of_them(product: Product, alice: Person) -> None:
    first, second = key_by_mail(product, alice.user.email), key_by_mail(product, alice.user.email)
    confirm(product, second)

    assert confirm(product, first).json()["code"] == "invalid_key"


def test_a_key_that_is_too_old_is_refused(alice: Person, settings: Settings) -> None:
    key = mail_keys.reset(alice.user)
    settings.PASSWORD_RESET_TIMEOUT = -1

    with pytest.raises(KeyRefused):
        passwords.reset(key, ANOTHER, by=Actor(), at=now())


def test_a_key_of_somebody_else_is_refused(product: Product, alice: Person, charlie: Person) -> None:
    token = mail_keys.reset(charlie.user).partition(".")[2]

    assert confirm(product, f"{alice.user.pk.hex}.{token}").json()["code"] == "invalid_key"


def test_a_key_of_an_address_meanwhile_changed_is_refused(product: Product, alice: Person) -> None:
    key = key_by_mail(product, alice.user.email)
    User.objects.filter(pk=alice.user.pk).update(email=f"{uuid.uuid4()}@example.com")

    assert confirm(product, key).json()["code"] == "invalid_key"


@pytest.mark.parametrize("key", ["a", "a.b", f"{NOBODY}.abc-def", ".", "é.é", f"{NOBODY}."])
def test_a_key_that_is_none_is_refused(product: Product, key: str) -> None:
    assert confirm(product, key).json()["code"] == "invalid_key"


@pytest.mark.parametrize("password", ["short", "password123", "314159265358979"])
def test_a_weak_password_is_refused_and_the_key_stays_good(product: Product, alice: Person, password: str) -> None:
    key = key_by_mail(product, alice.user.email)

    refused = confirm(product, key, password)

    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["password"])
    assert confirm(product, key).status_code == 204


def test_wrong_guesses_before_are_forgiven(product: Product, alice: Person, settings: Settings) -> None:
    for _ in range(settings.GUARDS["password"][0]):
        guards.count("password", alice.user.email, "127.0.0.1", at=now())

    confirm(product, key_by_mail(product, alice.user.email))

    guards.count("password", alice.user.email, "127.0.0.1", at=now())
    assert log_in(product, alice.user.email, ANOTHER).status_code == 200


# ---- the first proof that the address is theirs


def test_the_address_counts_as_verified(product: Product) -> None:
    alice = claimant()

    confirm(product, key_by_mail(product, alice.email))

    assert User.objects.get(pk=alice.pk).email_verified_at


def test_where_another_verified_it_first_the_password_alone_is_set(product: Product) -> None:
    alice = claimant()
    key = mail_keys.reset(alice)
    owner = claimant(alice.email)
    User.objects.filter(pk=owner.pk).update(email_verified_at=now())

    assert confirm(product, key).status_code == 204

    alice.refresh_from_db()
    assert alice.check_password(ANOTHER)
    assert alice.email_verified_at is None


def test_who_signed_up_with_anothers_address_keeps_no_way_in(product: Product) -> None:
    squatter = person("Mallory")
    app_of(squatter.user)
    User.objects.filter(pk=squatter.user.pk).update(email_verified_at=None)

    confirm(product, key_by_mail(product, squatter.user.email))

    assert product.http.get("/api/v1/auth/me", headers=squatter.headers).status_code == 401
    assert not ApiKey.objects.filter(user=squatter.user, revoked_at=None).exists()
    assert log_in(product, squatter.user.email, ANOTHER).status_code == 200


def test_a_verified_account_keeps_its_api_keys_and_second_factor(product: Product, alice: Person) -> None:
    app_of(alice.user)

    confirm(product, key_by_mail(product, alice.user.email))

    assert product.http.get("/api/v1/auth/me", headers=alice.headers).status_code == 200
    assert log_in(product, alice.user.email, ANOTHER).json()["code"] == "second_factor_required"


# ---- what is kept


def test_no_row_and_no_log_holds_the_key(product: Product, alice: Person, caplog: pytest.LogCaptureFixture) -> None:
    letter = letters.post("reset_password", to=alice.user.email)
    key = key_in(mails_to(alice.user.email)[0])
    confirm(product, key)

    kept = repr([Letter.objects.filter(pk=letter.pk).values(), AuditEntry.objects.filter(actor=alice.user).values()])

    assert key not in kept + caplog.text
    assert key.partition(".")[2] not in kept + caplog.text
    assert ANOTHER not in kept + caplog.text
