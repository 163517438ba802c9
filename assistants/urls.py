from django.urls import path

from assistants import attachment_views, views

urlpatterns = [
    path("assistants/models", views.ModelListView.as_view()),
    path("assistants/attachments", attachment_views.AttachmentListView.as_view()),
    path("assistants/attachments/<uuid:attachment_id>", attachment_views.AttachmentDetailView.as_view()),
    path("assistants/attachments/<uuid:attachment_id>/content", attachment_views.AttachmentContentView.as_view()),
    path("assistants/conversations", views.ConversationListView.as_view()),
    path("assistants/conversations/<uuid:conversation_id>", views.ConversationDetailView.as_view()),
    path("assistants/conversations/<uuid:conversation_id>/export", views.ConversationExportView.as_view()),
    path("assistants/conversations/<uuid:conversation_id>/messages", views.messages),
    path("assistants/conversations/<uuid:conversation_id>/messages/<uuid:message_id>/stream", views.resume),
    path(
        "assistants/conversations/<uuid:conversation_id>/messages/<uuid:message_id>/regenerate",
        views.regenerate,
    ),
    path("assistants/conversations/<uuid:conversation_id>/messages/<uuid:message_id>/stop", views.stop),
    path(
        "assistants/conversations/<uuid:conversation_id>/messages/<uuid:message_id>/feedback",
        views.FeedbackView.as_view(),
    ),
]
