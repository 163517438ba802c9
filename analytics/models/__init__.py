from analytics.models.alerts import Alert, AlertRule
from analytics.models.events import Event, Ticket
from analytics.models.incidents import Compensation, Incident
from analytics.models.usage import CustomerDay, CustomerMonth, KeptFigure, KindDay, UsageDay
from analytics.models.webhooks import Delivery, Webhook

__all__ = [
    "Alert",
    "AlertRule",
    "Compensation",
    "CustomerDay",
    "CustomerMonth",
    "Delivery",
    "Event",
    "Incident",
    "KeptFigure",
    "KindDay",
    "Ticket",
    "UsageDay",
    "Webhook",
]
