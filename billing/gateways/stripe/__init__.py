"""Stripe. Nothing outside this folder imports its SDK, but for the mirror, which is dj-stripe's."""

from billing.gateways.stripe.gateway import StripeGateway
from billing.gateways.stripe.signatures import check_signature

__all__ = ["StripeGateway", "check_signature"]
