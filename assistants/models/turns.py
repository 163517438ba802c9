"""What each call of a model took."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accounts.models import ApiKey, User, Workspace
from assistants.models.conversations import Message
from quotas.models import Basis, Reservation


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
    asked_model = models.CharField(max_length=80, blank=True, help_text="Where another one answered in its place.")
    tried = models.JSONField(default=list, help_text="Who was asked before, each with `model`, `provider`, `error`.")
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
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-created_at"]),
            models.Index(fields=["created_at"], name="turns_of_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.request_id} on {self.model}"
