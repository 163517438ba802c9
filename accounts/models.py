from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils.timezone import now

from accounts.moments import check_time_zone


def default_time_zone() -> str:
    return str(settings.STIPEND_TIME_ZONE)


class Scope(models.TextChoices):
    """What a role, and within it an API key, may do."""

    CHAT = "chat", "Talk to models, and write what people make"
    READ = "read", "Read what the workspace has"
    BILLING = "billing", "Subscribe and pay"
    ADMIN = "admin", "Manage the workspace, its people and keys"


def default_scopes() -> list[str]:
    return [Scope.CHAT, Scope.READ]


def same_email(email: str) -> Exact:
    """A condition, as the constraints compare and by their index: `iexact` takes some letters alike for one."""
    return Exact(Lower("email"), Lower(Value(BaseUserManager.normalize_email(email))))


class UserManager(BaseUserManager["User"]):
    @transaction.atomic
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A new person with a workspace of their own."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        Workspace.objects.give_personal(user)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def by_email(self, email: str) -> QuerySet[User]:
        """Who has this address, or claims it: its owner first, then the newest claim."""
        return self.filter(same_email(email)).order_by(F("email_verified_at").asc(nulls_last=True), "-created_at")

    def get_by_natural_key(self, username: str | None) -> User:
        found = self.by_email(username or "").first()
        if found is None:
            raise self.model.DoesNotExist
        return found


class Profile(models.Model):
    """What people tell of themselves and their business. Nothing here decides anything."""

    name = models.CharField(max_length=150, blank=True)
    phone = models.CharField(max_length=20, blank=True)
    phone_verified = models.BooleanField(default=False, help_text="Set by staff; a new number is not verified.")
    business_name = models.CharField(max_length=255, blank=True)
    industry = models.CharField(max_length=100, blank=True)
    sub_industry = models.CharField(max_length=100, blank=True)
    core_processes = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    monthly_revenue = models.BigIntegerField(null=True, blank=True, help_text="In minor units of `currency`.")
    currency = models.CharField(max_length=3, default="USD", help_text="ISO 4217, upper case.")
    employees = models.PositiveIntegerField(null=True, blank=True)
    goal_amount = models.BigIntegerField(null=True, blank=True, help_text="In minor units of `currency`.")
    goal_years = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        abstract = True


class User(AbstractBaseUser, PermissionsMixin, Profile):
    """A person who signs in with an email and a password.

    Anybody may claim an address by signing up with it; whoever reads its mail can verify it, and then owns it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(max_length=254)
    email_verified_at = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May sign in to the console.")
    created_at = models.DateTimeField(default=now, editable=False)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="Nobody can tell who it was.")

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        indexes = [
            models.Index(Lower("email"), name="user_by_email"),
            models.Index(fields=["created_at", "id"], name="user_by_sign_up"),
            # For lists and counts of everybody, which are read from these alone.
            models.Index(F("email"), F("id").desc(), name="user_by_address"),
            models.Index(fields=["id"], condition=Q(is_active=True, erased_at=None), name="user_who_may_sign_in"),
        ]
        constraints = [
            models.UniqueConstraint(
                Lower("email"), condition=Q(email_verified_at__isnull=False), name="one_owner_per_email"
            )
        ]

    def __str__(self) -> str:
        return self.email


class WorkspaceManager(models.Manager["Workspace"]):
    def give_personal(self, user: User) -> Workspace:
        name = (user.name or user.email)[: Workspace._meta.get_field("name").max_length]
        since = user.created_at
        workspace = self.create(name=name, email=user.email, personal_to=user, created_at=since)
        Membership.objects.create(workspace=workspace, user=user, role=Membership.Role.OWNER, created_at=since)
        return workspace


class Workspace(models.Model):
    """Who subscribes, and who owns all that people make: one person at sign-up, a team later."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=150)
    email = models.EmailField(max_length=254, help_text="Where invoices go.")
    time_zone = models.CharField(
        max_length=64, default=default_time_zone, validators=[check_time_zone], help_text="Days and months begin here."
    )
    personal_to = models.OneToOneField(
        User, on_delete=models.CASCADE, null=True, blank=True, related_name="personal_workspace"
    )
    members = models.ManyToManyField(User, through="Membership", related_name="workspaces")
    created_at = models.DateTimeField(default=now, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, help_text="Its ledger stays; nobody gets in any more.")

    objects: ClassVar[WorkspaceManager] = WorkspaceManager()

    class Meta:
        indexes = [models.Index(fields=["created_at", "id"], name="workspace_by_creation")]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    class Role(models.TextChoices):
        OWNER = "owner"
        ADMIN = "admin"
        MEMBER = "member"
        VIEWER = "viewer"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)
    limits = models.JSONField(default=dict, blank=True, help_text="Own limits below the plan's, by policy.")
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="one_membership_per_person"),
            models.UniqueConstraint(fields=["workspace"], condition=Q(role="owner"), name="one_owner_per_workspace"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace}"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def pending(self) -> Self:
        """Neither accepted nor revoked, though perhaps too old."""
        return self.filter(accepted_at=None, revoked_at=None)

    def open(self, at: datetime) -> Self:
        """Good to be accepted."""
        return self.pending().filter(expires_at__gt=at)


