"""Who pays, and for which plan."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now

from accounts.models import Workspace
from billing.models.catalogue import Plan, Price


class Gateway(models.TextChoices):
    """Who takes the money: Stripe, or nobody, where it is simulated."""

    STRIPE = "stripe"
    DEMO = "demo"


class Customer(models.Model):
    """A workspace as the gateway knows it."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="customers")
    gateway = models.CharField(max_length=10, choices=Gateway)
    stripe_id = models.CharField(max_length=80, unique=True, help_text="`cus_…`, and `demo_cus_…` of a simulated one.")
    created_at = models.DateTimeField(auto_now_add=True)
    leaving_at = models.DateTimeField(null=True, blank=True, help_text="To be deleted at the gateway since then.")
    left_at = models.DateTimeField(null=True, blank=True, help_text="When it was.")

    class Meta:
        ordering = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "gateway"], name="one_customer_per_workspace_and_gateway"),
        ]

    def __str__(self) -> str:
        return self.stripe_id


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def open(self) -> Self:
        """Those that run, or will run again as soon as somebody pays: one at most for each workspace."""
        return self.filter(status__in=Subscription.OPEN)

    def paying(self) -> Self:
        """Those that money comes from every period, or is owed: neither trials nor what staff gave."""
        return self.filter(status__in=Subscription.PAYING, price__amount__gt=0)


class Subscription(models.Model):
    """The plan a workspace pays for, or was put on by staff. Our own truth; Stripe's comes to it, never past it."""

    class Status(models.TextChoices):
        TRIALING = "trialing"
        ACTIVE = "active"
        PAST_DUE = "past_due"
        UNPAID = "unpaid"
        PAUSED = "paused"
        INCOMPLETE = "incomplete"
        INCOMPLETE_EXPIRED = "incomplete_expired"
        CANCELED = "canceled"

    ENTITLED: ClassVar = [Status.TRIALING, Status.ACTIVE, Status.PAST_DUE]
    PAYING: ClassVar = [Status.ACTIVE, Status.PAST_DUE]
    OPEN: ClassVar = [*ENTITLED, Status.UNPAID, Status.PAUSED]

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="subscriptions")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions")
    price = models.ForeignKey(
        Price, on_delete=models.PROTECT, null=True, blank=True, related_name="subscriptions", help_text="None: given."
    )
    next_price = models.ForeignKey(
        Price,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="A lower one, which it goes on with when the period that is paid for ends.",
    )
    gateway = models.CharField(max_length=10, choices=Gateway, blank=True, help_text="None: staff put it there.")
    stripe_id = models.CharField(max_length=80, blank=True)
    status = models.CharField(max_length=20, choices=Status, default=Status.ACTIVE)
    current_period_start = models.DateTimeField(default=now)
    current_period_end = models.DateTimeField(null=True, blank=True, help_text="None: until staff end it.")
    cancel_at_period_end = models.BooleanField(default=False)
    trial_end = models.DateTimeField(null=True, blank=True)
    past_due_since = models.DateTimeField(null=True, blank=True)
    entitled_until = models.DateTimeField(
        null=True, blank=True, help_text="The plan counts so long as no news comes; none: for as long as it is live."
    )
    created_at = models.DateTimeField(default=now)
    canceled_at = models.DateTimeField(null=True, blank=True)
    refreshed_at = models.DateTimeField(null=True, blank=True, help_text="When the gateway was last asked.")

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace"],
                condition=Q(status__in=["trialing", "active", "past_due", "unpaid", "paused"]),
                name="one_open_subscription_per_workspace",
            ),
            models.UniqueConstraint(
                fields=["stripe_id"], condition=~Q(stripe_id=""), name="one_subscription_per_stripe_id"
            ),
            models.CheckConstraint(
                condition=Q(current_period_end=None) | Q(current_period_end__gte=F("current_period_start")),
                name="period_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.workspace} on {self.plan} ({self.status})"

    def is_entitled(self, at: datetime) -> bool:
        """Whether its plan counts then, so far as is known."""
        return self.status in self.ENTITLED and (self.entitled_until is None or at < self.entitled_until)

    @property
    def is_simulated(self) -> bool:
        return self.gateway == Gateway.DEMO
