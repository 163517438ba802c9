"""The OpenAPI schema promises every address there is, and its pages need nothing from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
import yaml
from django.core.management import call_command
from django.urls import URLPattern, URLResolver
from drf_spectacular.validation import validate_schema

from accounts.tests.factories import Person
from config import urls
from config.tests.product import Product

# Pages for people, and the schema itself.
NO_API = ("/billing/demo/", "/admin/", "/account/", "/api/session/", "/api/schema", "/api/docs", "/api/redoc")
METHODS = {"get", "post", "put", "patch", "delete"}
CONVERTER = re.compile(r"<(?:\w+:)?(\w+)>")
PAGES = ["/api/docs", "/api/redoc"]


def addresses(patterns: Iterable[object], prefix: str = "/") -> Iterator[str]:
    for pattern in patterns:
        assert isinstance(pattern, URLPattern | URLResolver)
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, address)
        else:
            yield CONVERTER.sub(r"{\1}", address)


def served() -> set[str]:
    return {address for address in addresses(urls.urlpatterns) if not address.startswith(NO_API)}


@pytest.fixture(scope="module")
def schema(database: None) -> dict[str, Any]:
    written = StringIO()
    call_command("spectacular", fail_on_warn=True, stdout=written)
    made: dict[str, Any] = yaml.safe_load(written.getvalue())
    return made


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for address, written in schema["paths"].items():
        for method in METHODS & set(written):
            yield f"{method} {address}", written[method]


def test_it_is_valid_openapi_3_1(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1.")

    validate_schema(schema)  # type: ignore[no-untyped-call]


def test_it_names_every_address(schema: dict[str, Any]) -> None:
    assert set(schema["paths"]) == served()


@pytest.mark.parametrize("address", sorted(served()))
def test_it_names_every_method_of_an_address(
    product: Product, alice: Person, schema: dict[str, Any], address: str
) -> None:
    numbered = re.sub(r"{(passkey|connection|alert)_id}", "1", address)
    path = re.sub(r"{\w+_id}", str(uuid4()), numbered).replace("{slug}", "free").replace("{task_key}", "free")

    allowed = product.http.request("PROPFIND", path, headers=alice.headers).headers["allow"]

    assert set(schema["paths"][address]) & METHODS == {method.lower() for method in allowed.split(", ")} & METHODS


def test_every_operation_has_a_name_of_its_own(schema: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(schema)]

    assert len(names) == len(set(names))


def test_every_operation_says_what_it_is_for(schema: dict[str, Any]) -> None:
    assert [place for place, operation in operations(schema) if not operation.get("summary")] == []
    assert [place for place, operation in operations(schema) if not operation.get("tags")] == []


def test_every_operation_says_what_it_answers(schema: dict[str, Any]) -> None:
    silent = [
        place
        for place, operation in operations(schema)
        if not any(str(status).startswith(("2", "3")) for status in operation["responses"])
    ]

    assert silent == []


def test_every_name_in_an_address_is_described(schema: dict[str, Any]) -> None:
    for address, written in schema["paths"].items():
        for method in METHODS & set(written):
            given = [*written.get("parameters", []), *written[method].get("parameters", [])]
            known = {resolved(schema, parameter)["name"] for parameter in given}
            assert set(re.findall(r"{(\w+)}", address)) <= known, f"{method} {address}"


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(schema)))

    assert references
    for reference in references:
        assert resolved(schema, {"$ref": reference})


def resolved(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    found: dict[str, Any] = schema
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


@pytest.mark.parametrize("address", ["/api/v1/auth/register", "/api/v1/auth/login", "/api/v1/billing/plans"])
def test_what_anybody_may_ask_needs_no_credential(schema: dict[str, Any], address: str) -> None:
    [operation] = [schema["paths"][address][method] for method in METHODS & set(schema["paths"][address])]

    assert operation.get("security", []) in ([], [{}]) or {} in operation["security"]


@pytest.mark.parametrize("address", ["/v1/messages", "/api/v1/quotas/usage", "/api/v1/auth/me", "/v1/models"])
def test_what_asks_for_a_credential_says_which(schema: dict[str, Any], address: str) -> None:
    known = schema["components"]["securitySchemes"]

    for method in METHODS & set(schema["paths"][address]):
        needed = schema["paths"][address][method]["security"]
        assert needed
        assert {} not in needed
        assert {name for one in needed for name in one} <= set(known)


def test_the_server_gives_the_same_schema(product: Product, schema: dict[str, Any]) -> None:
    answer = product.http.get("/api/schema")

    assert answer.status_code == 200
    assert set(yaml.safe_load(answer.text)["paths"]) == set(schema["paths"])


def test_the_schema_may_be_had_as_json(product: Product, schema: dict[str, Any]) -> None:
    answer = product.http.get("/api/schema", headers={"accept": "application/json"})

    assert set(answer.json()["paths"]) == set(schema["paths"])


@pytest.mark.parametrize("page", PAGES)
def test_a_page_refers_to_nothing_elsewhere(product: Product, page: str) -> None:
    html = product.http.get(page).text

    elsewhere = [url for url in re.findall(r"(?:https?:)?//[\w.-]+", html) if not url.endswith(product.url[5:])]
    assert [url for url in elsewhere if "." in url or "http" in url] == []


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_refers_to_is_served(product: Product, page: str) -> None:
    html = product.http.get(page).text
    found = re.findall(r'(?:src|href)="([^"]+)"', html)

    assert found
    for address in found:
        assert address.startswith("/static/"), address
        assert product.http.get(address).status_code == 200, address


@pytest.mark.parametrize("page", PAGES)
def test_a_page_reads_our_schema(product: Product, page: str) -> None:
    assert "/api/schema" in product.http.get(page).text
