from rest_framework.pagination import CursorPagination


class ByCursor(CursorPagination):
    """Newest first. Follow `next`; `page_size` may be asked for, up to 100."""

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100
    ordering = "-created_at"
