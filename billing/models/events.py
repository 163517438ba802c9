"""News from Stripe, and what it brought about."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class StripeEvent(models.Model):
    """A webhook whose signature was right. It stays unhandled, with the reason, until a try succeeds."""

    id = models.CharField(primary_key=True, max_length=80)
    type = models.CharField(max_length=80)
    customer_id = models.CharField(max_length=80, blank=True, db_index=True, help_text="`cus_…`; some have none.")
    payload = models.JSONField(help_text="Empty where it is about somebody who is no customer of ours, or leaves.")
    created_at = models.DateTimeField(help_text="By Stripe's clock.")
    received_at = models.DateTimeField(auto_now_add=True)
    tries = models.PositiveSmallIntegerField(default=0)
    handled_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True, help_text="Why the last try failed.")
    mirrored_at = models.DateTimeField(null=True, blank=True, help_text="When dj-stripe had copied its object.")
    mirror_tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["-received_at"]
        indexes: ClassVar = [
            models.Index(fields=["received_at"], condition=Q(handled_at=None), name="events_to_handle"),
            models.Index(fields=["received_at"], condition=Q(mirrored_at=None), name="events_to_mirror"),
        ]

    def __str__(self) -> str:
        return f"{self.type} ({self.id})"


class Effect(models.Model):
    """That an event brought this about, such as a letter. It can be said once."""

    event = models.CharField(max_length=120, help_text="The event, or what else it happened for.")
    name = models.CharField(max_length=40)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["event", "name"], name="each_effect_once")]

    def __str__(self) -> str:
        return f"{self.name} of {self.event}"
