"""Outgoing webhooks, as Standard Webhooks has them: an outbox in the database, which a worker delivers."""

from analytics.webhooks.registry import change, create, delete

__all__ = ["change", "create", "delete"]
