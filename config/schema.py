"""What drf-spectacular cannot see: the endpoints that plain asynchronous views serve, written in `openapi.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

WRITTEN = Path(__file__).parent / "openapi.yaml"


def add_what_django_serves(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    written = yaml.safe_load(WRITTEN.read_text())
    for address, operations in written["paths"].items():
        result["paths"].setdefault(address, {}).update(operations)
    for kind, components in written["components"].items():
        result["components"].setdefault(kind, {}).update(components)
    result["paths"] = dict(sorted(result["paths"].items()))
    return result
