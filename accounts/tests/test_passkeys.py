"""Passkeys: registered and used over HTTP by a software authenticator, as second factor and alone."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from fido2 import cbor

from accounts.models import TokenFamily, User
from accounts.tests.factories import Person
from accounts.tests.soft_key import PRESENT, SoftKey, encoded
from accounts.tests.ways_in import Browser, app_of, grow_old, half_signed_in, log_in, signed_in
from config.tests.product import Product

PASSKEYS = "authenticators/passkeys"


def key_for(product: Product) -> SoftKey:
    return SoftKey(f"http://localhost:{product.port}")


def registered(user: User, product: Product, **body: Any) -> tuple[SoftKey, Any]:
    me, key = signed_in(user, product), key_for(product)
    credential = key.create(me.ask("GET", PASSKEYS).json()["options"])
    return key, me.ask("POST", PASSKEYS, {"name": "Laptop", "credential": credential} | body)


def greeted(product: Product) -> tuple[Browser, dict[str, Any]]:
    """A browser in front of the log-in by passkey, and what it is asked."""
    answer = Browser(product=product).ask("GET", "passkey").json()
    return Browser(session=answer["session_token"], product=product), answer["options"]


def test_one_is_added_and_brings_recovery_codes(product: Product, alice: Person) -> None:
    _, answer = registered(alice.user, product)

    assert (answer.status_code, answer.json()["type"], answer.json()["name"]) == (201, "webauthn", "Laptop")
    assert len(answer.json()["recovery_codes"]) == 10
    kinds = [row["type"] for row in signed_in(alice.user, product).ask("GET", "authenticators").json()["results"]]
    assert kinds == ["webauthn", "recovery_codes"]


def test_alone_it_is_a_whole_log_in(product: Product, alice: Person) -> None:
    key, _ = registered(alice.user, product)
    browser, options = greeted(product)

    answer = browser.ask("POST", "passkey", {"credential": key.get(options)})

    assert (answer.status_code, list(answer.json())) == (200, ["access", "refresh", "user"])
    assert answer.json()["user"]["id"] == str(alice.user.pk)


def test_after_the_password_it_is_the_second_factor(product: Product, alice: Person) -> None:
    key, _ = registered(alice.user, product)
    refused = log_in(alice.user, product).json()
    assert refused["factors"] == ["recovery_codes", "webauthn"]
    half = Browser(session=refused["session_token"], product=product)

    options = half.ask("GET", "2fa/passkey").json()["options"]
    answer = half.ask("POST", "2fa/passkey", {"credential": key.get(options)})

    assert (answer.status_code, list(answer.json())) == (200, ["access", "refresh", "user"])


def test_it_proves_again_that_it_is_you(product: Product, alice: Person) -> None:
    key, _ = registered(alice.user, product)
    me = signed_in(alice.user, product)
    grow_old(alice.user)
    assert me.ask("GET", PASSKEYS).json()["code"] == "reauthentication_required"

    options = me.ask("GET", "reauthenticate/passkey").json()["options"]
    answer = me.ask("POST", "reauthenticate/passkey", {"credential": key.get(options)})

    assert answer.status_code == 204
    assert me.ask("GET", PASSKEYS).status_code == 200


def test_an_answer_is_good_once(product: Product, alice: Person) -> None:
    key, _ = registered(alice.user, product)
    browser, options = greeted(product)
    assertion = {"credential": key.get(options)}
    browser.ask("POST", "passkey", assertion)

    again = browser.ask("POST", "passkey", assertion)
    elsewhere = greeted(product)[0].ask("POST", "passkey", assertion)

    assert (again.status_code, elsewhere.status_code) == (401, 400)
    assert TokenFamily.objects.filter(user=alice.user).count() == 2  # the registration's and one log-in's


def test_a_key_that_nobody_registered_is_refused(product: Product, alice: Person) -> None:
    known, _ = registered(alice.user, product)
    browser, options = greeted(product)
    stranger = SoftKey(known.origin, id=known.id, owner=known.owner)

    answer = browser.ask("POST", "passkey", {"credential": stranger.get(options)})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_the_key_of_somebody_else_is_no_second_factor(product: Product, alice: Person, charlie: Person) -> None:
    key, _ = registered(charlie.user, product)
    app_of(alice.user)
    half = half_signed_in(alice.user, product)

    options = half.ask("GET", "2fa/passkey").json()["options"]
    answer = half.ask("POST", "2fa/passkey", {"credential": key.get(options)})

    assert answer.status_code == 400


def test_a_key_asked_by_another_site_is_refused(product: Product, alice: Person) -> None:
    key, _ = registered(alice.user, product)
    browser, options = greeted(product)
    key.origin = "https://evil.example"

    assert browser.ask("POST", "passkey", {"credential": key.get(options)}).status_code == 400


def test_a_key_that_did_not_recognise_its_owner_is_refused(product: Product, alice: Person) -> None:
    key, _ = registered(alice.user, product)
    browser, options = greeted(product)
    key.flags = PRESENT

    assert browser.ask("POST", "passkey", {"credential": key.get(options)}).status_code == 400


def test_who_was_locked_out_does_not_come_in_by_it(product: Product, alice: Person) -> None:
    key, _ = registered(alice.user, product)
    User.objects.filter(pk=alice.user.pk).update(is_active=False)
    browser, options = greeted(product)

    assert browser.ask("POST", "passkey", {"credential": key.get(options)}).status_code == 401
    assert TokenFamily.objects.filter(user=alice.user).count() == 1


def test_it_is_renamed_and_removed(product: Product, alice: Person) -> None:
    _, answer = registered(alice.user, product)
    me, path = signed_in(alice.user, product), f"{PASSKEYS}/{answer.json()['id']}"

    assert me.ask("PATCH", path, {"name": "Old laptop"}).json()["name"] == "Old laptop"
    assert me.ask("DELETE", path).status_code == 204
    assert not Authenticator.objects.filter(user=alice.user).exists()


def test_an_old_log_in_neither_renames_nor_removes_it(product: Product, alice: Person) -> None:
    _, answer = registered(alice.user, product)
    me, path = signed_in(alice.user, product), f"{PASSKEYS}/{answer.json()['id']}"
    grow_old(alice.user)

    assert me.ask("PATCH", path, {"name": "Mallory's"}).status_code == 401
    assert me.ask("DELETE", path).status_code == 401
    assert Authenticator.objects.filter(user=alice.user, type="webauthn").count() == 1


def test_a_name_has_an_end(product: Product, alice: Person) -> None:
    _, answer = registered(alice.user, product, name="x" * 101)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["name"])


ODD: list[Any] = [None, 1, 1.5, "", "é", "!!!!", "AAAA", [], {}, {"x": 1}, True, encoded(b"\xff" * 40)]
MADE_UP: list[Any] = [
    {},
    [],
    1,
    {"fmt": "none"},
    {"fmt": 1, "attStmt": {}, "authData": b""},
    {"fmt": "none", "attStmt": {}, "authData": b"x" * 10},
    {"fmt": "none", "attStmt": {}, "authData": b"x" * 32 + b"\x45" + b"\x00" * 4},
    {"fmt": "none", "attStmt": {}, "authData": b"x" * 32 + b"\x45" + b"\x00" * 20 + b"\xff\xff"},
    {"fmt": "packed", "attStmt": {"alg": "x"}, "authData": b"x" * 32 + b"\x01" + b"\x00" * 4},
]
ODD += [encoded(cbor.encode(value)) for value in MADE_UP]
ODD += [encoded(text.encode()) for text in ["{}", "[]", "1", '{"type": "webauthn.get"}', '{"challenge": 1}']]


def broken(credential: dict[str, Any]) -> list[Any]:
    """The same, with one part of it missing or made into something else."""
    found: list[Any] = [None, 0, 1, False, True, "", "x", [], {}, [credential], {"response": credential["response"]}]
    for place in [(), ("response",)]:
        part = credential
        for step in place:
            part = part[step]
        for name in part:
            for value in ODD:
                other = deepcopy(credential)
                inner = other
                for step in place:
                    inner = inner[step]
                inner[name] = value
                found.append(other)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("ceremony", ["register", "log in", "second factor"])
def test_what_is_no_credential_is_a_mistake_of_the_client(product: Product, alice: Person, ceremony: str) -> None:
    key, _ = registered(alice.user, product)
    if ceremony == "register":
        browser, path = signed_in(alice.user, product), PASSKEYS
        credential = key_for(product).create(browser.ask("GET", path).json()["options"])
    elif ceremony == "log in":
        (browser, options), path = greeted(product), "passkey"
        credential = key.get(options)
    else:
        browser, path = half_signed_in(alice.user, product), "2fa/passkey"
        credential = key.get(browser.ask("GET", path).json()["options"])

    answers = {str(wrong): browser.ask("POST", path, {"credential": wrong}) for wrong in broken(credential)}

    failed = {wrong: answer.status_code for wrong, answer in answers.items() if answer.status_code >= 500}
    assert not failed


@pytest.mark.parametrize("nothing", [False, 0, "", [], {}])
def test_nothing_is_not_kept_as_a_passkey(product: Product, alice: Person, nothing: object) -> None:
    browser = signed_in(alice.user, product)

    answer = browser.ask("POST", PASSKEYS, {"credential": nothing})

    assert answer.status_code == 400
    assert not Authenticator.objects.filter(user=alice.user, type="webauthn").exists()
