from analytics.admin import alerts, events, incidents, usage, webhooks

__all__ = ["alerts", "events", "incidents", "usage", "webhooks"]
