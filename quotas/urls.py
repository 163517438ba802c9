from django.urls import path

from quotas import views

urlpatterns = [
    path("quotas/usage", views.usage),
    path("quotas/usage/current", views.current_usage),
    path("quotas/decisions/<slug:request_id>", views.DecisionDetailView.as_view()),
]
