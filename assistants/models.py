from __future__ import annotations

import uuid
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from accounts.models import ApiKey, User, Workspace
from quotas.models import Basis, Reservation


class LanguageModel(models.Model):
    """A model people may ask for, and what it is called where it runs."""

    slug = models.CharField(primary_key=True, max_length=80)
    name = models.CharField(max_length=80)
    provider = models.CharField(max_length=20, default="anthropic")
    upstream_name = models.CharField(max_length=80)
    context = models.PositiveIntegerField(help_text="Tokens of prompt and answer together.")
    max_output = models.PositiveIntegerField(help_text="Tokens.")
    rank = models.PositiveSmallIntegerField(default=0, help_text="Models are listed in this order.")
    is_offered = models.BooleanField(default=True)
    created_at = models.DateTimeField(help_text="When it was released.")

    class Meta:
        ordering = ["rank"]

    def __str__(self) -> str:
        return self.name


class ModelPrice(models.Model):
    """What a model costs from a date on, in micro-USD per million tokens: 2000000 is $2."""

    model = models.ForeignKey(LanguageModel, on_delete=models.CASCADE, related_name="prices")
    valid_from = models.DateTimeField()
    prompt_over = models.PositiveIntegerField(default=0, help_text="For prompts of more tokens than this.")
    input = models.BigIntegerField()
    output = models.BigIntegerField()
    cache_write_5m = models.BigIntegerField()
    cache_write_1h = models.BigIntegerField()
    cache_read = models.BigIntegerField()

    class Meta:
        ordering = ["model", "-valid_from", "prompt_over"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["model", "valid_from", "prompt_over"], name="one_price_per_date_and_length"
            ),
            models.CheckConstraint(
                condition=Q(
                    input__gte=0, output__gte=0, cache_write_5m__gte=0, cache_write_1h__gte=0, cache_read__gte=0
                ),
                name="model_price_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_id} from {self.valid_from:%Y-%m-%d}"


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def of(self, workspace_id: uuid.UUID) -> Self:
        """What this workspace made and has not deleted."""
        return self.filter(workspace_id=workspace_id, deleted_at=None)


class Conversation(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="conversations")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="conversations")
    title = models.CharField(max_length=200, default="New conversation")
    system = models.TextField(blank=True, help_text="The system prompt.")
    model = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes: ClassVar = [models.Index(fields=["workspace", "-created_at"])]

    def __str__(self) -> str:
        return str(self.id)


class Message(models.Model):
    class Role(models.TextChoices):
        USER = "user"
        ASSISTANT = "assistant"

    class State(models.TextChoices):
        STREAMING = "streaming"
        COMPLETED = "completed"
        INCOMPLETE = "incomplete"  # broken off, with what was delivered
        FAILED = "failed"  # nothing was delivered

    class Feedback(models.TextChoices):
        UP = "up"
        DOWN = "down"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, related_name="messages", help_text="Who asked, of a reply too."
    )
    role = models.CharField(max_length=10, choices=Role)
    state = models.CharField(max_length=10, choices=State, default=State.COMPLETED)
    text = models.TextField(blank=True)
    feedback = models.CharField(max_length=4, choices=Feedback, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at"]
        indexes: ClassVar = [models.Index(fields=["conversation", "created_at"])]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation"], condition=Q(state="streaming"), name="one_streaming_message_per_conversation"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} at {self.created_at:%Y-%m-%d %H:%M}"


class Turn(models.Model):
    """The record of one call of a model: what it took, what it cost, how it ended."""

    class Road(models.TextChoices):
        CONVERSATION = "conversation"
        MESSAGES = "messages"
        CHAT_COMPLETIONS = "chat_completions"

    class Outcome(models.TextChoices):
        COMPLETED = "completed"
        INCOMPLETE = "incomplete"
        FAILED = "failed"

    reservation = models.OneToOneField(Reservation, on_delete=models.PROTECT, primary_key=True, related_name="turn")
    request_id = models.CharField(max_length=40, db_index=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="turns")
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="turns")
    api_key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, related_name="turns")
    message = models.OneToOneField(Message, on_delete=models.SET_NULL, null=True, related_name="turn")
    road = models.CharField(max_length=20, choices=Road)
    model = models.CharField(max_length=80)
    provider = models.CharField(max_length=20)
    outcome = models.CharField(max_length=10, choices=Outcome)
    error = models.CharField(max_length=40, blank=True)
    stop_reason = models.CharField(max_length=40, blank=True)
    basis = models.CharField(max_length=10, choices=Basis, blank=True, help_text="Blank: nothing was charged.")
    input_tokens = models.BigIntegerField()
    cache_write_5m_tokens = models.BigIntegerField()
    cache_write_1h_tokens = models.BigIntegerField()
    cache_read_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    cost = models.BigIntegerField(help_text="Micro-USD.")
    first_token_ms = models.PositiveIntegerField(null=True)
    duration_ms = models.PositiveIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]
        indexes: ClassVar = [models.Index(fields=["workspace", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.request_id} on {self.model}"
