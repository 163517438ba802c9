"""Credit packs as they were bought."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.meters import Meter
from accounts.models import Workspace
from billing.models.catalogue import CreditPack
from billing.models.subscriptions import Gateway


class PackPurchase(models.Model):
    """One pack, bought by one workspace, at the terms of that day. What it gives, `quotas` grants once it is paid."""

    class State(models.TextChoices):
        OPEN = "open"
        PAID = "paid"
        FAILED = "failed"
        REFUNDED = "refunded"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="pack_purchases")
    pack = models.ForeignKey(CreditPack, on_delete=models.PROTECT, related_name="purchases")
    meter = models.CharField(max_length=20, choices=Meter)
    amount = models.BigIntegerField(help_text="Of the meter.")
    price = models.BigIntegerField(help_text="In minor units.")
    currency = models.CharField(max_length=3)
    lasts_days = models.PositiveSmallIntegerField(null=True, blank=True)
    gateway = models.CharField(max_length=10, choices=Gateway)
    stripe_id = models.CharField(max_length=80, blank=True, help_text="The checkout session, or the payment.")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    is_automatic = models.BooleanField(default=False, help_text="Bought by auto-top-up.")
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True, blank=True)
    refunded = models.BigIntegerField(default=0, help_text="Paid back, in minor units.")
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-created_at"], name="packs_of_a_workspace"),
            models.Index(fields=["paid_at"], condition=Q(paid_at__isnull=False), name="packs_by_payment"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["stripe_id"], condition=~Q(stripe_id=""), name="one_purchase_per_stripe_id"
            ),
            models.CheckConstraint(
                condition=Q(state="paid") | Q(state="refunded") | Q(paid_at=None), name="pack_paid_says_when"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pack_id} ({self.state})"
