"""What somebody should look at, and when that is so."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models import User, Workspace


class AlertRule(models.Model):
    """When an alert is raised: once for each subject in each window, in which what is counted begins anew."""

    class Kind(models.TextChoices):
        COST = "cost", "Cost of everybody, in micro-USD"
        WORKSPACE_COST = "workspace_cost", "Cost of one workspace, in micro-USD"
        MARGIN = "margin", "Cost of one customer, in percent of what they pay"
        ERROR_RATE = "error_rate", "Answers that failed or broke off, in percent of at least 20"
        PROVIDER = "provider", "How often a provider was left alone"
        WEBHOOK = "webhook", "Hours for which a webhook has failed"
        CHURN = "churn", "Subscriptions that ended, in percent of those there were"

    class Window(models.TextChoices):
        HOUR = "hour"
        DAY = "day"
        MONTH = "month"

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=20, choices=Kind)
    threshold = models.BigIntegerField(help_text="An alert is raised beyond it, in what the kind says.")
    window = models.CharField(max_length=10, choices=Window, help_text="In the operator's time zone.")
    is_on = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]
        constraints: ClassVar = [models.CheckConstraint(condition=Q(threshold__gte=0), name="threshold_is_an_amount")]

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """A rule that was passed, once in its window."""

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="alerts")
    subject = models.CharField(max_length=80, blank=True, help_text="A provider, a webhook, a workspace; blank: all.")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, null=True, blank=True, related_name="alerts")
    window_start = models.DateTimeField()
    value = models.BigIntegerField(help_text="What was counted, in what the rule's kind says.")
    threshold = models.BigIntegerField(help_text="As it was then.")
    created_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rule", "subject", "window_start"], name="one_alert_per_window"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at"], condition=Q(acknowledged_at=None), name="open_alerts"),
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.value}"
