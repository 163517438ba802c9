from django.urls import path

from analytics import staff_views

urlpatterns = [
    path("analytics/coaching", staff_views.CoachingStatisticsView.as_view()),
    path("analytics/users/<uuid:user_id>/reset-usage", staff_views.ResetUsageView.as_view()),
]
