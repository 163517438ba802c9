from django.urls import path

from quotas import credit_views, report_views, views

urlpatterns = [
    path("quotas/usage", views.usage),
    path("quotas/usage/current", views.current_usage),
    path("quotas/usage/daily", report_views.DailyView.as_view()),
    path("quotas/usage/daily.csv", report_views.DailySheetView.as_view()),
    path("quotas/usage/monthly", report_views.MonthlyView.as_view()),
    path("quotas/usage/history", report_views.HistoryView.as_view()),
    path("quotas/usage/history.csv", report_views.HistorySheetView.as_view()),
    path("quotas/usage/stats", report_views.StatsView.as_view()),
    path("quotas/statement", views.StatementView.as_view()),
    path("quotas/set-plan", views.SetPlanView.as_view()),
    path("quotas/grants", credit_views.GrantListView.as_view()),
    path("quotas/grants/<uuid:grant_id>/revoke", credit_views.RevokeView.as_view()),
    path("quotas/promotions/redeem", credit_views.RedeemView.as_view()),
    path("quotas/top-ups", credit_views.TopUpListView.as_view()),
    path("quotas/top-ups/<slug:slug>", credit_views.TopUpDetailView.as_view()),
    path("quotas/notices", views.NoticeListView.as_view()),
    path("quotas/decisions", views.DecisionListView.as_view()),
    path("quotas/decisions/<slug:request_id>", views.DecisionDetailView.as_view()),
]
