from django.urls import path

from analytics import staff_views
from analytics.alerts import views as alerts
from analytics.live import views as live

urlpatterns = [
    path("analytics/activity", live.ActivityView.as_view()),
    path("analytics/activity/ticket", live.TicketView.as_view()),
    path("analytics/alerts", alerts.AlertListView.as_view()),
    path("analytics/alerts/<int:alert_id>/acknowledge", alerts.AcknowledgeView.as_view()),
    path("analytics/coaching", staff_views.CoachingStatisticsView.as_view()),
    path("analytics/users/<uuid:user_id>/reset-usage", staff_views.ResetUsageView.as_view()),
]
