"""What a person does in a browser, against `make run` and the mail it writes to disk: register, verify, TOTP, reset."""

from __future__ import annotations

import email
import json
import re
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from zipfile import ZipFile

import httpx2
import psycopg
import pytest
from environ import Env
from playwright.sync_api import Page, expect

from config.tests.browser import chromium as chromium
from config.tests.browser import code_of, fill, look_at, press, step_now
from config.tests.browser import tab as tab
from config.tests.launching import Run
from config.tests.launching import environment as environment
from config.tests.launching import folder as folder
from config.tests.launching import run as run
from config.tests.product import eventually

ADDRESS = "ada@example.com"
PASSWORD = "a long enough one"
ANOTHER = "another long enough one"
BETWEEN_LETTERS = b"-" * 79 + b"\n"

pytestmark = pytest.mark.browser


# ---- the mail on disk


def letters_in(folder: Path) -> list[EmailMessage]:
    """Oldest first."""
    found = []
    for file in sorted(folder.glob("*"), key=lambda file: file.stat().st_mtime_ns):
        parts = [part for part in file.read_bytes().split(BETWEEN_LETTERS) if part.strip()]
        found += [email.message_from_bytes(part, policy=default) for part in parts]
    return [letter for letter in found if isinstance(letter, EmailMessage)]


def link_from(run: Run, subject: str, *, to: str = ADDRESS, at_least: int = 1) -> str:
    """Of the newest letter with this subject, which may have to be waited for."""

    def matching() -> list[EmailMessage]:
        return [
            letter for letter in letters_in(run.folder / "mail") if (letter["subject"], letter["to"]) == (subject, to)
        ]

    eventually(lambda: len(matching()) >= at_least, within=30)
    body = matching()[-1].get_body(("plain",))
    assert body
    [link] = re.findall(r"http\S+#key=\S+", body.get_content())
    return str(link)


def sign_in(page: Page, password: str) -> None:
    page.goto("/account/sign-in")
    fill(page, mail=ADDRESS, Password=password)
    press(page, "Sign in")


def test_a_person_registers_verifies_adds_an_app_signs_in_with_it_and_resets_the_password(tab: Page, run: Run) -> None:
    # Register.
    tab.goto("/account/sign-up")
    look_at(tab, "sign-up")
    fill(tab, Name="Ada", mail=ADDRESS, Password="short")
    tab.evaluate("document.querySelector('[name=password]').removeAttribute('minlength')")
    press(tab, "Sign up")
    expect(tab.get_by_text("This password is too short")).to_be_visible()
    look_at(tab, "sign-up-refused")
    fill(tab, Password=PASSWORD)
    press(tab, "Sign up")
    expect(tab.get_by_text("Look into your mail")).to_be_visible()
    look_at(tab, "sign-up-done")
    tab.get_by_role("link", name="Go to your account").click()
    expect(tab.get_by_text("Not confirmed")).to_be_visible()
    look_at(tab, "account-not-confirmed")

    # Verify.
    tab.goto(link_from(run, "Confirm your e-mail address"))
    look_at(tab, "verify")
    press(tab, "Confirm the address")
    expect(tab.get_by_text("It is yours")).to_be_visible()
    assert "key" not in tab.url
    look_at(tab, "verify-done")
    tab.get_by_role("link", name="Go to your account").click()
    expect(tab.get_by_text("Confirmed", exact=True)).to_be_visible()

    # TOTP.
    press(tab, "Set it up")
    expect(tab.locator("#secret")).to_be_visible()
    assert tab.evaluate("document.querySelector('#qr').naturalWidth") > 0
    look_at(tab, "app-set-up")
    secret = tab.locator("#secret").inner_text()
    first = step_now()
    fill(tab, The_code=code_of(secret, first))
    press(tab, "Switch it on")
    expect(tab.get_by_text("Your recovery codes")).to_be_visible()
    assert tab.locator(".codes li").count() == 10
    recovery = tab.locator(".codes li").first.inner_text()
    look_at(tab, "app-on")

    # Sign out, and in with the code: of the next step, for the first one is spent.
    press(tab, "Sign out")
    expect(tab).to_have_url(re.compile("/account/sign-in$"))
    look_at(tab, "sign-in")
    sign_in(tab, PASSWORD)
    expect(tab.get_by_text("Your second factor")).to_be_visible()
    look_at(tab, "second-factor")
    fill(tab, Code="000000")
    press(tab, "Sign in")
    expect(tab.locator("#factor .error")).to_be_visible()
    fill(tab, Code=code_of(secret, first + 1))
    press(tab, "Sign in")
    expect(tab.get_by_text("Where you are signed in")).to_be_visible()

    # Reset by mail.
    tab.goto("/account/forgot-password")
    look_at(tab, "forgot")
    fill(tab, mail=ADDRESS)
    press(tab, "Send the link")
    expect(tab.get_by_text("If ada@example.com has an account")).to_be_visible()
    link = link_from(run, "Choose a new password")
    tab.goto(link)
    look_at(tab, "reset")
    fill(tab, New_password=ANOTHER)
    press(tab, "Set the password")
    expect(tab.get_by_text("Your password is set")).to_be_visible()
    assert "key" not in tab.url

    # The old password is good no more; the new one is, with a recovery code for who left the phone at home.
    sign_in(tab, PASSWORD)
    expect(tab.get_by_text("do not match")).to_be_visible()
    look_at(tab, "sign-in-refused")
    sign_in(tab, ANOTHER)
    fill(tab, Code=recovery)
    press(tab, "Sign in")
    expect(tab.get_by_text("9 of 10 recovery codes are unused.")).to_be_visible()
    look_at(tab, "account")

    # A link is good once.
    tab.goto(link)
    fill(tab, New_password="a third long enough one")
    press(tab, "Set the password")
    expect(tab.get_by_text("This link was used before")).to_be_visible()

    logged = "".join(file.read_text() for file in (run.folder / "logs").glob("*.log"))
    for told in (link.partition("#key=")[2], PASSWORD, ANOTHER, secret.replace(" ", ""), recovery):
        assert told not in logged


