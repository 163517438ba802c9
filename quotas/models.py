from __future__ import annotations

import uuid
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from accounts.meters import Meter, Window
from accounts.models import ApiKey, User, Workspace
from billing.models import CreditPack, PackPurchase


class Basis(models.TextChoices):
    """What a settlement rests on: the provider's report, our estimate, or its report after the client had gone."""

    REPORTED = "reported"
    ESTIMATED = "estimated"
    DRAINED = "drained"


class Grant(models.Model):
    """So much of one meter beside what the plan allows. Its bucket counts what is used of it."""

    class Source(models.TextChoices):
        PURCHASE = "purchase"
        GOODWILL = "goodwill"
        PROMOTION = "promotion"
        REFERRAL = "referral"
        ROLL_OVER = "roll_over"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="grants")
    meter = models.CharField(max_length=20, choices=Meter)
    amount = models.BigIntegerField(help_text="Of the meter.")
    source = models.CharField(max_length=12, choices=Source)
    priority = models.PositiveSmallIntegerField(
        default=50, help_text="The lower is used first; of two alike, the one that expires sooner."
    )
    starts_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="None: never.")
    reason = models.CharField(max_length=200, blank=True)
    actor = models.CharField(max_length=254, blank=True, help_text="Who gave it.")
    purchase = models.OneToOneField(PackPurchase, on_delete=models.PROTECT, null=True, blank=True, related_name="grant")
    promotion = models.ForeignKey("Promotion", on_delete=models.PROTECT, null=True, blank=True, related_name="grants")
    rolled_from = models.OneToOneField(
        "Bucket",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="rolled_over",
        help_text="Whose rest it is.",
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]
        indexes: ClassVar = [models.Index(fields=["workspace", "-created_at"], name="grants_of_a_workspace")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="grant_positive"),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("starts_at")), name="grant_expires_after_start"
            ),
            models.UniqueConstraint(fields=["workspace", "promotion"], name="one_grant_per_promotion"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.meter} ({self.source})"


class Promotion(models.Model):
    """A code that gives credit, once to each workspace."""

    code = models.CharField(primary_key=True, max_length=40, help_text="In capitals.")
    meter = models.CharField(max_length=20, choices=Meter)
    amount = models.BigIntegerField(help_text="Of the meter.")
    lasts_days = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Days; none: it never expires.")
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Until when it can be redeemed.")
    most = models.PositiveIntegerField(null=True, blank=True, help_text="How many workspaces may redeem it.")
    redeemed = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="promotion_positive"),
            models.CheckConstraint(condition=Q(most=None) | Q(redeemed__lte=F("most")), name="promotion_not_overused"),
        ]

    def __str__(self) -> str:
        return self.code


