from django.urls import path

from assistants.wire import views

urlpatterns = [
    path("chat/completions", views.chat_completions),
    path("messages", views.messages),
    path("messages/count_tokens", views.count_tokens),
    path("models", views.models),
    path("models/<str:slug>", views.model),
]
