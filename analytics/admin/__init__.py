from analytics.admin import alerts, customers, events, incidents, usage, webhooks
from analytics.console import pages

__all__ = ["alerts", "customers", "events", "incidents", "pages", "usage", "webhooks"]
