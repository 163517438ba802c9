from django.urls import path

from assistants.coaching import views

urlpatterns = [
    path("coaching/profile", views.ProfileDetailView.as_view()),
    path("coaching/templates", views.TemplateListView.as_view()),
    path("coaching/templates/<slug:slug>", views.TemplateDetailView.as_view()),
    path("coaching/projects", views.ProjectListView.as_view()),
    path("coaching/projects/active", views.ActiveProjectView.as_view()),
    path("coaching/projects/<uuid:project_id>", views.ProjectDetailView.as_view()),
    path("coaching/projects/<uuid:project_id>/messages", views.ProjectMessageListView.as_view()),
    path("coaching/projects/<uuid:project_id>/messages/<uuid:message_id>/stream", views.resume),
    path("coaching/projects/<uuid:project_id>/messages/<uuid:message_id>/stop", views.stop),
    path("coaching/projects/<uuid:project_id>/messages/<uuid:message_id>/regenerate", views.regenerate),
    path(
        "coaching/projects/<uuid:project_id>/messages/<uuid:message_id>/feedback",
        views.ProjectFeedbackView.as_view(),
    ),
    path("coaching/projects/<uuid:project_id>/chat", views.chat),
    path("coaching/projects/<uuid:project_id>/tasks", views.TaskListView.as_view()),
    path("coaching/projects/<uuid:project_id>/tasks/<slug:task_key>", views.TaskDetailView.as_view()),
    path("coaching/projects/<uuid:project_id>/decisions", views.DecisionListView.as_view()),
    path(
        "coaching/projects/<uuid:project_id>/decisions/<uuid:decision_id>",
        views.DecisionDetailView.as_view(),
    ),
    path("coaching/projects/<uuid:project_id>/progress", views.ProgressDetailView.as_view()),
]
