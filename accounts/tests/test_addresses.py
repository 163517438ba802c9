"""Where a request comes from: what a client says of itself is not believed."""

from __future__ import annotations

import pytest
from django.test import RequestFactory, override_settings

from accounts import addresses

PROXY, CLIENT, FORGED = "10.0.0.1", "192.0.2.1", "203.0.113.9"


def seen(forwarded: str | None, *, proxies: int) -> str:
    said = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded is not None else {}
    with override_settings(TRUSTED_PROXIES=proxies):
        return addresses.client_address(RequestFactory().get("/", REMOTE_ADDR=PROXY, **said))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("forwarded", "proxies", "expected"),
    [
        (None, 0, PROXY),
        (FORGED, 0, PROXY),
        (CLIENT, 1, CLIENT),
        (f"{FORGED}, {CLIENT}", 1, CLIENT),
        (f"{FORGED}, {CLIENT}, 10.0.0.2", 2, CLIENT),
        (CLIENT, 2, CLIENT),
        (None, 1, PROXY),
        ("", 1, PROXY),
        ("unknown", 1, PROXY),
        (f"{CLIENT}:4711", 1, CLIENT),
        ("[2001:db8::1]:4711", 1, "2001:db8::1"),
        ("::ffff:192.0.2.1", 1, CLIENT),
    ],
)
def test_only_our_own_proxies_are_believed(forwarded: str | None, proxies: int, expected: str) -> None:
    assert seen(forwarded, proxies=proxies) == expected


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_network_counts_as_one_client(address: str, counted: str) -> None:
    assert addresses.network(address) == counted
