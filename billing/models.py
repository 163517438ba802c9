from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from accounts.meters import Meter, Window
from accounts.models import Workspace


class Plan(models.Model):
    slug = models.SlugField(primary_key=True, max_length=40)
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True)
    rank = models.PositiveSmallIntegerField(help_text="Plans are shown, and called higher or lower, in this order.")
    features = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    allowed_models = ArrayField(
        models.CharField(max_length=80),
        default=list,
        blank=True,
        help_text="Models it may use; none named: every model.",
    )
    is_default = models.BooleanField(default=False, help_text="For workspaces without a subscription.")
    is_offered = models.BooleanField(default=True, help_text="Shown to customers.")

    class Meta:
        ordering = ["rank"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="one_default_plan"),
        ]

    def __str__(self) -> str:
        return self.name


class Price(models.Model):
    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="prices")
    currency = models.CharField(max_length=3, help_text="ISO 4217, upper case.")
    amount = models.BigIntegerField(help_text="In minor units: 2900 is $29.00.")
    interval = models.CharField(max_length=10, choices=[("month", "Month"), ("year", "Year")], default="month")

    class Meta:
        ordering = ["currency", "interval"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["plan", "currency", "interval"], name="one_price_per_currency_and_interval"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="price_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} a {self.interval}"


class PlanLimit(models.Model):
    """What a plan allows of one meter in one window: hard, or billed beyond where it has an overage price."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="limits")
    meter = models.CharField(max_length=20, choices=Meter)
    window = models.CharField(max_length=10, choices=Window)
    limit = models.BigIntegerField()
    overage_price = models.BigIntegerField(
        null=True, blank=True, help_text="Minor units of USD for each unit beyond the limit; none: the limit is hard."
    )

    class Meta:
        ordering = ["meter", "window"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "meter", "window"], name="one_limit_per_meter_and_window"),
            models.CheckConstraint(condition=Q(limit__gte=0), name="limit_not_negative"),
            models.CheckConstraint(condition=Q(overage_price__gte=0), name="overage_price_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.limit} {self.meter} a {self.window}"


class Subscription(models.Model):
    """The plan a workspace pays for, or was put on by staff. Our own truth; Stripe's comes to it, never past it."""

    class Status(models.TextChoices):
        TRIALING = "trialing"
        ACTIVE = "active"
        PAST_DUE = "past_due"
        CANCELED = "canceled"

    LIVE: ClassVar = [Status.TRIALING, Status.ACTIVE, Status.PAST_DUE]

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="subscriptions")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions")
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    current_period_start = models.DateTimeField(default=now)
    current_period_end = models.DateTimeField(null=True, blank=True, help_text="None: until staff end it.")
    created_at = models.DateTimeField(auto_now_add=True)
    canceled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace"],
                condition=Q(status__in=["trialing", "active", "past_due"]),
                name="one_live_subscription_per_workspace",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.workspace} on {self.plan} ({self.status})"
