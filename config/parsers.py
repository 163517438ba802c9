from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import JSONParser

from accounts.bodies import read_json


class StrictJSONParser(JSONParser):
    """JSON that the database can hold, by the same reading as everywhere else."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return read_json(stream.read())
