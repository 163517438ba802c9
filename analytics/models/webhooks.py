"""Whom we tell, and what became of it."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts.models import Workspace
from analytics.models.events import Event


class Webhook(models.Model):
    """An address that is told of events: a customer's of their own, the operator's of everybody's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, null=True, related_name="webhooks", help_text="None: the operator's."
    )
    url = models.CharField(max_length=2000)
    kinds = ArrayField(models.CharField(max_length=20, choices=Event.Kind))
    secret = models.TextField(editable=False, help_text="Sealed.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    failing_since = models.DateTimeField(null=True, blank=True, help_text="No delivery has arrived since then.")
    switched_off_at = models.DateTimeField(null=True, blank=True, help_text="By us, since it failed for so long.")

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.id} of {self.workspace_id or 'the operator'}"


class Delivery(models.Model):
    """One event for one webhook. Its id is the message's, whichever try it is."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, help_text="None: it arrived, or was given up.")
    tries = models.PositiveSmallIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True, help_text="What was answered at the last try.")
    error = models.CharField(max_length=100, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["-created_at", "-pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["webhook", "event"], name="each_event_once")]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="deliveries_due"),
            models.Index(fields=["webhook", "-created_at"], name="deliveries_of_a_webhook"),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.status or self.error or 'waiting'})"