class Invitation(models.Model):
    """To belong to a workspace, for whoever reads the letter to this address. Its link's key stands in no row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=10, choices=Membership.Role)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                "workspace",
                Lower("email"),
                condition=Q(accepted_at=None, revoked_at=None),
                name="one_pending_invitation_per_email",
            ),
            models.CheckConstraint(condition=~Q(role="owner"), name="nobody_is_invited_as_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.workspace}"

    def state(self, at: datetime) -> str:
        """`accepted`, `revoked`, `expired` or `open`."""
        if self.accepted_at:
            return "accepted"
        if self.revoked_at:
            return "revoked"
        return "open" if self.expires_at > at else "expired"


class TokenFamily(models.Model):
    """A session: all the tokens that follow from one log-in. Only the newest refresh token is good; reuse ends all."""

    class Ending(models.TextChoices):
        LOGOUT = "logout"
        REUSE = "reuse"
        REVOKED = "revoked"
        PASSWORD = "password", "Password changed"
        ERASURE = "erasure"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="token_families")
    workspace = models.ForeignKey(
        Workspace, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", help_text="Switched to."
    )
    is_staff = models.BooleanField(default=False, help_text="Of one staff token, which cannot be refreshed.")
    current_jti = models.CharField(max_length=64)
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    refreshed_at = models.DateTimeField(auto_now=True)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_because = models.CharField(max_length=20, blank=True, choices=Ending)
    remembered = models.JSONField(default=dict, blank=True, editable=False, help_text="Of flows in the making.")

    class Meta:
        verbose_name = "session"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.user} since {self.created_at:%Y-%m-%d %H:%M}"


class ApiKey(models.Model):
    """A program's way in. Only a prefix and a hash of the secret are kept; rotated, the former secret's for a while."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="api_keys")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=24, editable=False, db_index=True)
    hash = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the whole key.")
    former_prefix = models.CharField(max_length=24, editable=False, blank=True, db_index=True)
    former_hash = models.CharField(max_length=64, null=True, blank=True, unique=True, editable=False)
    former_until = models.DateTimeField(null=True, blank=True, help_text="The secret before rotation is good so long.")
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope), default=default_scopes)
    allowed_models = ArrayField(models.CharField(max_length=80), default=list, blank=True, help_text="None named: all.")
    limits = models.JSONField(default=dict, blank=True, help_text="Own limits below the plan's, by policy.")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the minute.")
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class Tally(models.Model):
    """How often something was tried, until `resets_at`. `accounts.guards` counts; nobody's name is in it."""

    key = models.CharField(max_length=64, primary_key=True, help_text="A keyed hash of the purpose and all subjects.")
    about = models.CharField(max_length=64, db_index=True, help_text="A keyed hash of the first subject.")
    purpose = models.CharField(max_length=40)
    count = models.PositiveIntegerField()
    resets_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "tallies"

    def __str__(self) -> str:
        return f"{self.purpose}: {self.count}"


class IdempotentRequest(models.Model):
    """A write that bore an Idempotency-Key, and its answer: running until it has a status. See `idempotency.py`."""

    id = models.CharField(max_length=64, primary_key=True, help_text="A keyed hash of who asks, and of their key.")
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    request_id = models.CharField(max_length=40, help_text="Whoever does it, or did.")
    fingerprint = models.CharField(max_length=64, help_text="A keyed hash of what is asked.")
    status = models.PositiveSmallIntegerField(null=True)
    sealed = models.BinaryField(null=True, help_text="Headers and body, for who has the key. None: too large.")
    created_at = models.DateTimeField(db_index=True)
    lease_until = models.DateTimeField(help_text="By the database's clock.")

    def __str__(self) -> str:
        return f"{self.request_id}: {self.status or 'running'}"


class Letter(models.Model):
    """An e-mail to be sent. It holds no key: links are made when it is written out, just before it goes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=40)
    to = models.EmailField(max_length=254)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="letters")
    context = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField(null=True, blank=True, help_text="The next try. None: it went, or was given up.")
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True, help_text="Why the last try failed.")

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="letters_due")]

    def __str__(self) -> str:
        return f"{self.kind} to {self.to}"


class AuditEntry(models.Model):
    """Who did what to whom. It is never edited or deleted; erasure alone takes personal data out of it."""

    at = models.DateTimeField(db_index=True)
    actor = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="audit_entries")
    key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True, blank=True, related_name="audit_entries")
    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, null=True, blank=True, related_name="audit_entries"
    )
    action = models.CharField(max_length=60, help_text="Subject and past tense, such as `api_key.revoked`.")
    subject = models.CharField(max_length=80, help_text="Its kind and id.")
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    ip = models.GenericIPAddressField(null=True, blank=True)
    request_id = models.CharField(max_length=40, blank=True)

    class Meta:
        verbose_name_plural = "audit log"
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["workspace", "-at"], name="audit_by_workspace")]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"


class Export(models.Model):
    """All that a person has, in one file that a worker makes and the storage keeps for some days."""

    class State(models.TextChoices):
        QUEUED = "queued"
        READY = "ready"
        FAILED = "failed"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="exports")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="The next try, should this one not come to its end.")
    tries = models.PositiveSmallIntegerField(default=0)
    ready_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    size = models.BigIntegerField(null=True, blank=True, help_text="Bytes.")

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["due_at"], condition=Q(state="queued"), name="exports_due")]
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(state__in=["queued", "ready"]), name="one_export_per_person"
            )
        ]

    def __str__(self) -> str:
        return f"{self.state} of {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def file(self) -> str:
        """Its name in the storage, whether it is there or not: so that every trace of it can be removed."""
        return f"exports/{self.pk}.zip"
