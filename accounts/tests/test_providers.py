"""Log-in through an OpenID provider, over sockets on both sides: whole, refused, connected and disconnected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialToken

from accounts.models import AuditEntry, Letter, Membership, TokenFamily, User
from accounts.tests import identity_provider
from accounts.tests.asking import claimant
from accounts.tests.factories import Person
from accounts.tests.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider, query_of, with_query
from accounts.tests.ways_in import Browser, app_of, grow_old, signed_in
from config.tests.product import Product, started
from conftest import UNHURRIED

FRONT_END = "https://app.example.com/welcome"


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with identity_provider.running() as found:
        yield found


@pytest.fixture(scope="module")
def shop(database: None, provider: IdentityProvider) -> Iterator[Product]:
    """The product with that provider and two others configured."""
    environment = {
        **UNHURRIED,
        "ANTHROPIC_API_KEY": "",
        "CORS_ALLOWED_ORIGINS": "https://app.example.com",
        "OIDC_NAME": "Example",
        "OIDC_SERVER_URL": provider.url,
        "OIDC_CLIENT_ID": CLIENT_ID,
        "OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "GITHUB_CLIENT_ID": "github",
        "GITHUB_CLIENT_SECRET": "secret",
        "GOOGLE_CLIENT_ID": "google",
        "GOOGLE_CLIENT_SECRET": "secret",
    }
    with started(environment) as running:
        yield running


def somebody(**told: Any) -> dict[str, Any]:
    """What a provider knows of a person."""
    name = uuid4().hex
    return {"sub": name, "email": f"{name}@example.com", "email_verified": True, "name": "Alice Liddell"} | told


def set_out(shop: Product, provider: str = "oidc", callback_url: str = FRONT_END) -> tuple[Browser, Any]:
    browser = Browser(product=shop)
    answer = browser.ask("POST", "providers/redirect", {"provider": provider, "callback_url": callback_url})
    if answer.status_code == 200:
        browser.session = answer.json()["session_token"]
    return browser, answer


def come_back(shop: Product, brought: dict[str, str]) -> dict[str, str]:
    """The browser is sent to the product by the provider, and on to the front end, which reads what it got."""
    address = brought.pop("redirect_uri")
    assert address == f"http://localhost:{shop.port}/api/v1/auth/providers/oidc/callback"
    answer = shop.http.get(with_query(address.replace("localhost", "127.0.0.1"), **brought))
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{FRONT_END}?")
    return {"provider": "oidc", **query_of(answer.headers["location"])}


def come_in(shop: Product, provider: IdentityProvider, person: dict[str, Any]) -> tuple[Browser, Any]:
    browser, begun = set_out(shop)
    brought = come_back(shop, provider.consent(begun.json()["url"], **person))
    return browser, browser.ask("POST", "providers/finish", brought)


def connect(shop: Product, provider: IdentityProvider, me: Browser, person: dict[str, Any]) -> Any:
    begun = me.ask("POST", "connections/redirect", {"provider": "oidc", "callback_url": FRONT_END})
    brought = come_back(shop, provider.consent(begun.json()["url"], **person))
    return me.ask("POST", "connections/finish", brought)


# ---- new people -----------------------------------------------------------------------------------------------------


def test_those_configured_are_listed(shop: Product, product: Product) -> None:
    named = Browser(product=shop).ask("GET", "providers").json()["results"]

    assert named == [
        {"id": "oidc", "name": "Example"},
        {"id": "github", "name": "GitHub"},
        {"id": "google", "name": "Google"},
    ]
    assert Browser(product=product).ask("GET", "providers").json()["results"] == []


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("github", "https://github.com/login/oauth/authorize?"),
        ("google", "https://accounts.google.com/o/oauth2/v2/auth?"),
    ],
)
def test_the_way_out_has_a_challenge_and_our_address(shop: Product, name: str, begins: str) -> None:
    _, begun = set_out(shop, name)

    asked = query_of(begun.json()["url"])
    assert begun.json()["url"].startswith(begins)
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"http://localhost:{shop.port}/api/v1/auth/providers/{name}/callback"
    assert "email" in asked["scope"]


def test_somebody_new_gets_an_account_and_a_workspace(shop: Product, provider: IdentityProvider) -> None:
    person = somebody()

    _, answer = come_in(shop, provider, person)

    assert (answer.status_code, list(answer.json())) == (200, ["access", "refresh", "user"])
    told = answer.json()["user"]
    assert (told["email"], told["email_verified"], told["name"]) == (person["email"], True, "Alice Liddell")
    user = User.objects.get(pk=told["id"])
    assert Membership.objects.get(user=user).role == Membership.Role.OWNER
    assert not user.has_usable_password()
    assert Browser(access=answer.json()["access"], product=shop).ask("GET", "me").json()["id"] == told["id"]


def test_the_second_time_it_is_the_same_account(shop: Product, provider: IdentityProvider) -> None:
    person = somebody()
    first = come_in(shop, provider, person)[1].json()["user"]

    again = come_in(shop, provider, person | {"email": "moved@example.com"})[1].json()["user"]

    assert (again["id"], again["email"]) == (first["id"], first["email"])


def test_an_address_that_the_provider_has_not_verified_is_claimed_only(
    shop: Product, provider: IdentityProvider
) -> None:
    _, answer = come_in(shop, provider, somebody(email_verified=False))

    user = User.objects.get(pk=answer.json()["user"]["id"])
    assert user.email_verified_at is None
    assert Letter.objects.filter(user=user, kind="verify_email").exists()


def test_nothing_but_the_provider_s_id_is_kept(shop: Product, provider: IdentityProvider) -> None:
    person = somebody(picture="https://example.com/alice.png")

    _, answer = come_in(shop, provider, person)

    account = SocialAccount.objects.get(user=answer.json()["user"]["id"])
    assert (account.provider, account.uid, account.extra_data) == ("oidc", person["sub"], {})
    assert not SocialToken.objects.exists()
    assert not EmailAddress.objects.exists()


def test_who_came_without_an_address_is_asked_for_one(shop: Product, provider: IdentityProvider) -> None:
    person = somebody()
    del person["email"], person["email_verified"]
    browser, asked = come_in(shop, provider, person)
    assert (asked.status_code, asked.json()["code"]) == (401, "email_required")
    browser.session = asked.json()["session_token"]

    answer = browser.ask("POST", "providers/sign-up", {"email": f"{person['sub']}@example.com"})

    assert answer.status_code == 200
    assert answer.json()["user"]["email_verified"] is False
    assert come_in(shop, provider, person)[1].json()["user"]["id"] == answer.json()["user"]["id"]


# ---- people there are -----------------------------------------------------------------------------------------------


def test_an_address_alone_opens_no_account(shop: Product, provider: IdentityProvider, alice: Person) -> None:
    _, answer = come_in(shop, provider, somebody(email=alice.user.email))

    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
    assert not SocialAccount.objects.filter(user=alice.user).exists()
    assert User.objects.by_email(alice.user.email).count() == 1
    assert not TokenFamily.objects.filter(user=alice.user).exists()


def test_an_address_in_other_letters_does_not_either(shop: Product, provider: IdentityProvider, alice: Person) -> None:
    _, answer = come_in(shop, provider, somebody(email=alice.user.email.upper()))

    assert answer.status_code == 409


def test_an_unverified_address_opens_no_account_and_tells_nothing(
    shop: Product, provider: IdentityProvider, alice: Person
) -> None:
    _, answer = come_in(shop, provider, somebody(email=alice.user.email, email_verified=False))

    assert answer.status_code == 200
    assert answer.json()["user"]["id"] != str(alice.user.pk)
    assert User.objects.get(pk=alice.user.pk).email_verified_at is not None


def test_a_claim_of_somebody_else_does_not_stand_in_the_way(shop: Product, provider: IdentityProvider) -> None:
    mallory = claimant()

    _, answer = come_in(shop, provider, somebody(email=mallory.email))

    assert answer.json()["user"]["email_verified"] is True
    assert answer.json()["user"]["id"] != str(mallory.pk)


def test_who_has_a_second_factor_is_asked_for_it(shop: Product, provider: IdentityProvider) -> None:
    person = somebody()
    user = User.objects.get(pk=come_in(shop, provider, person)[1].json()["user"]["id"])
    app = app_of(user)

    browser, asked = come_in(shop, provider, person)

    assert (asked.status_code, asked.json()["code"]) == (401, "second_factor_required")
    browser.session = asked.json()["session_token"]
    assert browser.ask("POST", "2fa", {"code": app.code()}).json()["user"]["id"] == str(user.pk)


def test_who_was_locked_out_does_not_come_in(shop: Product, provider: IdentityProvider) -> None:
    person = somebody()
    user_id = come_in(shop, provider, person)[1].json()["user"]["id"]
    User.objects.filter(pk=user_id).update(is_active=False)

    assert come_in(shop, provider, person)[1].status_code == 401
    assert TokenFamily.objects.filter(user=user_id).count() == 1


# ---- connecting -----------------------------------------------------------------------------------------------------


def test_connected_it_opens_the_account(shop: Product, provider: IdentityProvider, alice: Person) -> None:
    person, me = somebody(), signed_in(alice.user, shop)

    assert connect(shop, provider, me, person).status_code == 204

    assert come_in(shop, provider, person)[1].json()["user"]["id"] == str(alice.user.pk)
    [connection] = me.ask("GET", "connections").json()["results"]
    assert connection["provider"] == "oidc"
    assert Letter.objects.filter(user=alice.user, kind="provider_connected").exists()
    assert AuditEntry.objects.filter(actor=alice.user, action="provider.connected").exists()


def test_disconnected_it_does_not(shop: Product, provider: IdentityProvider, alice: Person) -> None:
    person, me = somebody(), signed_in(alice.user, shop)
    connect(shop, provider, me, person)
    [connection] = me.ask("GET", "connections").json()["results"]

    assert me.ask("DELETE", f"connections/{connection['id']}").status_code == 204

    assert come_in(shop, provider, person)[1].json()["user"]["id"] != str(alice.user.pk)
    assert Letter.objects.filter(user=alice.user, kind="provider_disconnected").exists()


def test_what_is_another_s_is_not_taken_over(
    shop: Product, provider: IdentityProvider, alice: Person, charlie: Person
) -> None:
    person = somebody()
    connect(shop, provider, signed_in(charlie.user, shop), person)

    answer = connect(shop, provider, signed_in(alice.user, shop), person)

    assert (answer.status_code, answer.json()["code"]) == (409, "provider_account_taken")
    assert SocialAccount.objects.get(uid=person["sub"]).user == charlie.user


def test_connecting_and_disconnecting_take_a_fresh_proof(
    shop: Product, provider: IdentityProvider, alice: Person
) -> None:
    me = signed_in(alice.user, shop)
    connect(shop, provider, me, somebody())
    [connection] = me.ask("GET", "connections").json()["results"]
    grow_old(alice.user)

    begun = me.ask("POST", "connections/redirect", {"provider": "oidc", "callback_url": FRONT_END})
    ended = me.ask("DELETE", f"connections/{connection['id']}")

    assert begun.json()["code"] == ended.json()["code"] == "reauthentication_required"
    assert SocialAccount.objects.filter(user=alice.user).exists()


def test_the_last_way_in_is_not_taken_away(shop: Product, provider: IdentityProvider) -> None:
    me = Browser(access=come_in(shop, provider, somebody())[1].json()["access"], product=shop)
    [connection] = me.ask("GET", "connections").json()["results"]

    answer = me.ask("DELETE", f"connections/{connection['id']}")

    assert (answer.status_code, answer.json()["code"]) == (409, "last_way_in")


def test_the_connection_of_somebody_else_is_not_there(
    shop: Product, provider: IdentityProvider, alice: Person, charlie: Person
) -> None:
    connect(shop, provider, signed_in(charlie.user, shop), somebody())
    theirs = SocialAccount.objects.get(user=charlie.user)

    assert signed_in(alice.user, shop).ask("DELETE", f"connections/{theirs.pk}").status_code == 404
    assert SocialAccount.objects.filter(pk=theirs.pk).exists()


# ---- what does not hold together -------------------------------------------------------------------------------------


def test_it_takes_the_session_that_set_out(shop: Product, provider: IdentityProvider) -> None:
    """Somebody is lured into finishing what another began, or hands on what the provider gave them."""
    _, begun = set_out(shop)
    brought = come_back(shop, provider.consent(begun.json()["url"], **somebody()))
    other, _ = set_out(shop)

    for thief in (other, Browser(product=shop)):
        answer = thief.ask("POST", "providers/finish", brought)
        assert (answer.status_code, answer.json()["code"]) == (400, "provider_refused")


def test_it_is_finished_once(shop: Product, provider: IdentityProvider) -> None:
    browser, begun = set_out(shop)
    brought = come_back(shop, provider.consent(begun.json()["url"], **somebody()))

    answers = [browser.ask("POST", "providers/finish", brought).status_code for _ in range(2)]

    assert answers == [200, 401]


def test_a_log_in_does_not_finish_as_a_connection(shop: Product, provider: IdentityProvider, alice: Person) -> None:
    me = signed_in(alice.user, shop)
    begun = me.ask("POST", "connections/redirect", {"provider": "oidc", "callback_url": FRONT_END}).json()
    brought = come_back(shop, provider.consent(begun["url"], **somebody()))

    assert set_out(shop)[0].ask("POST", "providers/finish", brought).json()["code"] == "provider_refused"


@pytest.mark.parametrize("change", [{"code": "made up"}, {"state": "made up"}, {"provider": "google"}])
def test_what_was_made_up_is_refused(shop: Product, provider: IdentityProvider, change: dict[str, str]) -> None:
    browser, begun = set_out(shop)
    brought = come_back(shop, provider.consent(begun.json()["url"], **somebody()))

    answer = browser.ask("POST", "providers/finish", brought | change)

    assert (answer.status_code, answer.json()["code"]) == (400, "provider_refused")


def test_a_provider_that_talks_nonsense_is_refused(shop: Product, provider: IdentityProvider) -> None:
    browser, begun = set_out(shop)
    brought = come_back(shop, provider.consent(begun.json()["url"], **somebody()))
    provider.broken = True
    try:
        answer = browser.ask("POST", "providers/finish", brought)
        other = set_out(shop)[1]
    finally:
        provider.broken = False

    assert (answer.status_code, answer.json()["code"]) == (502, "provider_unavailable")
    assert (other.status_code, other.json()["code"]) == (502, "provider_unavailable")


def test_a_provider_that_is_not_configured_is_not_there(shop: Product, product: Product) -> None:
    assert set_out(shop, "facebook")[1].status_code == 404
    assert (
        set_out(product, "google", f"http://localhost:{product.port}/account")[1].json()["code"] == "provider_not_found"
    )


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/welcome",
        "https://app.example.com.evil.example/",
        "https://app.example.com@evil.example/",
        "http://app.example.com/",
        "//app.example.com/",
        "/welcome",
        "javascript:alert(1)",
    ],
)
def test_it_leads_to_our_front_ends_alone(shop: Product, address: str) -> None:
    answer = set_out(shop, callback_url=address)[1]

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["callback_url"])


@pytest.mark.parametrize("state", ["", "made up", "eyJ0aGVuIjoiaHR0cHM6Ly9ldmlsLmV4YW1wbGUifQ:1:x"])
def test_the_way_back_goes_nowhere_with_a_state_that_is_not_ours(shop: Product, state: str) -> None:
    answer = shop.http.get("/api/v1/auth/providers/oidc/callback", params={"state": state, "code": "1"})

    assert (answer.status_code, answer.json()["code"]) == (400, "provider_refused")


def test_a_refusal_at_the_provider_is_told_to_the_front_end(shop: Product) -> None:
    _, begun = set_out(shop)
    state = query_of(begun.json()["url"])["state"]

    answer = shop.http.get("/api/v1/auth/providers/oidc/callback", params={"state": state, "error": "access_denied"})

    assert query_of(answer.headers["location"]) == {"state": state, "error": "access_denied"}


# ---- by an ID token -------------------------------------------------------------------------------------------------


def by_token(shop: Product, token: str) -> Any:
    told = {"provider": "oidc", "token": {"client_id": CLIENT_ID, "id_token": token}}
    return Browser(product=shop).ask("POST", "providers/token", told)


def test_a_program_with_an_id_token_comes_in(shop: Product, provider: IdentityProvider) -> None:
    person = somebody()

    answer = by_token(shop, provider.id_token(person))

    assert (answer.status_code, answer.json()["user"]["email"]) == (200, person["email"])


def test_an_id_token_connects(shop: Product, provider: IdentityProvider, alice: Person) -> None:
    me, person = signed_in(alice.user, shop), somebody()
    told = {"provider": "oidc", "token": {"client_id": CLIENT_ID, "id_token": provider.id_token(person)}}

    assert me.ask("POST", "connections/token", told).status_code == 204
    assert SocialAccount.objects.get(uid=person["sub"]).user == alice.user


def test_an_id_token_that_is_not_for_us_is_refused(shop: Product, provider: IdentityProvider) -> None:
    person = somebody()
    stranger = IdentityProvider(url=provider.url)
    unsigned = provider.id_token(person).rpartition(".")[0] + "."
    wrong = [
        provider.id_token(person, aud="another"),
        provider.id_token(person, iss="https://evil.example"),
        provider.id_token(person, exp=1),
        stranger.id_token(person),
        unsigned,
        "made up",
        "a.b.c",
        "eyJhbGciOiJub25lIn0.e30.",
        "",
    ]

    assert {token: by_token(shop, token).status_code for token in wrong} == dict.fromkeys(wrong, 400)
    assert not SocialAccount.objects.filter(uid=person["sub"]).exists()


@pytest.mark.parametrize("token", [None, 1, "x", [], {}, {"id_token": 1}, {"client_id": 1}, {"client_id": CLIENT_ID}])
def test_what_is_no_token_is_a_mistake_of_the_client(shop: Product, token: Any) -> None:
    answer = Browser(product=shop).ask("POST", "providers/token", {"provider": "oidc", "token": token})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
