"""Whether a webhook is Stripe's."""

from __future__ import annotations

import stripe

from billing.errors import InvalidSignature

TOLERATED_SECONDS = 300


def check_signature(body: bytes, signature: str, secret: str) -> None:
    """Raises `InvalidSignature` for what Stripe did not sign, or signed too long ago."""
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, TOLERATED_SECONDS)
    except (stripe.SignatureVerificationError, UnicodeDecodeError, TypeError) as exc:  # TypeError: letters beyond ASCII
        raise InvalidSignature("Stripe did not sign this, or too long ago.") from exc
