from analytics.models.alerts import Alert, AlertRule
from analytics.models.events import Event, Ticket
from analytics.models.usage import CustomerDay, CustomerMonth, KindDay, UsageDay
from analytics.models.webhooks import Delivery, Webhook

__all__ = [
    "Alert",
    "AlertRule",
    "CustomerDay",
    "CustomerMonth",
    "Delivery",
    "Event",
    "KindDay",
    "Ticket",
    "UsageDay",
    "Webhook",
]
