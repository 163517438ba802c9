"""The pages under /account/: they load and ask nothing but us, and no key they are given reaches a server."""

from __future__ import annotations

import re

import pytest

from accounts import pages
from config.tests.product import Product

STATIC = re.compile(r'(?:src|href)="(/static/[^"]+)"')
IMPORT = re.compile(r'from "\./([^"]+)"')


@pytest.mark.parametrize("name", ["", *pages.NAMES])
def test_a_page_is_served_under_a_strict_policy_and_sets_no_cookie(product: Product, name: str) -> None:
    answer = product.http.get(f"/account/{name}")

    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == pages.POLICY
    assert "unsafe" not in pages.POLICY
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("name", pages.NAMES)
def test_a_page_holds_no_script_no_style_and_no_other_host(product: Product, name: str) -> None:
    html = product.http.get(f"/account/{name}").text

    assert re.findall(r"<script(?![^>]* src=)", html) == []
    assert "<style" not in html
    assert not re.findall(r"\s(?:style|on\w+)=", html)
    assert "//" not in html.replace("<!doctype html>", "")


@pytest.mark.parametrize("name", pages.NAMES)
def test_all_that_a_page_refers_to_is_served(product: Product, name: str) -> None:
    found = STATIC.findall(product.http.get(f"/account/{name}").text)

    assert len(found) == 2
    for address in found:
        answer = product.http.get(address)
        assert answer.status_code == 200
        for imported in IMPORT.findall(answer.text):
            assert product.http.get(f"/static/account/{imported}").status_code == 200


def test_there_is_no_other_page(product: Product) -> None:
    assert product.http.get("/account/base").status_code == 404
    assert product.http.post("/account/sign-in").status_code in (403, 405)


def test_letters_lead_to_pages_that_there_are() -> None:
    ours = {"verify-email", "reset-password", "forgot-password", "sign-in"}

    assert ours <= set(pages.NAMES)
