"""Anthropic's Messages format: what may be asked, how errors and limits are written. Answers pass unchanged."""

from assistants.wire.anthropic.answered import (
    KINDS,
    error_body,
    error_event,
    model,
    models,
    rate_limit_headers,
)
from assistants.wire.anthropic.asked import allowed_betas, check, split_sampling

__all__ = [
    "KINDS",
    "allowed_betas",
    "check",
    "error_body",
    "error_event",
    "model",
    "models",
    "rate_limit_headers",
    "split_sampling",
]
