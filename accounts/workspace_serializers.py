from __future__ import annotations

from typing import Any

from django.utils.timezone import now
from rest_framework import serializers

from accounts.models import AuditEntry, Invitation, Membership
from accounts.moments import check_time_zone
from accounts.serializers import MOST, Address, known_policies

GIVEN_ROLES = [choice for choice in Membership.Role.choices if choice[0] != Membership.Role.OWNER]


class WorkspaceChange(serializers.Serializer[Any]):
    """`email` is where invoices go."""

    name = serializers.CharField(max_length=150, required=False)
    email = Address(required=False)
    time_zone = serializers.CharField(
        max_length=64, required=False, validators=[check_time_zone], help_text="Such as `Europe/Berlin`."
    )


class NewWorkspace(WorkspaceChange):
    name = serializers.CharField(max_length=150)


class WorkspaceView(serializers.ModelSerializer[Membership]):
    """A workspace, as one of its members sees it."""

    id = serializers.UUIDField(source="workspace.id", read_only=True)
    name = serializers.CharField(source="workspace.name", read_only=True)
    email = serializers.EmailField(source="workspace.email", read_only=True)
    time_zone = serializers.CharField(source="workspace.time_zone", read_only=True)
    personal = serializers.SerializerMethodField(help_text="Of the person who signed up with it: it stays theirs.")
    created_at = serializers.DateTimeField(source="workspace.created_at", read_only=True)

    class Meta:
        model = Membership
        fields = ["id", "name", "email", "time_zone", "personal", "role", "created_at"]

    def get_personal(self, mine: Membership) -> bool:
        return mine.workspace.personal_to_id is not None


class Switched(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="An access token for that workspace. Refreshing keeps it.")


class MemberView(serializers.ModelSerializer[Membership]):
    user_id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(source="user.name", read_only=True)
    email = serializers.EmailField(source="user.email", read_only=True)
    email_verified = serializers.SerializerMethodField()

    class Meta:
        model = Membership
        fields = ["user_id", "name", "email", "email_verified", "role", "limits", "created_at"]

    def get_email_verified(self, member: Membership) -> bool:
        return member.user.email_verified_at is not None


class MemberChange(serializers.Serializer[Any]):
    """`limits` are amounts by policy, such as `{"tokens-day": 10000}`, below the workspace's."""

    role = serializers.ChoiceField(choices=GIVEN_ROLES, required=False)
    limits = serializers.DictField(child=serializers.IntegerField(min_value=0, max_value=MOST), required=False)

    def validate_limits(self, limits: dict[str, int]) -> dict[str, int]:
        return known_policies(limits)


class Transfer(serializers.Serializer[Any]):
    user_id = serializers.UUIDField()


class NewInvitation(serializers.Serializer[Any]):
    email = Address()
    role = serializers.ChoiceField(choices=GIVEN_ROLES, default=Membership.Role.MEMBER)


class InvitationView(serializers.ModelSerializer[Invitation]):
    invited_by = serializers.UUIDField(source="invited_by_id", read_only=True, allow_null=True)
    state = serializers.SerializerMethodField(help_text="`open`, `expired`, `accepted` or `revoked`.")

    class Meta:
        model = Invitation
        fields = ["id", "email", "role", "state", "invited_by", "created_at", "expires_at", "accepted_at", "revoked_at"]

    def get_state(self, invitation: Invitation) -> str:
        return invitation.state(now())


class Acceptance(serializers.Serializer[Any]):
    key = serializers.CharField(max_length=2000, help_text="What stands behind `#key=` in the letter's link.")


class AuditQuery(serializers.Serializer[Any]):
    action = serializers.CharField(max_length=60, required=False, help_text="Such as `api_key.revoked`.")
    actor = serializers.UUIDField(required=False, help_text="The id of who acted.")


class AuditEntryView(serializers.ModelSerializer[AuditEntry]):
    """Nobody is named by `actor_email` where staff or the product itself acted."""

    actor_id = serializers.UUIDField(read_only=True, allow_null=True)
    actor_email = serializers.SerializerMethodField()
    key_id = serializers.UUIDField(read_only=True, allow_null=True)

    class Meta:
        model = AuditEntry
        fields = ["id", "at", "action", "subject", "actor_id", "actor_email", "key_id", "before", "after", "request_id"]

    def get_actor_email(self, entry: AuditEntry) -> str | None:
        return entry.actor.email if entry.actor and not entry.actor.is_staff else None
