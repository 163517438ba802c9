"""An address belongs to the account that shows it reads the mail there; moving to another takes the same."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import httpx2
import pytest
from django.core import signing
from django.db import IntegrityError, connection
from django.utils.timezone import now
from pytest_django import Settings

from accounts import guards, letter_texts, mail_keys, mailboxes
from accounts.audit import Actor
from accounts.errors import EmailTaken, KeyRefused
from accounts.models import AuditEntry, Letter, User, Workspace
from accounts.tests.asking import ask, claimant, log_in, signed_in
from accounts.tests.factories import PASSWORD, Person
from accounts.tests.mailbox import key_in, mails_to
from config.tests.product import Product


def new_email() -> str:
    return f"{uuid.uuid4()}@example.com"


def verify(product: Product, key: str) -> httpx2.Response:
    return ask(product, "verify-email", key=key)


def key_for(user: User, address: str | None = None) -> str:
    return mail_keys.verification(user, address or user.email)


def is_verified(user: User) -> bool:
    return User.objects.get(pk=user.pk).email_verified_at is not None


# ---- the letter of a sign-up


def test_a_sign_up_brings_a_letter_whose_key_verifies_the_address(product: Product) -> None:
    email = new_email()
    user = ask(product, "register", email=email, password=PASSWORD).json()["user"]
    [letter] = mails_to(email)

    answer = verify(product, key_in(letter))

    assert (letter.subject, user["email_verified"]) == ("Confirm your e-mail address", False)
    assert (answer.status_code, answer.json()) == (200, {"email": email})
    assert User.objects.get(pk=user["id"]).email_verified_at
    assert AuditEntry.objects.filter(action="email.verified", actor_id=user["id"]).count() == 1


def test_a_letter_to_an_address_nobody_has_verified_holds_no_words_of_who_signed_up(product: Product) -> None:
    email = new_email()
    ask(product, "register", email=email, password=PASSWORD, name="WIN-MONEY", business_name="WIN-MONEY")

    [letter] = mails_to(email)

    assert "WIN-MONEY" not in letter.message().as_string()


def test_the_owner_of_an_address_is_told_that_somebody_signed_up_with_it(product: Product, alice: Person) -> None:
    ask(product, "register", email=alice.user.email, password=PASSWORD)

    [letter] = mails_to(alice.user.email)

    assert letter.subject == "You have a Stipend account already"
    assert "#key=" not in str(letter.message())


def test_a_letter_for_an_address_verified_meanwhile_is_dropped(product: Product) -> None:
    alice = claimant()
    signed_in(product, alice).ask("POST", "verify-email/resend")
    verify(product, key_for(alice))

    assert mails_to(alice.email) == []
    assert not Letter.objects.filter(user=alice).exists()


def test_the_letter_can_be_sent_again(product: Product) -> None:
    alice = claimant()

    answer = signed_in(product, alice).ask("POST", "verify-email/resend")

    assert answer.status_code == 204
    assert verify(product, key_in(mails_to(alice.email)[0])).status_code == 200


def test_only_so_many_letters_an_hour_go_to_one_address(product: Product, settings: Settings) -> None:
    alice = claimant()
    me = signed_in(product, alice)
    bound = settings.GUARDS["letter"][0]

    answers = {me.ask("POST", "verify-email/resend").status_code for _ in range(bound + 2)}

    assert answers == {204}
    assert Letter.objects.filter(user=alice).count() == bound


@pytest.mark.parametrize("path", ["verify-email/resend", "me/email", "change-password", "logout-everywhere"])
def test_an_api_key_may_not(product: Product, alice: Person, path: str) -> None:
    body = {"email": new_email(), "password": PASSWORD, "new_password": "another good one"}

    answer = product.http.post(f"/api/v1/auth/{path}", headers=alice.headers, json=body)

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


# ---- the key


def test_a_key_used_twice_verifies_once(product: Product) -> None:
    alice = claimant()
    key = key_for(alice)
    verify(product, key)
    since = User.objects.get(pk=alice.pk).email_verified_at

    again = verify(product, key)

    assert (again.status_code, again.json()) == (200, {"email": alice.email})
    assert User.objects.get(pk=alice.pk).email_verified_at == since
    assert AuditEntry.objects.filter(action="email.verified", actor=alice).count() == 1


def test_a_key_that_is_too_old_is_refused(settings: Settings) -> None:
    alice = claimant()
    key = key_for(alice)
    settings.MAIL_KEY_LIVES = {"verify-email": timedelta(seconds=-1)}

    with pytest.raises(KeyRefused):
        mailboxes.verify(key, by=Actor(), at=now())

    assert not is_verified(alice)


@pytest.mark.parametrize("key", ["", "abc", "a:b:c", "é", "a" * 1001], ids=["empty", "one", "three", "é", "long"])
def test_a_key_that_is_none_is_refused(product: Product, key: str) -> None:
    answer = verify(product, key)

    assert answer.status_code == 400
    assert answer.json()["code"] in ("invalid_key", "invalid_request")


def test_a_key_of_another_kind_is_refused(product: Product) -> None:
    alice = claimant()
    signed = [str(alice.pk), alice.email, mail_keys.state_of(alice)]

    for key in (mail_keys.make("invitation", signed), signing.dumps(signed)):
        assert verify(product, key).json()["code"] == "invalid_key"


def test_a_key_of_an_address_meanwhile_changed_is_refused(product: Product) -> None:
    alice = claimant()
    key = key_for(alice)
    User.objects.filter(pk=alice.pk).update(email=new_email())

    assert verify(product, key).json()["code"] == "invalid_key"
    assert not is_verified(alice)


def test_a_key_of_who_is_not_active_is_refused(product: Product) -> None:
    alice = claimant()
    key = key_for(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)

    assert verify(product, key).json()["code"] == "invalid_key"


def test_a_new_password_makes_the_keys_before_it_worthless(product: Product, alice: Person) -> None:
    theirs = new_email()
    key = key_for(alice.user, theirs)
    alice.user.set_password("another good one")
    alice.user.save()

    assert verify(product, key).json()["code"] == "invalid_key"
    assert User.objects.get(pk=alice.user.pk).email == alice.user.email


# ---- one owner


def test_an_address_another_has_verified_cannot_be_verified(product: Product) -> None:
    alice = claimant()
    charlie = claimant(alice.email)
    late = key_for(charlie)
    verify(product, key_for(alice))

    answer = verify(product, late)

    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
    assert not is_verified(charlie)


def test_of_many_claims_verified_at_once_one_owns_the_address() -> None:
    email = new_email()
    keys = [key_for(claimant(email)) for _ in range(6)]

    def try_to(key: str) -> bool:
        with closing(connection):
            try:
                mailboxes.verify(key, by=Actor(), at=now())
            except EmailTaken:
                return False
            return True

    with ThreadPoolExecutor(6) as crowd:
        owned = list(crowd.map(try_to, keys))

    assert owned.count(True) == 1
    assert User.objects.filter(email=email, email_verified_at__isnull=False).count() == 1


def test_the_database_knows_one_owner_of_an_address(alice: Person) -> None:
    with pytest.raises(IntegrityError):
        User.objects.create(email=alice.user.email.upper(), email_verified_at=now())


# ---- moving to another address


def test_a_move_takes_the_password(product: Product, alice: Person) -> None:
    there = new_email()

    answer = signed_in(product, alice.user).ask("POST", "me/email", email=there, password="not the password")

    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_password")
    assert mails_to(there) == []


def test_nothing_changes_before_the_key_comes_back(product: Product, alice: Person) -> None:
    there = new_email()

    assert signed_in(product, alice.user).ask("POST", "me/email", email=there, password=PASSWORD).status_code == 204

    assert User.objects.get(pk=alice.user.pk).email == alice.user.email
    assert len(mails_to(there)) == 1
    assert mails_to(alice.user.email) == []


def test_the_key_moves_the_account_and_the_former_address_is_told(product: Product, alice: Person) -> None:
    here, there = alice.user.email, new_email()
    me = signed_in(product, alice.user)
    me.ask("POST", "me/email", email=there, password=PASSWORD)

    answer = verify(product, key_in(mails_to(there)[0]))

    assert (answer.status_code, answer.json()) == (200, {"email": there})
    assert me.ask("GET", "me").json()["email"] == there
    assert me.ask("GET", "me").json()["email_verified"] is True
    assert (log_in(product, there).status_code, log_in(product, here).status_code) == (200, 401)
    [notice] = mails_to(here)
    assert (notice.subject, there in str(notice.body)) == ("Your e-mail address was changed", True)
    assert Workspace.objects.get(personal_to=alice.user).email == there
    line = AuditEntry.objects.get(action="email.changed", actor=alice.user)
    assert (line.before, line.after, line.ip) == ({"email": here}, {"email": there}, "127.0.0.1")


def test_a_former_address_nobody_verified_is_not_told_the_new_one(product: Product) -> None:
    alice, there = claimant(), new_email()

    verify(product, key_for(alice, there))

    assert User.objects.get(pk=alice.pk).email == there
    assert mails_to(alice.email) == []


def test_a_key_that_moved_the_account_does_not_move_it_back_there(product: Product, alice: Person) -> None:
    here, there = alice.user.email, new_email()
    first = key_for(alice.user, there)
    verify(product, first)
    verify(product, key_for(User.objects.get(pk=alice.user.pk), here))

    assert verify(product, first).json()["code"] == "invalid_key"
    assert User.objects.get(pk=alice.user.pk).email == here


def test_a_move_to_anothers_address_is_answered_like_any_other_and_its_owner_told(
    product: Product, alice: Person, charlie: Person
) -> None:
    me = signed_in(product, charlie.user)

    taken = me.ask("POST", "me/email", email=alice.user.email, password=PASSWORD)
    free = me.ask("POST", "me/email", email=new_email(), password=PASSWORD)

    assert (taken.status_code, taken.content) == (free.status_code, free.content) == (204, b"")
    assert [letter.subject for letter in mails_to(alice.user.email)] == ["You have a Stipend account already"]


def test_a_move_may_change_the_case_alone(product: Product, alice: Person) -> None:
    there = alice.user.email.replace("example", "EXAMPLE")
    signed_in(product, alice.user).ask("POST", "me/email", email=there, password=PASSWORD)

    letter = letter_texts.written(Letter.objects.get(user=alice.user, kind="verify_email"))

    assert letter
    assert verify(product, key_in(letter)).json() == {"email": there}


def test_the_password_of_a_move_is_guarded(product: Product, alice: Person, settings: Settings) -> None:
    me = signed_in(product, alice.user)
    bound = settings.GUARDS["password"][0]

    answers = [me.ask("POST", "me/email", email=new_email(), password="wrong one") for _ in range(bound + 1)]

    assert [answer.status_code for answer in answers] == [403] * bound + [429]
    guards.forget(alice.user.email)
