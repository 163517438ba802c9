"""Sums of what was used, so that no figure reads the ledger. `analytics.summing` keeps them; days are ours."""

from __future__ import annotations

from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from accounts.models import Workspace


class UsageDay(models.Model):
    """What was used on one day on one plan with one model, by everybody. Cost in micro-USD, as in all of these."""

    day = models.DateField()
    plan = models.CharField(max_length=40)
    model = models.CharField(max_length=80, blank=True)
    works = models.BigIntegerField(help_text="Pieces of work that tokens were charged for.")
    tokens = models.BigIntegerField()
    cost = models.BigIntegerField()

    class Meta:
        ordering = ["-day", "plan", "model"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "plan", "model"], name="one_usage_day_per_plan_and_model"),
        ]

    def __str__(self) -> str:
        return f"{self.tokens} tokens on {self.day}"


class KindDay(models.Model):
    """What models were asked on one day for one kind of work: a road of the API, or a crew's jobs."""

    day = models.DateField()
    kind = models.CharField(max_length=20)
    calls = models.BigIntegerField()
    input_tokens = models.BigIntegerField()
    cache_write_tokens = models.BigIntegerField()
    cache_read_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    cost = models.BigIntegerField()

    class Meta:
        ordering = ["-day", "kind"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["day", "kind"], name="one_day_per_kind")]

    def __str__(self) -> str:
        return f"{self.kind} on {self.day}"


class CustomerDay(models.Model):
    """What one workspace used on one day."""

    day = models.DateField()
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="usage_days", db_index=False)
    works = models.BigIntegerField()
    tokens = models.BigIntegerField()
    cost = models.BigIntegerField()

    class Meta:
        ordering = ["-day"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "day"], name="one_usage_day_per_customer"),
        ]
        indexes: ClassVar = [models.Index(fields=["day"], name="customers_of_a_day")]

    def __str__(self) -> str:
        return f"{self.tokens} tokens on {self.day}"


class CustomerMonth(models.Model):
    """What one workspace used in the month that begins on that day: the sum of its days."""

    month = models.DateField()
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="usage_months", db_index=False)
    works = models.BigIntegerField()
    tokens = models.BigIntegerField()
    cost = models.BigIntegerField()

    class Meta:
        ordering = ["-month"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "month"], name="one_usage_month_per_customer"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["month", "-tokens"], name="customers_by_tokens"),
            models.Index(fields=["month", "-cost"], name="customers_by_cost"),
        ]

    def __str__(self) -> str:
        return f"{self.tokens} tokens in {self.month:%Y-%m}"


class KeptFigure(models.Model):
    """Rows of a figure that has to look at every customer, as it was counted last. `analytics.kept` keeps it."""

    name = models.CharField(max_length=60)
    gateway = models.CharField(max_length=10, help_text="Whose money it counts.")
    rows = models.JSONField(encoder=DjangoJSONEncoder)
    counted_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "gateway"], name="one_kept_figure_per_name_and_gateway"),
        ]

    def __str__(self) -> str:
        return f"{self.name} at {self.counted_at:%Y-%m-%d %H:%M}"
