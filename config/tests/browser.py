"""A browser, for the tests that take these fixtures, and what people do in it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import shutil
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from config.tests.launching import ROOT, Run

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or ""
SEEN = ROOT / "build" / "screenshots"
EXPECTED = ("Failed to load resource", "WebSocket connection to")
PATIENCE = 15_000  # ms, for a busy machine.

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    assert CHROMIUM, "There is no chromium here. Install Debian's package, or name one as CHROMIUM."
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not start for root.
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def tab(chromium: Browser, run: Run) -> Iterator[Page]:
    with opened(chromium, run.started()["url"]) as page:
        yield page


@contextmanager
def opened(chromium: Browser, url: str) -> Iterator[Page]:
    """A tab that notes what it should not have done."""
    page = chromium.new_page(base_url=url, viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if _is_wrong(said) else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    ours = (url, url.replace("http", "ws", 1), "data:")
    page.on("request", lambda asked: None if asked.url.startswith(ours) else wrong.append(asked.url))
    yield page
    page.close()
    assert wrong == []


def _is_wrong(said: ConsoleMessage) -> bool:
    """A refusal that a page expects is said there too, and that a server is away."""
    return said.type == "error" and not any(words in said.text for words in EXPECTED)


def look_at(page: Page, name: str, *, anew: bool = False) -> None:
    """Keep how it looks, wide and narrow, light and dark; nothing may stick out on a phone. `anew`: of a page that asks
    for the scheme only as it is loaded."""
    SEEN.mkdir(parents=True, exist_ok=True)
    for width, scheme in ((1440, "light"), (390, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        if anew:
            page.reload()
        page.screenshot(path=SEEN / f"{name}-{width}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide at {width}"
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")


def fill(page: Page, **told: str) -> None:
    for label, value in told.items():
        page.get_by_label(label.replace("_", " "), exact=False).locator("visible=true").fill(value)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


# ---- the app in somebody's hand


def code_of(secret: str, step: int) -> str:
    """RFC 6238, written anew: what a phone shows."""
    key = base64.b32decode(secret.replace(" ", ""))
    digest = hmac.digest(key, struct.pack(">Q", step), hashlib.sha1)
    [number] = struct.unpack_from(">I", digest, digest[-1] & 15)
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


def step_now() -> int:
    return int(time.time()) // 30
