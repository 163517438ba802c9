from django.urls import path

from accounts import data_views, mail_views, session_views, views, workspace_views
from accounts.factors import urls as factors

urlpatterns = [
    path("auth/register", views.RegisterView.as_view()),
    path("auth/login", views.LoginView.as_view()),
    path("auth/staff-login", views.StaffLoginView.as_view()),
    path("auth/refresh", views.RefreshView.as_view()),
    path("auth/logout", views.LogoutView.as_view()),
    path("auth/me", views.MeView.as_view()),
    path("auth/me/email", mail_views.EmailView.as_view()),
    path("auth/verify-email", mail_views.VerifyEmailView.as_view()),
    path("auth/verify-email/resend", mail_views.VerificationLetterView.as_view()),
    path("auth/change-password", mail_views.PasswordChangeView.as_view()),
    path("auth/password-reset", mail_views.PasswordResetView.as_view()),
    path("auth/password-reset/confirm", mail_views.PasswordResetConfirmView.as_view()),
    path("auth/sessions", session_views.SessionListView.as_view()),
    path("auth/sessions/<uuid:session_id>", session_views.SessionDetailView.as_view()),
    path("auth/logout-everywhere", session_views.LogoutEverywhereView.as_view()),
    path("auth/me/export", data_views.ExportView.as_view()),
    path("auth/exports/<uuid:export_id>", data_views.download),
    path("auth/api-keys", views.ApiKeyListView.as_view()),
    path("auth/api-keys/<uuid:key_id>", views.ApiKeyDetailView.as_view()),
    path("auth/api-keys/<uuid:key_id>/rotate", views.ApiKeyRotationView.as_view()),
    path("workspaces", workspace_views.WorkspaceListView.as_view()),
    path("workspaces/<uuid:workspace_id>", workspace_views.WorkspaceDetailView.as_view()),
    path("workspaces/<uuid:workspace_id>/switch", workspace_views.SwitchView.as_view()),
    path("workspaces/<uuid:workspace_id>/transfer", workspace_views.TransferView.as_view()),
    path("workspaces/<uuid:workspace_id>/leave", workspace_views.LeaveView.as_view()),
    path("workspaces/<uuid:workspace_id>/members", workspace_views.MemberListView.as_view()),
    path("workspaces/<uuid:workspace_id>/members/<uuid:user_id>", workspace_views.MemberDetailView.as_view()),
    path("workspaces/<uuid:workspace_id>/invitations", workspace_views.InvitationListView.as_view()),
    path(
        "workspaces/<uuid:workspace_id>/invitations/<uuid:invitation_id>",
        workspace_views.InvitationDetailView.as_view(),
    ),
    path("workspaces/<uuid:workspace_id>/audit-log", workspace_views.AuditLogView.as_view()),
    path("invitations/accept", workspace_views.AcceptanceView.as_view()),
    *factors.urlpatterns,
]