# ---- looking after an account


def grow_old(run: Run) -> None:
    """Let every log-in be a day old, so that what matters takes a fresh proof."""
    environment = dict(line.split("=", 1) for line in (run.folder / "services.env").read_text().splitlines())
    database = Env.db_url_config(environment["DATABASE_URL"])
    with psycopg.connect(host=database["HOST"], dbname=database["NAME"], user=database["USER"]) as connection:
        connection.execute(
            "UPDATE accounts_tokenfamily SET created_at = created_at - interval '1 day', remembered = '{}'"
        )


def prove(tab: Page, proof: str) -> None:
    tab.get_by_role("dialog").get_by_role("textbox").fill(proof)
    press(tab, "Go on")


def test_a_person_looks_after_their_account(tab: Page, run: Run) -> None:
    there = "ada@elsewhere.example"
    bea = {"email": "bea@example.com", "password": PASSWORD}
    httpx2.post(f"{run.started()['url']}/api/v1/auth/register", json=bea).raise_for_status()
    tab.goto("/account/")
    expect(tab).to_have_url(re.compile("/account/sign-in$"))
    fill(tab, mail="bea@example.com", Password=PASSWORD)
    press(tab, "Sign in")

    # Another session is seen, and ended.
    expect(tab.locator("#sessions li")).to_have_count(2)
    look_at(tab, "sessions")
    press(tab, "End")
    expect(tab.locator("#sessions li")).to_have_count(1)

    # A wrong password moves nothing; the right one has a letter sent.
    tab.get_by_text("Move to another address").click()
    fill(tab, New_address=there, Your_password=ANOTHER)
    press(tab, "Send a letter there")
    expect(tab.get_by_text("This is not your password.")).to_be_visible()
    look_at(tab, "move-refused")
    fill(tab, Your_password=PASSWORD)
    press(tab, "Send a letter there")
    expect(tab.get_by_text(f"A letter is on its way to {there}")).to_be_visible()
    link = link_from(run, "Confirm your e-mail address", to=there)  # Its key is made as it goes.

    # A new password.
    tab.get_by_text("Change the password").click()
    fill(tab, Present_password=PASSWORD, New_password=ANOTHER)
    press(tab, "Change it, and sign out elsewhere")
    expect(tab.get_by_text("Your password is changed")).to_be_visible()

    # With it the letter's key is void, so a second one is asked for.
    tab.goto(link)
    press(tab, "Confirm the address")
    expect(tab.get_by_text("This link was used before")).to_be_visible()
    look_at(tab, "verify-refused")
    tab.goto("/account/")
    tab.get_by_text("Move to another address").click()
    fill(tab, New_address=there, Your_password=ANOTHER)
    press(tab, "Send a letter there")
    expect(tab.get_by_text(f"A letter is on its way to {there}")).to_be_visible()
    tab.goto(link_from(run, "Confirm your e-mail address", to=there, at_least=2))
    press(tab, "Confirm the address")
    expect(tab.get_by_text(there)).to_be_visible()

    # An old log-in takes a fresh proof before an app is added, by password, and before it is removed, by code.
    grow_old(run)
    tab.goto("/account/")
    press(tab, "Set it up")
    expect(tab.get_by_role("dialog")).to_be_visible()
    look_at(tab, "prove")
    prove(tab, "not the password")
    expect(tab.get_by_role("dialog").locator(".error")).to_be_visible()
    prove(tab, ANOTHER)
    expect(tab.locator("#secret")).to_be_visible()
    secret, step = tab.locator("#secret").inner_text(), step_now()
    fill(tab, The_code=code_of(secret, step))
    press(tab, "Switch it on")
    expect(tab.get_by_text("10 of 10 recovery codes are unused.")).to_be_visible()
    grow_old(run)
    tab.reload()
    press(tab, "Switch it off")
    prove(tab, code_of(secret, step + 1))
    expect(tab.get_by_text("The authenticator app is switched off.")).to_be_visible()

    # Gone everywhere.
    press(tab, "Sign out everywhere")
    expect(tab).to_have_url(re.compile("/account/sign-in$"))
    tab.goto("/account/")
    expect(tab).to_have_url(re.compile("/account/sign-in$"))


