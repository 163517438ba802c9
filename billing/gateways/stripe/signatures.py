"""Whether a webhook is Stripe's."""

from __future__ import annotations

import json
from typing import Any

import stripe

from billing.errors import InvalidSignature

TOLERATED_SECONDS = 300


def read_signed(body: bytes, signature: str, secret: str) -> dict[str, Any]:
    """The event in it. Raises `InvalidSignature` for what Stripe did not sign, or signed too long ago."""
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, TOLERATED_SECONDS)
        event = json.loads(body)
    except (stripe.SignatureVerificationError, ValueError) as exc:
        raise InvalidSignature("This is not signed by Stripe, or too long ago.") from exc
    if not isinstance(event, dict):
        raise InvalidSignature("This is no event.")
    return event
