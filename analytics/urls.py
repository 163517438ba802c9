from django.urls import path

from analytics import figure_views, staff_views
from analytics.alerts import views as alerts
from analytics.live import views as live
from analytics.webhooks import views as webhooks

urlpatterns = [
    path("analytics/kpis", figure_views.KpisView.as_view()),
    path("analytics/dashboard", figure_views.DashboardView.as_view()),
    path("analytics/revenue-breakdown", figure_views.BreakdownView.as_view()),
    path("analytics/margins", figure_views.MarginsView.as_view()),
    path("analytics/what-if", figure_views.WhatIfView.as_view()),
    path("analytics/usage", figure_views.UsageView.as_view()),
    path("analytics/users", figure_views.UsersView.as_view()),
    path("analytics/users/export", figure_views.UsersSheetView.as_view()),
    path("analytics/users/<uuid:user_id>/reset-usage", staff_views.ResetUsageView.as_view()),
    path("analytics/top-users", figure_views.TopUsersView.as_view()),
    path("analytics/logs", figure_views.LogsView.as_view()),
    path("analytics/activity", live.ActivityView.as_view()),
    path("analytics/activity/ticket", live.TicketView.as_view()),
    path("analytics/alerts", alerts.AlertListView.as_view()),
    path("analytics/alerts/<int:alert_id>/acknowledge", alerts.AcknowledgeView.as_view()),
    path("analytics/coaching", staff_views.CoachingStatisticsView.as_view()),
    path("analytics/webhooks", webhooks.OperatorsWebhookListView.as_view()),
    path("analytics/webhooks/<uuid:webhook_id>", webhooks.OperatorsWebhookDetailView.as_view()),
    path("analytics/webhooks/<uuid:webhook_id>/deliveries", webhooks.OperatorsDeliveryListView.as_view()),
    path(
        "analytics/webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/resend",
        webhooks.OperatorsResendView.as_view(),
    ),
    path("webhooks", webhooks.WebhookListView.as_view()),
    path("webhooks/<uuid:webhook_id>", webhooks.WebhookDetailView.as_view()),
    path("webhooks/<uuid:webhook_id>/deliveries", webhooks.DeliveryListView.as_view()),
    path("webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/resend", webhooks.ResendView.as_view()),
]
