"""What a person does in a browser, against `make run`: have a strategy worked out, watch it come, take it along."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, Route, expect

from config.tests.browser import chromium as chromium
from config.tests.browser import fill, look_at, press
from config.tests.browser import tab as tab
from config.tests.launching import Run
from config.tests.launching import environment as environment
from config.tests.launching import folder as folder
from config.tests.launching import run as run

PASSWORD = "a long enough one"
HOSTILE = '<img src=x onerror="window.ran=1"><script>window.ran=1</script>'
BRIEF = {
    "Business": f"Corner bakery {HOSTILE}",
    "Industry": "Food",
    "Audience": "Neighbours on their way to work",
    "Goal": "200 regulars by June",
}

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", autouse=True)
def _time_to_look() -> Iterator[None]:
    """A step takes four seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEMO_GAP_SECONDS", "0.08")
        yield


def come_in(tab: Page, run: Run, email: str, where: str) -> None:
    newcomer = {"email": email, "password": PASSWORD, "name": "Ada"}
    httpx2.post(f"{run.started()['url']}/api/v1/auth/register", json=newcomer).raise_for_status()
    tab.goto(where)
    fill(tab, mail=email, Password=PASSWORD)
    press(tab, "Sign in")
    expect(tab.get_by_role("heading", name="Made so far")).to_be_visible()


def roles(tab: Page, state: str, count: int) -> None:
    """The worker may not have begun when the first is asked for."""
    expect(tab.locator(f"#progress [data-state={state}]")).to_have_count(count, timeout=60_000)


def taken(tab: Page, button: str, name: str) -> Path:
    with tab.expect_download() as downloaded:
        press(tab, button)
    assert downloaded.value.suggested_filename == name
    return Path(downloaded.value.path())


def test_a_person_watches_a_strategy_come_and_takes_it_along(tab: Page, run: Run) -> None:
    come_in(tab, run, "ada@example.com", "/account/strategies")
    look_at(tab, "strategies-none")

    # The connection breaks off once, after its first event.
    asked_after: list[str] = []

    def break_off_once(route: Route) -> None:
        asked_after.append(route.request.headers["last-event-id"])
        first = 'event: job.started\nid: 1\ndata: {"steps_in_all": 4}\n\nevent: step.sta'
        route.continue_() if asked_after[1:] else route.fulfill(content_type="text/event-stream", body=first)

    tab.route("**/events", break_off_once)

    # It comes, role by role.
    fill(tab, **BRIEF)
    tab.get_by_text("Say more, if you like").click()
    fill(tab, Platforms="Instagram\n\n Local radio", Horizon="8")
    look_at(tab, "strategies-brief")
    press(tab, "Have it worked out")
    roles(tab, "working", 1)
    expect(tab.locator("#progress [data-state=working]")).to_contain_text("Researcher")
    roles(tab, "waiting", 3)
    roles(tab, "done", 1)
    expect(tab.get_by_text("What the researcher gave")).to_be_visible()
    expect(tab.get_by_text("The strategist is working, 2 of 4.")).to_be_visible()
    expect(tab.get_by_text("The demo answered")).to_be_visible()
    look_at(tab, "strategy-coming")
    roles(tab, "done", 4)
    expect(tab.locator("[data-charged]")).to_contain_text(re.compile("Charged: [0-9,]+ tokens"))
    assert asked_after == ["0", "1"]
    look_at(tab, "strategy")

    # All of it is words, what was typed and what came.
    tab.get_by_text("What you asked for").click()
    expect(tab.locator("#brief")).to_contain_text(HOSTILE)
    expect(tab.locator("#results")).to_contain_text(HOSTILE)
    expect(tab.locator("#brief .points li")).to_have_text(["Instagram", "Local radio"])
    assert tab.locator("#one :is(img, script)").count() == 0
    assert tab.evaluate("window.ran") is None

    # It is taken along, and found again.
    assert taken(tab, "Download PDF", "strategy.pdf").read_bytes().startswith(b"%PDF-")
    assert taken(tab, "Markdown", "strategy.md").read_text().startswith("# ")
    assert json.loads(taken(tab, "JSON", "strategy.json").read_text())["brief"]["horizon"] == 8
    tab.reload()
    expect(tab.get_by_text("The result")).to_be_visible()
    expect(tab.get_by_text("Next steps")).to_be_visible()

    # Another one is refused with what is needed, what is left and when there is more.
    tab.get_by_role("link", name="All strategies").click()
    expect(tab.locator("#made .rows .mark")).to_have_text("Done")
    fill(tab, **BRIEF)
    press(tab, "Have it worked out")
    refused = re.compile(r"This needs [0-9,]+ tokens\. Of your 10,000 a day, [0-9,]+ are left\. They begin anew ")
    expect(tab.get_by_role("alert")).to_have_text(refused)
    look_at(tab, "strategies-refused")

    # It is deleted.
    tab.locator("#made a").click()
    press(tab, "Delete it")
    look_at(tab, "strategy-sure")
    press(tab, "Delete")
    expect(tab.get_by_text("It is deleted.")).to_be_visible()
    expect(tab.get_by_text("None yet.")).to_be_visible()


def test_a_person_cancels_a_strategy_by_keyboard_and_keeps_what_was_done(tab: Page, run: Run) -> None:
    come_in(tab, run, "bea@example.com", "/account/strategies")
    fill(tab, **BRIEF)
    tab.get_by_label("Goal").press("Enter")
    roles(tab, "done", 1)
    tab.get_by_role("button", name="Cancel it").press("Enter")

    expect(tab.locator("[data-state].mark")).to_have_text("Cancelled")
    roles(tab, "working", 0)
    expect(tab.locator("#progress [data-state=stopped]").last).to_contain_text("Not done")
    expect(tab.get_by_text("What the researcher gave")).to_be_visible()
    look_at(tab, "strategy-cancelled")
    assert taken(tab, "Download PDF", "strategy.pdf").read_bytes().startswith(b"%PDF-")


def test_a_person_sees_what_an_operation_costs_before_and_what_it_was_charged_after(tab: Page, run: Run) -> None:
    come_in(tab, run, "cleo@example.com", "/account/operations")
    expect(tab.get_by_text("3 of 3 operations are left.")).to_be_visible()
    tab.get_by_label("What should be done").select_option("Market research")
    fill(tab, Product="Rye bread", Geography="Leipzig")
    look_at(tab, "operations")
    press(tab, "Have it done")

    roles(tab, "done", 1)
    expect(tab.locator("[data-charged]")).to_contain_text("Charged: 1 operation and ")
    look_at(tab, "operation")
    assert taken(tab, "Download PDF", "market-research.pdf").read_bytes().startswith(b"%PDF-")
    tab.get_by_role("link", name="All operations").click()
    expect(tab.get_by_text("2 of 3 operations are left.")).to_be_visible()
