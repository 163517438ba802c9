"""OpenAI's Chat Completions format: what is asked, for Anthropic, and what Anthropic answers, for OpenAI's SDK."""

from assistants.wire.openai.answered import (
    Chunks,
    completion,
    error_body,
    error_event,
    model,
    models,
    rate_limit_headers,
)
from assistants.wire.openai.asked import to_anthropic, wants_usage

__all__ = [
    "Chunks",
    "completion",
    "error_body",
    "error_event",
    "model",
    "models",
    "rate_limit_headers",
    "to_anthropic",
    "wants_usage",
]
