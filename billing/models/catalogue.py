"""What is sold: plans, their prices, and what they allow."""

from __future__ import annotations

from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from accounts.meters import Meter, Window


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
    trial_days = models.PositiveSmallIntegerField(
        default=0, help_text="Days of a first subscription before it is paid."
    )
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Model calls a minute, beside the ledger; none: as many as there are."
    )
    active_projects = models.PositiveSmallIntegerField(
        default=1, help_text="Coaching projects that one person may have active at a time."
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

    @property
    def product_id(self) -> str:
        """Its product in Stripe."""
        return f"plan_{self.slug}"


class PriceQuerySet(models.QuerySet["Price"]):
    def current(self) -> Self:
        """Those that who subscribes now will pay."""
        return self.filter(is_current=True)


class Price(models.Model):
    """What a plan costs. A new amount is a new version: who subscribed keeps the price of that day until moved."""

    class Interval(models.TextChoices):
        DAY = "day"
        MONTH = "month"
        YEAR = "year"

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="prices")
    version = models.PositiveSmallIntegerField(default=1)
    currency = models.CharField(max_length=3, help_text="ISO 4217, upper case.")
    amount = models.BigIntegerField(help_text="In minor units: 2900 is $29.00.")
    interval = models.CharField(max_length=10, choices=Interval, default=Interval.MONTH)
    interval_count = models.PositiveSmallIntegerField(default=1, help_text="30 with `day`: paid every 30 days.")
    is_current = models.BooleanField(default=True, help_text="For who subscribes now.")
    stripe_id = models.CharField(max_length=80, blank=True, editable=False, help_text="Once it was pushed to Stripe.")
    created_at = models.DateTimeField(default=now)

    objects = PriceQuerySet.as_manager()

    class Meta:
        ordering = ["interval", "-version"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["plan", "interval", "interval_count", "version"], name="one_price_per_version"
            ),
            models.UniqueConstraint(
                fields=["plan", "interval", "interval_count"],
                condition=Q(is_current=True),
                name="one_current_price_per_interval",
            ),
            models.UniqueConstraint(fields=["stripe_id"], condition=~Q(stripe_id=""), name="one_price_per_stripe_id"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="price_not_negative"),
            models.CheckConstraint(condition=Q(interval_count__gte=1), name="interval_count_positive"),
        ]

    def __str__(self) -> str:
        every = self.interval if self.interval_count == 1 else f"{self.interval_count} {self.interval}s"
        return f"{self.amount} {self.currency} every {every}"

    @property
    def lookup_key(self) -> str:
        """Its name in Stripe, such as `team_month_v1` or `standard_30day_v2`."""
        count = self.interval_count if self.interval_count > 1 else ""
        return f"{self.plan_id}_{count}{self.interval}_v{self.version}"


class PlanLimit(models.Model):
    """What a plan allows of one meter in one window.

    It is hard; or billed beyond, where it has an overage price; or soft, and only tells that it was passed.
    """

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="limits")
    meter = models.CharField(max_length=20, choices=Meter)
    window = models.CharField(max_length=10, choices=Window)
    limit = models.BigIntegerField()
    overage_price = models.BigIntegerField(
        null=True, blank=True, help_text="Minor units of USD for each unit beyond the limit; none: the limit is hard."
    )
    soft = models.BooleanField(default=False, help_text="Nobody is refused or billed beyond it; it is only told.")
    rolls_over = models.BigIntegerField(
        null=True, blank=True, help_text="At most so much of what is left at its end is had in the next window."
    )

    class Meta:
        ordering = ["meter", "window"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "meter", "window"], name="one_limit_per_meter_and_window"),
            models.CheckConstraint(condition=Q(limit__gte=0), name="limit_not_negative"),
            models.CheckConstraint(condition=Q(overage_price__gte=0), name="overage_price_not_negative"),
            models.CheckConstraint(condition=Q(rolls_over__gte=0), name="rolls_over_not_negative"),
            models.CheckConstraint(condition=Q(soft=False) | Q(overage_price=None), name="soft_or_billed_beyond"),
        ]

    def __str__(self) -> str:
        return f"{self.limit} {self.meter} a {self.window}"

    @property
    def policy(self) -> str:
        """What becomes of who passes it: `hard`, `overage` or `soft`."""
        return "soft" if self.soft else "hard" if self.overage_price is None else "overage"


class CreditPack(models.Model):
    """So much of one meter, bought once, beside what a plan allows."""

    slug = models.SlugField(primary_key=True, max_length=40)
    name = models.CharField(max_length=80)
    meter = models.CharField(max_length=20, choices=Meter)
    amount = models.BigIntegerField(help_text="Of the meter.")
    price = models.BigIntegerField(help_text="In minor units: 2900 is $29.00.")
    currency = models.CharField(max_length=3, help_text="ISO 4217, upper case.")
    lasts_days = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Days; none: it never expires.")
    rank = models.PositiveSmallIntegerField(default=0, help_text="Packs are shown in this order.")
    is_offered = models.BooleanField(default=True, help_text="Shown to customers.")

    class Meta:
        ordering = ["rank", "slug"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0, price__gt=0), name="pack_positive"),
            models.CheckConstraint(condition=Q(lasts_days=None) | Q(lasts_days__gt=0), name="pack_lasts"),
        ]

    def __str__(self) -> str:
        return self.name
