from __future__ import annotations

import uuid
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from accounts.meters import Meter, Window
from accounts.models import ApiKey, User, Workspace


class Basis(models.TextChoices):
    """What a settlement rests on: the provider's report, our estimate, or its report after the client had gone."""

    REPORTED = "reported"
    ESTIMATED = "estimated"
    DRAINED = "drained"


class Bucket(models.Model):
    """The counter of one workspace, or of a key or a member in it, for one meter in one window that has started."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="buckets")
    # A member is a person and not a membership, so that who leaves and comes back has no allowance twice.
    # RESTRICT: they go with their whole workspace, never from under its ledger.
    key = models.ForeignKey(ApiKey, on_delete=models.RESTRICT, null=True, blank=True, related_name="buckets")
    member = models.ForeignKey(User, on_delete=models.RESTRICT, null=True, blank=True, related_name="buckets")
    # Never null, so that one index finds every bucket by equality.
    holder_id = models.GeneratedField(
        expression=Coalesce("key", "member", "workspace"), output_field=models.UUIDField(), db_persist=True
    )
    meter = models.CharField(max_length=20, choices=Meter)
    window = models.CharField(max_length=10, choices=Window)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    plan = models.CharField(max_length=40, blank=True, help_text="Whose limit it is, since the last change of plan.")
    limit = models.BigIntegerField(
        help_text="As of the last reservation, with what was carried over; plan, key and member decide at each."
    )
    carried = models.BigIntegerField(default=0, help_text="Beside the plan's limit: carried over from a former plan.")
    hard = models.BooleanField(default=True, help_text="Likewise. A limit that is not hard is billed beyond.")
    used = models.BigIntegerField(default=0)
    reserved = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["-starts_at", "meter"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "meter", "window", "starts_at", "holder_id"],
                name="one_bucket_per_meter_window_and_holder",
            ),
            models.CheckConstraint(condition=Q(key=None) | Q(member=None), name="bucket_has_one_holder"),
            # None on the sum: a call may deliver more than was held for it, and all of it is posted.
            models.CheckConstraint(condition=Q(used__gte=0), name="used_not_negative"),
            models.CheckConstraint(condition=Q(reserved__gte=0), name="reserved_not_negative"),
            models.CheckConstraint(condition=Q(carried__gte=0), name="carried_not_negative"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="bucket_ends_after_start"),
        ]

    def __str__(self) -> str:
        return f"{self.meter} a {self.window} from {self.starts_at:%Y-%m-%d}"

    @property
    def holder(self) -> str:
        """Whose limit it counts against: `workspace`, `member` or `key`."""
        return "key" if self.key_id else "member" if self.member_id else "workspace"


class Reservation(models.Model):
    """A hold on buckets for one piece of work. It resolves exactly once."""

    class State(models.TextChoices):
        PENDING = "pending"
        SETTLED = "settled"
        RELEASED = "released"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="reservations")
    request_id = models.CharField(max_length=40, db_index=True)
    plan = models.CharField(max_length=40)
    price = models.JSONField(default=dict, help_text="The price it will be charged at, as it stood when it was made.")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    basis = models.CharField(max_length=10, choices=Basis, blank=True)
    checkpoint = models.JSONField(default=dict, help_text="Delivered so far, by meter: what expiry will post.")
    created_at = models.DateTimeField()
    lease_until = models.DateTimeField(help_text="By the database's clock.")
    resolved_at = models.DateTimeField(null=True, blank=True)
    corrected_at = models.DateTimeField(null=True, blank=True, help_text="When a result came after expiry.")

    class Meta:
        ordering = ["-created_at"]
        indexes: ClassVar = [
            models.Index(fields=["lease_until"], condition=Q(state="pending"), name="pending_by_lease"),
        ]

    def __str__(self) -> str:
        return f"{self.request_id} ({self.state})"


class Hold(models.Model):
    """How much one reservation holds of one bucket."""

    reservation = models.ForeignKey(Reservation, on_delete=models.CASCADE, related_name="holds")
    bucket = models.ForeignKey(Bucket, on_delete=models.CASCADE, related_name="holds")
    amount = models.BigIntegerField()
    overage_price = models.BigIntegerField(
        null=True, blank=True, help_text="Of each unit beyond the limit, as it stood when this was made; none: hard."
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["reservation", "bucket"], name="one_hold_per_bucket"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="hold_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of {self.bucket}"


class EntryQuerySet(models.QuerySet["Entry"]):
    def of_workspaces(self) -> Self:
        """Those that sum up to what was used: a line in a key's or a member's bucket says the same work again."""
        return self.filter(bucket__key=None, bucket__member=None)


class Entry(models.Model):
    """One line of the ledger. It is never edited or deleted: a correction is a new line that names the old one."""

    class Kind(models.TextChoices):
        SETTLEMENT = "settlement"
        CORRECTION = "correction"
        RESET = "reset"
        CARRY_OVER = "carry_over"

    bucket = models.ForeignKey(Bucket, on_delete=models.PROTECT, related_name="entries")
    reservation = models.ForeignKey(
        Reservation, on_delete=models.PROTECT, null=True, blank=True, related_name="entries", help_text="For what work."
    )
    kind = models.CharField(max_length=12, choices=Kind)
    amount = models.BigIntegerField(help_text="Of `used`, and of `carried` where it is a carry-over.")
    overrun = models.BigIntegerField(default=0, help_text="How much of it went beyond what was held.")
    basis = models.CharField(max_length=10, choices=Basis, blank=True)
    plan = models.CharField(max_length=40)
    price = models.JSONField(default=dict)
    corrects = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="corrections")
    created_at = models.DateTimeField()

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entries"
        ordering = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["reservation", "bucket"], condition=Q(kind="settlement"), name="one_settlement_per_bucket"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.amount}"


class Decision(models.Model):
    """Why a request was admitted or refused: every limit looked at, what was left, when it begins anew."""

    request_id = models.CharField(primary_key=True, max_length=40)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="decisions")
    admitted = models.BooleanField()
    plan = models.CharField(max_length=40)
    limits = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.request_id} {'admitted' if self.admitted else 'refused'}"
