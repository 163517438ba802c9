"""The pages of strategies and operations: they load and ask nothing but us, and all that they load is there."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import pytest

from accounts import pages
from config.tests.product import Product

LOADED = re.compile(r'(?:src|href)="(/static/[^"]+)"')
IMPORTED = re.compile(r'from "(\.[^"]+)"')
PAGES = ["/account/strategies", "/account/operations"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_served_under_the_strict_policy_without_anything_inline(product: Product, page: str) -> None:
    answer = product.http.get(page)

    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == pages.POLICY
    assert "set-cookie" not in answer.headers
    assert not re.search(r"<script(?![^>]* src=)|<style|\s(?:style|on\w+)=", answer.text)
    assert "//" not in answer.text


@pytest.mark.parametrize("page", PAGES)
def test_all_that_a_page_loads_is_served_and_makes_no_markup_of_words(product: Product, page: str) -> None:
    waiting, seen = set(LOADED.findall(product.http.get(page).text)), set[str]()
    while waiting:
        answer = product.http.get(address := waiting.pop())
        assert answer.status_code == 200, address
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", answer.text)
        seen.add(address)
        waiting |= {urljoin(address, name) for name in IMPORTED.findall(answer.text)} - seen

    assert "/static/assistants/events.js" in seen
    assert "/static/account/api.js" in seen
