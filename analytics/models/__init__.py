from analytics.models.alerts import Alert, AlertRule
from analytics.models.events import Event, Ticket
from analytics.models.webhooks import Delivery, Webhook

__all__ = ["Alert", "AlertRule", "Delivery", "Event", "Ticket", "Webhook"]
