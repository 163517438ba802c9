"""What staff do in a browser, against `make run`: come in by two factors, watch, and act."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from config.tests.browser import chromium as chromium
from config.tests.browser import code_of, fill, look_at, opened, press, step_now
from config.tests.browser import tab as tab
from config.tests.launching import Run, launched
from config.tests.launching import environment as environment
from config.tests.launching import folder as folder
from config.tests.launching import run as run

PASSWORD = "a long enough one"
HOSTILE = '<img src=x onerror="window.ran=1"><script>window.ran=1</script>'

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", autouse=True)
def _by_two_factors() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAFF_SECOND_FACTOR", "on")
        patch.setenv("RATE_LIMITS", "off")
        yield


class Staff:
    """Whoever runs the product, with an app in hand whose codes are good once."""

    def __init__(self) -> None:
        self.secret = ""
        self.step = 0

    def come_in(self, page: Page, run: Run) -> None:
        page.goto("/admin/")
        fill(page, Email=run.started()["console"]["email"], Password=run.started()["console"]["password"])
        if self.secret:
            fill(page, Code=self._code())
        press(page, "Sign in")
        if not self.secret:
            self.secret = page.locator(".secret").inner_text()
            fill(page, Code=self._code())
            press(page, "Confirm")
            page.get_by_role("link", name="I have kept them").click()
        expect(page.locator("[data-page=dashboard]")).to_be_visible()

    def _code(self) -> str:
        """A clock may be a step ahead."""
        self.step = max(step_now(), self.step + 1)
        return code_of(self.secret, self.step)


@pytest.fixture(scope="module")
def staff() -> Staff:
    return Staff()


def sign_up(run: Run, name: str) -> dict[str, str]:
    told = {"email": f"{uuid4().hex}@example.com", "password": PASSWORD, "name": name}
    answer = httpx2.post(f"{run.started()['url']}/api/v1/auth/register", json=told, timeout=30).raise_for_status()
    return {"authorization": f"Bearer {answer.json()['access']}", "email": told["email"]}


def chat(run: Run) -> None:
    asked = {"model": "claude-sonnet-5-5", "max_tokens": 20, "messages": [{"role": "user", "content": HOSTILE}]}
    headers = {"x-api-key": run.started()["api_key"], "anthropic-version": "2026-10-21"}
    httpx2.post(f"{run.started()['url']}/v1/messages", json=asked, headers=headers, timeout=30).raise_for_status()


def is_live(page: Page) -> None:
    expect(page.locator("#feed-state")).to_have_attribute("data-state", "live")


def seconds_until_seen(page: Page, run: Run) -> float:
    """From the end of a chat until the feed shows it."""
    chats = page.locator("#feed-lines [data-kind=chat_completed]")
    before = chats.count()
    chat(run)
    ended = time.monotonic()
    expect(chats).to_have_count(before + 1)
    return time.monotonic() - ended


def test_staff_see_the_business_and_what_happens_in_it(tab: Page, run: Run, staff: Staff) -> None:
    staff.come_in(tab, run)
    is_live(tab)
    look_at(tab, "console-dashboard", anew=True)
    is_live(tab)

    # A chat is there within a second, though a busy machine may need more than one try; a hostile name is text.
    assert min(seconds_until_seen(tab, run) for _ in range(5)) < 1
    sign_up(run, HOSTILE)
    expect(tab.locator("#feed-lines").get_by_text(HOSTILE)).to_be_visible()

    # The figures follow.
    tab.goto("/admin/")
    expect(tab.locator("[data-chart=sign-ups-trend] svg").first).to_be_visible()
    for page in ("/admin/accounts/workspace/", "/admin/accounts/user/", "/admin/analytics/event/"):
        tab.goto(page)
        expect(tab.get_by_text(HOSTILE).first).to_be_visible()
        look_at(tab, f"console{page.replace('/', '-').rstrip('-')}", anew=True)
    assert tab.evaluate("window.ran") is None


def test_who_watches_misses_nothing_while_the_server_is_away(
    chromium: Browser, folder: Path, environment: dict[str, str], staff: Staff
) -> None:
    with launched(folder, environment) as run, opened(chromium, run.started()["url"]) as page:
        staff.come_in(page, run)
        is_live(page)
        run.process.terminate()
        run.process.communicate(timeout=30)
        expect(page.locator("#feed-state")).not_to_have_attribute("data-state", "live")

        with launched(folder, environment) as again:
            names = [f"Newcomer {uuid4().hex}" for _ in range(30)]
            for name in names:
                sign_up(again, name)
            is_live(page)
            for name in names:
                expect(page.locator("#feed-lines").get_by_text(name)).to_have_count(1)
