"""What this process counts for Prometheus. To count is a dictionary's work, so that nobody waits for it.

Labels are words of ours alone: a route's template and never a path, a model of the catalogue and never what was asked
for, so that no stranger makes series.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import Counter, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

REQUESTS = Counter("stipend_requests", "Requests that were answered.", ["route", "method", "status"])
REQUEST_SECONDS = Histogram(
    "stipend_request_seconds", "Until an answer began: a stream goes on after it.", ["route", "method"], buckets=SECONDS
)
FIRST_TOKEN_SECONDS = Histogram(
    "stipend_first_token_seconds", "From asking a model to its first word.", ["model"], buckets=SECONDS
)
TURNS = Counter("stipend_turns", "Calls of a model that are over.", ["model", "outcome"])
TOKENS = Counter("stipend_tokens", "Tokens that calls of a model were charged for.", ["model", "kind"])
SETTLEMENTS = Counter("stipend_settlements", "Reservations that were resolved.", ["state", "basis"])
REFUSALS = Counter("stipend_refusals", "Requests that found no room in their plan.", ["plan"])


def route_of(request: HttpRequest) -> str:
    """Its template; `none` where no view was looked for, or none found."""
    found = request.resolver_match
    return found.route if found else "none"


def note_request(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    route, method = route_of(request), request.method if request.method in METHODS else "other"
    counted, took = _of_request(route, method, response.status_code)
    counted.inc()
    took.observe(seconds)


@cache
def _of_request(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """Looking them up by their labels takes longer than counting."""
    return REQUESTS.labels(route, method, status), REQUEST_SECONDS.labels(route, method)


def note_turn(model: str, outcome: str, usage: Mapping[str, int], first_token_ms: int | None) -> None:
    TURNS.labels(model, outcome).inc()
    for kind, tokens in usage.items():
        if tokens:
            TOKENS.labels(model, kind).inc(tokens)
    if first_token_ms is not None:
        FIRST_TOKEN_SECONDS.labels(model).observe(first_token_ms / 1000)
