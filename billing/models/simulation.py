"""What the demo gateway keeps where Stripe would keep it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Simulated(models.Model):
    """An object of the simulated Stripe, in the shape of Stripe's own: customer, card, subscription, invoice, …"""

    id = models.CharField(primary_key=True, max_length=80, help_text="As Stripe's, with `demo_` before it.")
    kind = models.CharField(max_length=40)
    customer_id = models.CharField(max_length=80, db_index=True)
    data = models.JSONField()
    due_at = models.DateTimeField(null=True, blank=True, help_text="When the clock moves it next.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]
        verbose_name_plural = "simulated"
        indexes: ClassVar = [models.Index(fields=["kind", "due_at"], name="simulated_and_due")]

    def __str__(self) -> str:
        return self.id
