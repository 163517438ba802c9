from __future__ import annotations

from typing import Any

from rest_framework import serializers

from assistants.conversations import UNTITLED
from assistants.models import Attachment, Conversation, Message, Turn


class ConversationView(serializers.ModelSerializer[Conversation]):
    class Meta:
        model = Conversation
        fields = ["id", "title", "system", "model", "tip_id", "created_at", "updated_at", "archived_at"]


class NewConversation(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=200, default=UNTITLED)
    system = serializers.CharField(max_length=100_000, default="", allow_blank=True)
    model = serializers.CharField(max_length=80, required=False, help_text="Left out: the default model.")


class ConversationChange(serializers.Serializer[Any]):
    """Rename it, change its system prompt or model, archive it or bring it back, show another branch."""

    title = serializers.CharField(max_length=200, required=False)
    system = serializers.CharField(max_length=100_000, required=False, allow_blank=True)
    model = serializers.CharField(max_length=80, required=False)
    archived = serializers.BooleanField(required=False)
    tip_id = serializers.UUIDField(
        required=False, help_text="A message: the newest branch that leads through it is shown."
    )


class TurnView(serializers.ModelSerializer[Turn]):
    class Meta:
        model = Turn
        fields = [
            "request_id",
            "model",
            "provider",
            "outcome",
            "error",
            "stop_reason",
            "basis",
            "input_tokens",
            "cache_write_5m_tokens",
            "cache_write_1h_tokens",
            "cache_read_tokens",
            "output_tokens",
            "cost",
            "first_token_ms",
            "duration_ms",
        ]


class NewAttachment(serializers.Serializer[Any]):
    file = serializers.FileField()


class AttachmentView(serializers.ModelSerializer[Attachment]):
    class Meta:
        model = Attachment
        fields = ["id", "name", "media_type", "size", "tokens", "message_id", "created_at"]


class MessageView(serializers.ModelSerializer[Message]):
    turn = TurnView(read_only=True, allow_null=True, help_text="The record of the call that wrote it.")
    siblings = serializers.ListField(
        child=serializers.UUIDField(),
        read_only=True,
        help_text="All that go on from the same message, this one among them, in order.",
    )
    attachments = AttachmentView(many=True, read_only=True)

    class Meta:
        model = Message
        fields = [
            "id",
            "parent_id",
            "siblings",
            "role",
            "state",
            "text",
            "attachments",
            "feedback",
            "created_at",
            "turn",
        ]


class FeedbackChange(serializers.Serializer[Any]):
    feedback = serializers.ChoiceField(choices=[*Message.Feedback.choices, ("", "None")], allow_blank=True)


class ModelView(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    provider = serializers.CharField()
    context = serializers.IntegerField(help_text="Tokens.")  # type: ignore[assignment]  # a name DRF uses too
    max_output = serializers.IntegerField(help_text="Tokens.")
