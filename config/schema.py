"""What drf-spectacular cannot see by itself: our credentials, the endpoints of plain asynchronous views (they are
written in `openapi.yaml`), and that every endpoint may answer with a problem."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

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
        if address.startswith("/api/"):
            _may_answer_a_problem(operations)
    result["paths"] = dict(sorted(result["paths"].items()))
    return result


def _may_answer_a_problem(operations: dict[str, Any]) -> None:
    for operation in operations.values():
        if isinstance(operation, dict) and "responses" in operation:
            operation["responses"].setdefault("default", PROBLEM)
