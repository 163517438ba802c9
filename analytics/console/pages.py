"""The console's pages of figures."""

from accounts.admin.base import console
from analytics.console import open_alerts

console.add_page("analytics/alert/<int:alert_id>/acknowledge", open_alerts.acknowledge, name="acknowledge_alert")
