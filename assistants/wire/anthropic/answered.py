"""What is said in Anthropic's format beside the answers themselves."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from assistants.catalogue import Offer
from quotas.limits import Limit, tightest

Body = dict[str, Any]

KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


# Input and output are paid from one allowance, so either may still take all that is left.
METERS = {"requests": "requests", "tokens": "tokens", "input-tokens": "tokens", "output-tokens": "tokens"}


def error_body(kind: str, message: str, request_id: str) -> Body:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}


def error_event(kind: str, message: str, request_id: str) -> bytes:
    return b"event: error\ndata: " + json.dumps(error_body(kind, message, request_id)).encode() + b"\n\n"


def rate_limit_headers(limits: list[Limit]) -> dict[str, str]:
    """For each meter the API has headers for, the tightest limit, whosever it is."""
    headers = {}
    for name, meter in METERS.items():
        if limit := tightest(limit for limit in limits if limit.meter == meter):
            headers[f"anthropic-ratelimit-{name}-limit"] = str(limit.limit)
            headers[f"anthropic-ratelimit-{name}-remaining"] = str(limit.room)
            if limit.resets_at:
                headers[f"anthropic-ratelimit-{name}-reset"] = _rfc3339(limit.resets_at)
    return headers


def models(offers: list[Offer]) -> Body:
    data = [model(offer) for offer in offers]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return {"data": data, "has_more": False, **ends}


def model(offer: Offer) -> Body:
    return {
        "type": "model",
        "id": offer.slug,
        "display_name": offer.name,
        "created_at": _rfc3339(offer.created_at),
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "max_input_tokens": offer.context,
        "max_tokens": offer.max_output,
    }


def _rfc3339(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
