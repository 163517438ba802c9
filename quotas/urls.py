from django.urls import path

from quotas import views

urlpatterns = [
    path("quotas/usage", views.usage),
    path("quotas/usage/current", views.current_usage),
    path("quotas/statement", views.StatementView.as_view()),
    path("quotas/set-plan", views.SetPlanView.as_view()),
    path("quotas/decisions/<slug:request_id>", views.DecisionDetailView.as_view()),
]
