"""The console's door: staff by email, password and a code, through one form; every other way is closed."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import console
from accounts.models import User
from accounts.tests.factories import PASSWORD, Person, person
from accounts.tests.ways_in import App, app_of, at_once, in_console, outsider, recovery_codes_of
from config.tests.product import Product

DOORS = ["/admin/login/", "/api/session/login/"]
ME = "/api/v1/auth/me"


@pytest.fixture
def staff(database: None) -> User:
    found = person("Staff").user
    User.objects.filter(pk=found.pk).update(is_staff=True, is_superuser=True)
    found.refresh_from_db()
    return found


def sign_in(user: User, browser: Client | None = None, *, door: str = DOORS[0], **change: Any) -> Any:
    form = {"username": user.email, "password": PASSWORD, "code": ""} | change
    return (browser or Client()).post(door, form)


def first_time(user: User, *, then: str = "/admin/") -> Client:
    """A browser after the right password of somebody without a second factor."""
    browser = Client()
    answer = sign_in(user, browser, next=then)
    assert (answer.status_code, answer["location"]) == (302, "/admin/second-factor")
    return browser


def secret_on(page: Any) -> str:
    found = re.search(r'class="secret">([A-Z2-7 ]+)<', page.content.decode())
    assert found
    return found.group(1).replace(" ", "")


# ---- with a second factor -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
def test_password_and_code_open_it(staff: User, door: str) -> None:
    browser, app = Client(), app_of(staff)

    answer = sign_in(staff, browser, door=door, code=app.code(), next="/admin/accounts/user/")

    assert (answer.status_code, answer["location"]) == (302, "/admin/accounts/user/")
    assert browser.get("/admin/").status_code == 200
    assert browser.get(ME).json()["email"] == staff.email


@pytest.mark.parametrize("door", DOORS)
def test_the_password_alone_does_not(staff: User, door: str) -> None:
    browser, _ = Client(), app_of(staff)

    answer = sign_in(staff, browser, door=door)

    assert answer.status_code == 200
    assert console.SignIn.refusal in answer.content.decode()
    assert browser.get("/admin/").status_code == 302
    assert browser.get(ME).status_code == 401


def test_a_wrong_code_a_wrong_password_and_a_stranger_are_told_the_same(staff: User, alice: Person) -> None:
    app = app_of(staff)

    pages = [
        sign_in(staff, code=app.wrong_code()),
        sign_in(staff, password="not this one, surely", code=app.code()),
        sign_in(alice.user),
        sign_in(User(email="nobody@example.com")),
    ]

    said = [re.findall(r'class="wrong" role="alert">([^<]*)<', page.content.decode()) for page in pages]
    assert said == [[console.SignIn.refusal]] * 4


def test_a_code_is_good_once_here_as_well(staff: User) -> None:
    code = app_of(staff).code()
    assert sign_in(staff, code=code).status_code == 302

    assert sign_in(staff, code=code).status_code == 200


def test_a_recovery_code_opens_it_once(staff: User) -> None:
    app_of(staff)
    code = recovery_codes_of(staff)[0]

    assert [sign_in(staff, code=code).status_code for _ in range(2)] == [302, 200]


def test_guessing_codes_is_guarded(staff: User) -> None:
    app = app_of(staff)
    for _ in range(5):
        sign_in(staff, code=app.wrong_code())

    answer = sign_in(staff, code=app.code())

    assert answer.status_code == 429
    assert "Too many tries" in answer.content.decode()


@pytest.mark.parametrize("door", DOORS)
def test_guessing_passwords_is_guarded_also_in_parallel(product: Product, staff: User, door: str) -> None:
    def guess(number: int) -> str:
        page = product.http.get(door)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert token
        form = {"username": staff.email, "password": f"guess {number}", "csrfmiddlewaretoken": token.group(1)}
        headers = {"cookie": f"csrftoken={page.cookies['csrftoken']}"}
        return str(product.http.post(door, data=form, headers=headers).text)

    pages = at_once(guess, range(30))

    assert sum(console.SignIn.refusal in page for page in pages) == 10
    assert sum("Too many tries" in page for page in pages) == 20


def test_it_leads_nowhere_else(staff: User) -> None:
    app = app_of(staff)

    assert sign_in(staff, code=app.code(), next="https://evil.example/")["location"] == "/admin/"


# ---- without one -----------------------------------------------------------------------------------------------------


def test_who_has_none_is_led_to_set_one_up(staff: User) -> None:
    browser = first_time(staff)

    page = browser.get("/admin/second-factor")

    assert page.status_code == 200
    assert len(secret_on(page)) == 32
    assert "data:image/svg+xml;base64," in page.content.decode()
    assert browser.get("/admin/").status_code == 302
    assert browser.get(ME).status_code == 401


def test_its_first_code_lets_them_in_and_recovery_codes_are_shown_once(staff: User) -> None:
    browser = first_time(staff, then="/admin/accounts/user/")
    app = App(secret_on(browser.get("/admin/second-factor")))

    page = browser.post("/admin/second-factor", {"code": app.code()})

    shown = re.findall(r"<li>(\d{8})</li>", page.content.decode())
    assert shown == recovery_codes_of(staff)
    assert 'href="/admin/accounts/user/"' in unescape(page.content.decode())
    assert "no-store" in page["cache-control"]
    assert browser.get("/admin/").status_code == 200
    assert browser.get("/admin/second-factor").status_code == 302
    assert sign_in(staff, code=app.code()).status_code == 302


def test_the_secret_stays_the_same_while_the_page_is_open(staff: User) -> None:
    browser = first_time(staff)
    before = secret_on(browser.get("/admin/second-factor"))

    after = browser.post("/admin/second-factor", {"code": App(before).wrong_code()})

    assert secret_on(after) == before
    assert "This is not the code" in after.content.decode()
    assert not Authenticator.objects.filter(user=staff).exists()
    assert browser.get("/admin/").status_code == 302


def test_the_secret_stands_in_no_row(staff: User) -> None:
    browser = first_time(staff)
    secret = secret_on(browser.get("/admin/second-factor"))

    kept = Session.objects.get(session_key=browser.cookies["sessionid"].value).get_decoded()

    assert secret not in str(kept)


def test_nobody_sets_one_up_without_the_password(staff: User) -> None:
    answers = [Client().get("/admin/second-factor"), Client().post("/admin/second-factor", {"code": "1"})]

    assert [(answer.status_code, answer["location"]) for answer in answers] == [(302, "/admin/login/")] * 2


def test_who_has_one_by_now_sets_up_no_other(staff: User) -> None:
    browser = first_time(staff)
    app = App(secret_on(browser.get("/admin/second-factor")))
    app_of(staff)

    answer = browser.post("/admin/second-factor", {"code": app.code()})

    assert (answer.status_code, answer["location"]) == (302, "/admin/login/")
    assert browser.get("/admin/").status_code == 302


def test_it_cannot_be_set_up_for_ever(staff: User) -> None:
    browser = first_time(staff)
    session = browser.session
    session[console.SETTING_UP] = session[console.SETTING_UP] | {"at": time.time() - console.SETTING_UP_SECONDS - 1}
    session.save()

    assert browser.get("/admin/second-factor").status_code == 302


def test_where_none_is_required_the_password_opens_it(staff: User, settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = False
    browser = Client()

    assert sign_in(staff, browser).status_code == 302
    assert browser.get("/admin/").status_code == 200


def test_who_has_one_is_asked_for_it_wherever(staff: User, settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = False
    app_of(staff)

    assert sign_in(staff).status_code == 200


# ---- other ways ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("required", [True, False])
def test_a_session_that_came_otherwise_opens_nothing(staff: User, settings: Settings, required: bool) -> None:
    settings.STAFF_SECOND_FACTOR = required
    browser = outsider(staff)

    assert browser.get("/admin/").status_code == 302
    assert browser.get("/admin/accounts/user/").status_code == 302
    assert browser.get(ME).status_code == 401


def test_a_session_by_password_ends_where_a_second_factor_is_required(staff: User, settings: Settings) -> None:
    browser = in_console(staff, by=console.PASSWORD)
    assert browser.get("/admin/").status_code == 302

    settings.STAFF_SECOND_FACTOR = False
    assert browser.get("/admin/").status_code == 200


def test_who_is_staff_no_more_is_out(staff: User) -> None:
    browser = in_console(staff)
    User.objects.filter(pk=staff.pk).update(is_staff=False)

    assert browser.get("/admin/").status_code == 302
    assert browser.get(ME).status_code == 401


def test_a_form_without_its_token_signs_nobody_in(staff: User) -> None:
    app = app_of(staff)
    strict = Client(enforce_csrf_checks=True)

    for door in DOORS:
        assert sign_in(staff, strict, door=door, code=app.code()).status_code == 403


def test_signing_out_of_the_browsable_api_closes_the_console(staff: User) -> None:
    browser = in_console(staff)

    browser.post("/api/session/logout/")

    assert browser.get("/admin/").status_code == 302
