"""What was used beyond the plan, on its way to the gateway's meter."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models import Workspace


class Overage(models.Model):
    """Units beyond the plan that one entry of the ledger brought. An outbox: each is reported once.

    Its id is the `identifier` under which Stripe refuses the second of two reports.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        REPORTED = "reported"
        GIVEN_UP = "given_up"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="overages")
    entry_id = models.BigIntegerField(unique=True, help_text="The entry of the ledger that says so.")
    meter = models.CharField(max_length=20)
    units = models.BigIntegerField()
    unit_price = models.BigIntegerField(help_text="Minor units of USD, as it was when they were used.")
    used_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True, help_text="When it is reported next.")
    reported_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-used_at"]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="overage_to_report"),
            models.Index(fields=["workspace", "used_at"], name="overage_of_a_workspace"),
        ]
        constraints: ClassVar = [models.CheckConstraint(condition=Q(units__gt=0), name="overage_positive")]

    def __str__(self) -> str:
        return f"{self.units} {self.meter} beyond the plan"

    @property
    def amount(self) -> int:
        """In minor units of USD."""
        return self.units * self.unit_price
