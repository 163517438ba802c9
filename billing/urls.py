from django.urls import path

from billing import views

urlpatterns = [
    path("billing/plans", views.PlanListView.as_view()),
    path("billing/plans/compare", views.PlanCompareView.as_view()),
    path("billing/plans/<slug:slug>", views.PlanDetailView.as_view()),
]
