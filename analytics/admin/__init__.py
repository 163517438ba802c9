from analytics.admin import alerts, events, webhooks

__all__ = ["alerts", "events", "webhooks"]
