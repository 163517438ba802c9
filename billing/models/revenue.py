"""What came in every month, and since when."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q

from accounts.models import Workspace
from billing.models.catalogue import Plan, Price
from billing.models.subscriptions import Gateway, Subscription


class RecurringRevenueQuerySet(models.QuerySet["RecurringRevenue"]):
    def at(self, moment: datetime) -> Self:
        """What was paid then."""
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=moment), starts_at__lte=moment)


class RecurringRevenue(models.Model):
    """What a workspace pays a month, from one moment to another. `billing.revenue` keeps it."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="recurring_revenue")
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="recurring_revenue")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="+")
    gateway = models.CharField(max_length=10, choices=Gateway)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField(help_text="Minor units a month.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="None: it is paid now.")

    objects = RecurringRevenueQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "recurring revenue"
        ordering = ["-starts_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace"], condition=Q(ends_at=None), name="one_recurring_revenue_per_workspace"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="recurring_revenue_not_negative"),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gte=F("starts_at")), name="recurring_revenue_ends_after_start"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["ends_at"], name="recurring_revenue_by_end")]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} a month"
