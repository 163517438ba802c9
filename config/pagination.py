from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request


class ByCursor(CursorPagination):
    """Newest first, by `created_at` or what the view names as `newest_by`: another moment, or `id`.
    Follow `next`; `page_size` may be asked for, up to 100."""

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, str]:
        # What came in the same moment stands in the order in which it came.
        return (f"-{getattr(view, 'newest_by', 'created_at')}", "-pk")

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """As OpenAPI 3.1 says that there may be no such page."""
        page: dict[str, Any] = super().get_paginated_response_schema(schema)
        for name in ("next", "previous"):
            page["properties"][name] = {"type": ["string", "null"], "format": "uri"}
        return page

    def decode_cursor(self, request: Request) -> Cursor | None:
        cursor = super().decode_cursor(request)
        is_one = str.isdecimal if self.ordering[0] == "-id" else _is_moment
        if cursor and cursor.position is not None and not is_one(str(cursor.position)):
            raise NotFound(self.invalid_cursor_message)
        return cursor


def _is_moment(text: str) -> bool:
    try:
        return parse_datetime(text) is not None
    except ValueError:
        return False
