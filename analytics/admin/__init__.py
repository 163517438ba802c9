from analytics.admin import alerts, events, usage, webhooks

__all__ = ["alerts", "events", "usage", "webhooks"]
