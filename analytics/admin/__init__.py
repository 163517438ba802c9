from analytics.admin import alerts, events, incidents, usage, webhooks
from analytics.console import pages

__all__ = ["alerts", "events", "incidents", "pages", "usage", "webhooks"]