class TopUp(models.Model):
    """A pack to be bought whenever so little is left of a meter."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="top_ups")
    meter = models.CharField(max_length=20, choices=Meter)
    below = models.BigIntegerField(help_text="What is left, of the plan and of credits, when a pack is bought.")
    pack = models.ForeignKey(CreditPack, on_delete=models.PROTECT, related_name="top_ups")
    a_month = models.PositiveSmallIntegerField(default=5, help_text="At most so many packs a calendar month.")
    paused_at = models.DateTimeField(null=True, blank=True, help_text="Since a payment failed.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["meter"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "meter"], name="one_top_up_per_meter"),
            models.CheckConstraint(condition=Q(below__gt=0), name="top_up_below_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.pack_id} below {self.below} {self.meter}"


class Bucket(models.Model):
    """The counter for one meter in one window that has started: of a workspace, of a key or a member in it, or of a
    grant, whose window is its own.
    """

    GRANT = "grant"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="buckets")
    # A member is a person and not a membership, so that who leaves and comes back has no allowance twice.
    # RESTRICT: they go with their whole workspace, never from under its ledger.
    key = models.ForeignKey(ApiKey, on_delete=models.RESTRICT, null=True, blank=True, related_name="buckets")
    member = models.ForeignKey(User, on_delete=models.RESTRICT, null=True, blank=True, related_name="buckets")
    grant = models.OneToOneField(Grant, on_delete=models.RESTRICT, null=True, blank=True, related_name="bucket")
    # Never null, so that one index finds every bucket by equality.
    holder_id = models.GeneratedField(
        expression=Coalesce("grant", "key", "member", "workspace"), output_field=models.UUIDField(), db_persist=True
    )
    meter = models.CharField(max_length=20, choices=Meter)
    window = models.CharField(max_length=10, choices=[*Window.choices, (GRANT, "Grant")])
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    plan = models.CharField(max_length=40, blank=True, help_text="Whose limit it is, since the last change of plan.")
    limit = models.BigIntegerField(
        help_text="As of the last reservation, with what was carried over; plan, key and member decide at each."
    )
    carried = models.BigIntegerField(
        default=0, help_text="Beside the plan's limit: carried over from a former plan, or to a later."
    )
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
            models.CheckConstraint(
                condition=Q(key=None, member=None) | Q(key=None, grant=None) | Q(member=None, grant=None),
                name="bucket_has_one_holder",
            ),
            models.CheckConstraint(
                condition=Q(grant=None) & ~Q(window="grant") | Q(grant__isnull=False, window="grant"),
                name="grant_has_its_own_window",
            ),
            # None on the sum: a call may deliver more than was held for it, and all of it is posted.
            models.CheckConstraint(condition=Q(used__gte=0), name="used_not_negative"),
            models.CheckConstraint(condition=Q(reserved__gte=0), name="reserved_not_negative"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="bucket_ends_after_start"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace"], condition=Q(grant__isnull=False), name="buckets_of_grants"),
            models.Index(fields=["ends_at"], condition=Q(grant__isnull=False), name="grants_by_end"),
            models.Index(fields=["ends_at"], condition=Q(grant=None), name="windows_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.meter} a {self.window} from {self.starts_at:%Y-%m-%d}"

    @property
    def holder(self) -> str:
        """Whose limit it counts against: `workspace`, `member`, `key` or `grant`."""
        if self.grant_id:
            return self.GRANT
        return "key" if self.key_id else "member" if self.member_id else "workspace"


class Reservation(models.Model):
    """A hold on buckets for one piece of work. It resolves exactly once."""

    class State(models.TextChoices):
        PENDING = "pending"
        SETTLED = "settled"
        RELEASED = "released"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # No index of their own: each begins one of those below.
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, db_index=False, related_name="reservations")
    request_id = models.CharField(max_length=40, db_index=True)
    key = models.ForeignKey(
        ApiKey, on_delete=models.RESTRICT, db_index=False, null=True, blank=True, related_name="reservations"
    )
    member = models.ForeignKey(
        User, on_delete=models.RESTRICT, db_index=False, null=True, blank=True, related_name="reservations"
    )
    model = models.CharField(max_length=80, blank=True)
    plan = models.CharField(max_length=40)
    price = models.JSONField(default=dict, help_text="The price it will be charged at, as it stood when it was made.")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    basis = models.CharField(max_length=10, choices=Basis, blank=True)
    checkpoint = models.JSONField(default=dict, help_text="Delivered so far, by meter: what expiry will post.")
    spent = models.JSONField(default=dict, help_text="Charged for it in the end, by meter, limited or not.")
    created_at = models.DateTimeField()
    lease_until = models.DateTimeField(help_text="By the database's clock.")
    resolved_at = models.DateTimeField(null=True, blank=True)
    corrected_at = models.DateTimeField(null=True, blank=True, help_text="When a result came after expiry.")

    class Meta:
        ordering = ["-created_at"]
        indexes: ClassVar = [
            models.Index(fields=["lease_until"], condition=Q(state="pending"), name="pending_by_lease"),
            models.Index(fields=["workspace", "-created_at", "-id"], name="work_of_a_workspace"),
            models.Index(fields=["workspace", "model", "-created_at", "-id"], name="work_of_a_model"),
            models.Index(fields=["key", "-created_at", "-id"], name="work_of_a_key"),
            models.Index(fields=["member", "workspace", "-created_at", "-id"], name="work_of_a_member"),
            # A meter that is seldom charged is found as quickly as one that always is.
            *(
                models.Index(
                    fields=["workspace", "-created_at", "-id"],
                    condition=Q(spent__has_key=str(meter)),
                    name=f"work_with_{meter}",
                )
                for meter in Meter
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request_id} ({self.state})"


class Hold(models.Model):
    """How much one reservation holds of one bucket."""

    reservation = models.ForeignKey(
        Reservation, on_delete=models.CASCADE, db_index=False, related_name="holds"
    )  # one_hold_per_bucket begins with it
    bucket = models.ForeignKey(Bucket, on_delete=models.CASCADE, related_name="holds")
    amount = models.BigIntegerField()
    begins = models.BigIntegerField(
        default=0, help_text="A grant's is used after so much of the meter was spent; what others hold, for the rest."
    )
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
        allowances = (Entry.Kind.GRANT, Entry.Kind.EXPIRY, Entry.Kind.CARRY_OVER)
        return self.filter(bucket__key=None, bucket__member=None).exclude(kind__in=allowances)


class Entry(models.Model):
    """One line of the ledger. It is never edited or deleted: a correction is a new line that names the old one."""

    class Kind(models.TextChoices):
        SETTLEMENT = "settlement"
        CORRECTION = "correction"
        RESET = "reset"
        CARRY_OVER = "carry_over"
        GRANT = "grant"
        EXPIRY = "expiry"

    bucket = models.ForeignKey(Bucket, on_delete=models.PROTECT, related_name="entries")
    reservation = models.ForeignKey(
        Reservation, on_delete=models.PROTECT, null=True, blank=True, related_name="entries", help_text="For what work."
    )
    kind = models.CharField(max_length=12, choices=Kind)
    amount = models.BigIntegerField(
        help_text="Of `used`; of `carried` where it is a carry-over, and of a grant's `limit` where given or ended."
    )
    overrun = models.BigIntegerField(default=0, help_text="How much of it went beyond what was held.")
    basis = models.CharField(max_length=10, choices=Basis, blank=True)
    plan = models.CharField(max_length=40)
    price = models.JSONField(default=dict)
    actor = models.CharField(max_length=254, blank=True, help_text="Who did it, where it was not work.")
    reason = models.CharField(max_length=200, blank=True)
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
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="decisions", db_index=False)
    admitted = models.BooleanField()
    plan = models.CharField(max_length=40)
    limits = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-created_at", "-request_id"], name="decisions_of_a_workspace"),
        ]

    def __str__(self) -> str:
        return f"{self.request_id} {'admitted' if self.admitted else 'refused'}"


class Rollup(models.Model):
    """What one workspace was charged of one meter, for one model, in work begun within one hour of its own clock."""

    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, db_index=False, related_name="rollups"
    )  # one_rollup_per_hour begins with it
    hour = models.DateTimeField(help_text="When it began.")
    meter = models.CharField(max_length=20, choices=Meter)
    model = models.CharField(max_length=80, blank=True)
    amount = models.BigIntegerField()
    works = models.BigIntegerField(help_text="How many reservations it adds up.")

    class Meta:
        ordering = ["-hour", "meter", "model"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "hour", "meter", "model"], name="one_rollup_per_hour"),
        ]
        indexes: ClassVar = [models.Index(fields=["hour"], name="rollups_of_an_hour")]

    def __str__(self) -> str:
        return f"{self.amount} {self.meter} at {self.hour:%Y-%m-%d %H:%M}"


class Notice(models.Model):
    """So many percent of a limit were used, in one window. It is told once."""

    bucket = models.ForeignKey(Bucket, on_delete=models.CASCADE, related_name="notices")
    percent = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["bucket", "percent"], name="one_notice_per_window"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at"], condition=Q(told_at=None), name="notices_to_tell"),
        ]

    def __str__(self) -> str:
        return f"{self.percent} % of {self.bucket}"
