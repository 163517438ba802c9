"""What happened, a row each, and who may watch."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accounts.models import TokenFamily, User, Workspace


class Event(models.Model):
    """Something that happened, as the feed tells it. `data` holds ids, numbers and our own words: nobody is named.

    Rows are committed in the order of their ids: whoever has read up to one has missed none below it.
    """

    class Kind(models.TextChoices):
        USER_SIGNUP = "user_signup"
        ADMIN_LOGIN = "admin_login"
        CHAT_COMPLETED = "chat_completed"
        QUOTA_EXCEEDED = "quota_exceeded"
        ALLOWANCE_REACHED = "allowance_reached"
        STRATEGY_GENERATED = "strategy_generated"
        STRATEGY_DELETED = "strategy_deleted"
        OPERATION_EXECUTED = "operation_executed"
        PAYMENT_RECEIVED = "payment_received"
        SUBSCRIPTION_CHANGED = "subscription_changed"
        PROVIDER_FAILING = "provider_failing"
        ALERT_RAISED = "alert_raised"

    kind = models.CharField(max_length=20, choices=Kind)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, null=True, related_name="events", db_index=False
    )  # events_of_a_workspace begins with it
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="events")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-pk"]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id"], name="events_of_a_workspace"),
            models.Index(fields=["kind", "-id"], name="events_of_a_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.kind}"


class Ticket(models.Model):
    """Lets somebody open the feed's socket, once. It is kept as a hash, and is gone once it was used."""

    hash = models.CharField(primary_key=True, max_length=64, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    family = models.ForeignKey(
        TokenFamily, on_delete=models.CASCADE, null=True, related_name="+", help_text="The session it was given to."
    )
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"of {self.user_id} until {self.expires_at:%H:%M:%S}"
