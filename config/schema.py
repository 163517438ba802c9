"""What drf-spectacular cannot see by itself: our credentials, the endpoints of plain asynchronous views (they are
written in `openapi.yaml`), and what may go wrong with each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from config.writes import takes_keys

WRITTEN = Path(__file__).parent / "openapi.yaml"
PROBLEM = {
    "description": "What went wrong, as problem+json (RFC 9457).",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


class Summarised(AutoSchema):
    """The first line of a view's docstring is its summary, the rest its description."""

    def get_summary(self) -> str:
        return str(super().get_description()).partition("\n")[0]

    def get_description(self) -> str:  # type: ignore[override]
        return str(super().get_description()).partition("\n")[2].strip()


class HeaderCredentials(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.HeaderAuthentication"
    name = ["bearer", "apiKey"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer", "description": "An access token, or an API key."},
            {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "An API key."},
        ]


class SessionCookie(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.BrowserSession"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "Staff, from the console."}


def add_what_django_serves(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    written = yaml.safe_load(WRITTEN.read_text())
    for address, operations in written["paths"].items():
        result["paths"].setdefault(address, {}).update(operations)
    for kind, components in written["components"].items():
        result["components"].setdefault(kind, {}).update(components)
    for address, operations in result["paths"].items():
        _either_credential(operations)
        shared = operations.get("parameters", [])
        for method, operation in operations.items():
            if isinstance(operation, dict) and "responses" in operation:
                _take_idempotency_keys(method, address, operation)
                _say_what_may_go_wrong(method, operation, [*shared, *operation.get("parameters", [])])
    result["paths"] = dict(sorted(result["paths"].items()))
    return result


def _either_credential(operations: dict[str, Any]) -> None:
    """One of them does; side by side in one entry they would all be asked for."""
    for operation in operations.values():
        if isinstance(operation, dict) and "security" in operation:
            operation["security"] = [alone for entry in operation["security"] for alone in _one_by_one(entry)]


def _one_by_one(entry: dict[str, list[str]]) -> list[dict[str, list[str]]]:
    return [{name: scopes} for name, scopes in entry.items()] or [{}]


def _take_idempotency_keys(method: str, address: str, operation: dict[str, Any]) -> None:
    if takes_keys(method.upper(), address):
        operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/idempotency_key"})


def _say_what_may_go_wrong(method: str, operation: dict[str, Any], parameters: list[dict[str, Any]]) -> None:
    """In place of `default`: each status, in the shape that `default` has."""
    shape = operation["responses"].pop("default", PROBLEM)
    for status in sorted(_refusals(method, operation, parameters)):
        operation["responses"].setdefault(str(status), shape)


def _refusals(method: str, operation: dict[str, Any], parameters: list[dict[str, Any]]) -> set[int]:
    statuses = {400, 406, 429, 503}
    if operation.get("security") != []:
        statuses |= {401, 403, 404}
    if parameters:
        statuses |= {404}
    if method != "get":
        statuses |= {409, 422}
    if "requestBody" in operation:
        statuses |= {413, 415}
    if "x-asks-a-model" in operation:
        statuses |= {402, 502, 504, 529}
    if operation["tags"] == ["billing"] or (operation["tags"] == ["quotas"] and method != "get"):
        statuses |= {402, 502} if method != "get" else {502}  # Whoever takes the money says no, or is not understood.
    return statuses
