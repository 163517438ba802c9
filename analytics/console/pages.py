"""The console's pages of figures."""

from accounts.admin.base import console
from analytics.console import margins, open_alerts, revenue, what_if

console.add_page("analytics/margins", margins.PAGE, name="margins")
console.add_page("analytics/revenue", revenue.PAGE, name="revenue")
console.add_page("analytics/what-if", what_if.PAGE, name="what_if")
console.add_page("analytics/alert/<int:alert_id>/acknowledge", open_alerts.acknowledge, name="acknowledge_alert")
