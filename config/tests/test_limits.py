"""What is too large is stopped at the door, whoever sends it."""

from collections.abc import Iterator

import httpx2
import pytest

from accounts.tests.factories import Person
from config.tests.product import Product

MEGABYTE = b" " * 1024 * 1024


def megabytes(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield MEGABYTE


@pytest.mark.parametrize(
    ("address", "named"),
    [("/v1/messages", "error"), ("/v1/chat/completions", "error"), ("/api/v1/auth/login", "code")],
)
def test_a_body_without_a_length_is_cut_off(product: Product, address: str, named: str) -> None:
    answer = httpx2.post(product.url + address, content=megabytes(10))

    assert answer.status_code == 413
    assert named in answer.json()
    assert answer.headers["x-request-id"].startswith("req_")


def test_a_body_within_the_limit_is_read(product: Product, alice: Person) -> None:
    answer = httpx2.post(f"{product.url}/v1/messages", content=megabytes(7), headers=alice.headers)

    assert answer.status_code == 400
