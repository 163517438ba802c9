"""Which requests take an `Idempotency-Key`: every write of the API."""

from __future__ import annotations

METHODS = {"POST", "PUT", "PATCH", "DELETE"}
# Stripe says by ids of its own what it has said before.
STRIPE_S = "/api/v1/billing/webhooks/stripe"


def takes_keys(method: str | None, path: str) -> bool:
    return method in METHODS and path.startswith(("/v1/", "/api/v1/")) and path != STRIPE_S
