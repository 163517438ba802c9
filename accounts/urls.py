from django.urls import path

from accounts import views

urlpatterns = [
    path("auth/register", views.RegisterView.as_view()),
    path("auth/login", views.LoginView.as_view()),
    path("auth/staff-login", views.StaffLoginView.as_view()),
    path("auth/refresh", views.RefreshView.as_view()),
    path("auth/logout", views.LogoutView.as_view()),
    path("auth/me", views.MeView.as_view()),
    path("auth/api-keys", views.ApiKeyListView.as_view()),
    path("auth/api-keys/<uuid:key_id>", views.ApiKeyDetailView.as_view()),
    path("auth/api-keys/<uuid:key_id>/rotate", views.ApiKeyRotationView.as_view()),
]
