from django.urls import path

from analytics import staff_views
from analytics.live import views as live

urlpatterns = [
    path("analytics/activity", live.ActivityView.as_view()),
    path("analytics/coaching", staff_views.CoachingStatisticsView.as_view()),
    path("analytics/users/<uuid:user_id>/reset-usage", staff_views.ResetUsageView.as_view()),
]
