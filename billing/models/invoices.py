"""What was asked for, and what was paid."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models import Workspace
from billing.models.subscriptions import Gateway, Subscription


class Invoice(models.Model):
    """One bill, as the gateway has it. All amounts in minor units of its currency."""

    class Status(models.TextChoices):
        DRAFT = "draft"
        OPEN = "open"
        PAID = "paid"
        VOID = "void"
        UNCOLLECTIBLE = "uncollectible"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="invoices")
    subscription = models.ForeignKey(
        Subscription, on_delete=models.SET_NULL, null=True, blank=True, related_name="invoices"
    )
    gateway = models.CharField(max_length=10, choices=Gateway)
    stripe_id = models.CharField(max_length=80, unique=True)
    number = models.CharField(max_length=80, blank=True)
    status = models.CharField(max_length=20, choices=Status)
    currency = models.CharField(max_length=3)
    subtotal = models.BigIntegerField()
    discount = models.BigIntegerField(default=0)
    tax = models.BigIntegerField(default=0)
    total = models.BigIntegerField(help_text="Below zero where it gives money back.")
    amount_paid = models.BigIntegerField()
    amount_due = models.BigIntegerField(help_text="Of the total, what is to be paid after credits.")
    credited = models.BigIntegerField(default=0, help_text="By credit notes.")
    refunded = models.BigIntegerField(default=0, help_text="Paid back.")
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    lines = models.JSONField(default=list, help_text="Each with description, amount, quantity, period.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often payment was tried.")
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    country = models.CharField(max_length=2, blank=True, help_text="Of the payer's address, where it was asked for.")
    hosted_url = models.URLField(max_length=2000, blank=True, help_text="Where it can be seen and paid.")
    pdf_url = models.URLField(max_length=2000, blank=True)
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-created_at"], name="invoices_of_a_workspace"),
            models.Index(fields=["paid_at"], condition=Q(paid_at__isnull=False), name="invoices_by_payment"),
        ]

    def __str__(self) -> str:
        return self.number or self.stripe_id