# ---- all that is kept


def test_a_person_takes_their_data_along_and_is_erased(tab: Page, run: Run) -> None:
    cleo = {"email": "cleo@example.com", "password": PASSWORD, "name": "Cleo"}
    httpx2.post(f"{run.started()['url']}/api/v1/auth/register", json=cleo).raise_for_status()

    # The letter's page, by way of the log-in.
    tab.goto("/account/your-data")
    fill(tab, mail="cleo@example.com", Password=PASSWORD)
    press(tab, "Sign in")
    expect(tab.get_by_text("None yet")).to_be_visible()

    press(tab, "Make a new file")
    expect(tab.get_by_text("Ready", exact=True)).to_be_visible(timeout=60_000)
    look_at(tab, "your-data")
    with tab.expect_download() as downloaded:
        press(tab, "Download it")
    with ZipFile(downloaded.value.path()) as archive:
        assert json.loads(archive.read("profile.json"))[0]["name"] == "Cleo"

    tab.get_by_text("Erase it").click()
    fill(tab, Your_password="not mine")
    press(tab, "Erase my account for ever")
    expect(tab.get_by_text("This is not your password.")).to_be_visible()
    fill(tab, Your_password=PASSWORD)
    press(tab, "Erase my account for ever")
    expect(tab.get_by_text("Your account is erased")).to_be_visible()
    look_at(tab, "erased")
    tab.goto("/account/sign-in")
    fill(tab, mail="cleo@example.com", Password=PASSWORD)
    press(tab, "Sign in")
    expect(tab.get_by_text("do not match")).to_be_visible()


def test_an_invitation_waits_while_its_reader_signs_up(tab: Page, run: Run) -> None:
    with httpx2.Client(base_url=f"{run.started()['url']}/api/v1/") as api:
        _invited_by_cara(api, tab, run)


def _invited_by_cara(api: httpx2.Client, tab: Page, run: Run) -> None:
    cara = {"email": "cara@example.com", "password": PASSWORD}
    bearer = {"authorization": f"Bearer {api.post('auth/register', json=cara).json()['access']}"}
    _, _, key = link_from(run, "Confirm your e-mail address", to="cara@example.com").partition("#key=")
    api.post("auth/verify-email", json={"key": key}).raise_for_status()
    team = api.post("workspaces", headers=bearer, json={"name": "Acme"}).json()["id"]
    asked = {"email": "dan@example.com", "role": "viewer"}
    api.post(f"workspaces/{team}/invitations", headers=bearer, json=asked).raise_for_status()
    link = link_from(run, "You are invited to Acme", to="dan@example.com")

    tab.goto(link)
    expect(tab.get_by_text("Sign in to accept, or sign up first.")).to_be_visible()
    assert "key" not in tab.url
    look_at(tab, "invitation-stranger")
    tab.get_by_role("link", name="Sign up").click()
    fill(tab, mail="dan@example.com", Password=PASSWORD)
    press(tab, "Sign up")
    tab.get_by_role("link", name="Go to your account").click()
    look_at(tab, "invitation")
    press(tab, "Accept the invitation")

    expect(tab.get_by_text("You belong to Acme")).to_be_visible()
    expect(tab.get_by_text("Your role there: viewer.")).to_be_visible()
    look_at(tab, "invitation-accepted")
    newest, _ = api.get(f"workspaces/{team}/members", headers=bearer).json()["results"]
    assert (newest["email"], newest["role"]) == ("dan@example.com", "viewer")
    tab.get_by_role("link", name="Go to your account").click()
    expect(tab).to_have_url(re.compile("/account/security$"))
    tab.goto(link)
    press(tab, "Accept the invitation")
    expect(tab.get_by_text("They are a member of this workspace already.")).to_be_visible()
    tab.reload()
    expect(tab.get_by_text("This link is not whole")).to_be_visible()
