"""What went wrong for customers, and what they were given for it."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from accounts.meters import Meter
from accounts.models import User, Workspace
from assistants.models import Turn
from quotas.models import Grant


class Incident(models.Model):
    """The calls of models that began between two moments, and how much their customers get for it."""

    reason = models.CharField(max_length=200, help_text="Their customers read it, in a letter and with the credit.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    outcomes = ArrayField(models.CharField(max_length=10, choices=Turn.Outcome), blank=True, help_text="None: all.")
    provider = models.CharField(max_length=20, blank=True, help_text="Blank: all.")
    model = models.CharField(max_length=80, blank=True, help_text="Blank: all.")
    meter = models.CharField(max_length=20, choices=Meter)
    percent = models.PositiveSmallIntegerField(help_text="Of what was charged for the calls.")
    at_least = models.BigIntegerField(help_text="Of the meter, for each workspace that was hit.")
    expires_at = models.DateTimeField(help_text="When the credit does.")
    issued_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    issued_at = models.DateTimeField()

    class Meta:
        ordering = ["-issued_at", "-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="incident_ends_after_start"),
        ]

    def __str__(self) -> str:
        return self.reason


class Compensation(models.Model):
    """What one workspace gets for an incident, as it was counted when it was issued."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="compensations")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="compensations")
    calls = models.PositiveIntegerField()
    charged = models.BigIntegerField(help_text="Of the meter, for these calls.")
    amount = models.BigIntegerField(help_text="Of the meter.")
    grant = models.OneToOneField(
        Grant, on_delete=models.CASCADE, null=True, blank=True, related_name="compensation", help_text="Once given."
    )

    class Meta:
        ordering = ["-amount", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["incident", "workspace"], name="one_compensation_for_an_incident"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="compensation_positive"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(grant=None), name="compensations_to_give"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} to {self.workspace_id}"
