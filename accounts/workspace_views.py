"""Workspaces and who belongs to them. The id in the address says which workspace counts, and whose role."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import guards, invitations, memberships, tokens, workspaces
from accounts.authentication import actor_of, caller_of
from accounts.callers import PERSON
from accounts.models import AuditEntry, Invitation, Membership, Scope
from accounts.standing import standing_of
from accounts.views import parsed
from accounts.workspace_serializers import (
    Acceptance,
    AuditEntryView,
    AuditQuery,
    InvitationView,
    MemberChange,
    MemberView,
    NewInvitation,
    NewWorkspace,
    Switched,
    Transfer,
    WorkspaceChange,
    WorkspaceView,
)

TAGS = ["workspaces"]

MANAGERS = (PERSON, Scope.ADMIN)
"""People, whose role there is looked at then, and keys that may manage their workspace."""
MEMBER = (Scope.READ, Scope.ADMIN)
"""What every member may, and a key that manages."""


def standing(request: Request, workspace_id: UUID, *, needs: str | tuple[str, ...]) -> Membership:
    return standing_of(caller_of(request), workspace_id, needs=needs)


class WorkspaceListView(generics.ListAPIView[Membership]):
    """The workspaces you belong to, those you came to last first. A key sees its own."""

    needs = {"GET": MANAGERS, "POST": PERSON}
    queryset = Membership.objects.none()  # for the schema; `get_queryset` needs a caller
    serializer_class = WorkspaceView

    def get_queryset(self) -> QuerySet[Membership]:
        caller = caller_of(self.request)
        mine = Membership.objects.select_related("workspace").filter(user=caller.user_id)
        return mine.filter(workspace=caller.workspace_id) if caller.key_id else mine

    @extend_schema(tags=TAGS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)

    @extend_schema(request=NewWorkspace, responses={201: WorkspaceView}, tags=TAGS)
    def post(self, request: Request) -> Response:
        """Make a workspace, which you own. It is on the free plan."""
        body, owner_id, at = parsed(NewWorkspace, request), caller_of(request).user_id, now()
        guards.count("new workspaces", owner_id, at=at)
        mine = workspaces.create(owner_id, by=actor_of(request), at=at, **body)
        return Response(WorkspaceView(mine).data, status=status.HTTP_201_CREATED)


class WorkspaceDetailView(APIView):
    needs = {"GET": MANAGERS, "PATCH": MANAGERS, "DELETE": PERSON}

    @extend_schema(responses=WorkspaceView, tags=TAGS)
    def get(self, request: Request, workspace_id: UUID) -> Response:
        """One of your workspaces, and your role there."""
        return Response(WorkspaceView(standing(request, workspace_id, needs=MEMBER)).data)

    @extend_schema(request=WorkspaceChange, responses=WorkspaceView, tags=TAGS)
    def patch(self, request: Request, workspace_id: UUID) -> Response:
        """Rename it, say where its invoices go, or where its days begin.

        The time zone can be changed once in 30 days: another midnight begins another day's and month's allowance.
        """
        mine = standing(request, workspace_id, needs=Scope.ADMIN)
        change, at = parsed(WorkspaceChange, request), now()
        if change.get("time_zone", mine.workspace.time_zone) != mine.workspace.time_zone:
            guards.count("time zone", workspace_id, at=at)
        mine.workspace = workspaces.change(workspace_id, by=actor_of(request), at=at, **change)
        return Response(WorkspaceView(mine).data)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, workspace_id: UUID) -> Response:
        """Delete a workspace that you own and that is not your personal one. Nobody, and no key, gets in any more."""
        mine = standing(request, workspace_id, needs=MEMBER)
        workspaces.delete(workspace_id, owner_id=mine.user_id, by=actor_of(request), at=now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class SwitchView(APIView):
    needs = {"POST": PERSON}

    @extend_schema(request=None, responses=Switched, tags=TAGS)
    def post(self, request: Request, workspace_id: UUID) -> Response:
        """Move this session to another of your workspaces. For one request, `X-Workspace` does the same."""
        mine = standing(request, workspace_id, needs=MEMBER)
        return Response(Switched({"access": tokens.switch(caller_of(request).family_id, mine.workspace)}).data)


class TransferView(APIView):
    needs = {"POST": PERSON}

    @extend_schema(request=Transfer, responses=WorkspaceView, tags=TAGS)
    def post(self, request: Request, workspace_id: UUID) -> Response:
        """Give a workspace that you own to another of its members. You stay, as an admin."""
        mine = standing(request, workspace_id, needs=MEMBER)
        to = parsed(Transfer, request)["user_id"]
        memberships.transfer(workspace_id, owner_id=mine.user_id, to=to, by=actor_of(request), at=now())
        return Response(WorkspaceView(standing(request, workspace_id, needs=MEMBER)).data)


class LeaveView(APIView):
    needs = {"POST": PERSON}

    @extend_schema(request=None, responses={204: None}, tags=TAGS)
    def post(self, request: Request, workspace_id: UUID) -> Response:
        """Leave a workspace. Your API keys there are revoked. Its owner cannot leave."""
        mine = standing(request, workspace_id, needs=MEMBER)
        memberships.end(workspace_id, mine.user_id, by=actor_of(request), at=now())
        return Response(status=status.HTTP_204_NO_CONTENT)


# ---- members and invitations -----------------------------------------------------------------------------------------


class MemberListView(generics.ListAPIView[Membership]):
    """Who belongs to a workspace, who came last first."""

    needs = {"GET": MANAGERS}
    queryset = Membership.objects.none()  # for the schema; `get_queryset` needs a caller
    serializer_class = MemberView

    def get_queryset(self) -> QuerySet[Membership]:
        mine = standing(self.request, self.kwargs["workspace_id"], needs=MEMBER)
        return Membership.objects.select_related("user").filter(workspace=mine.workspace)

    @extend_schema(tags=TAGS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)


class MemberDetailView(APIView):
    needs = {"PATCH": MANAGERS, "DELETE": MANAGERS}

    @extend_schema(request=MemberChange, responses=MemberView, tags=TAGS)
    def patch(self, request: Request, workspace_id: UUID, user_id: UUID) -> Response:
        """Change a member's role and own limits. What is the owner's, only the owner changes."""
        mine = standing(request, workspace_id, needs=Scope.ADMIN)
        change = parsed(MemberChange, request)
        member = memberships.change(workspace_id, user_id, as_role=mine.role, by=actor_of(request), at=now(), **change)
        return Response(MemberView(member).data)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, workspace_id: UUID, user_id: UUID) -> Response:
        """Remove a member. Their API keys in this workspace are revoked."""
        standing(request, workspace_id, needs=Scope.ADMIN)
        memberships.end(workspace_id, user_id, by=actor_of(request), at=now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class InvitationListView(generics.ListAPIView[Invitation]):
    """Who was invited to a workspace, and what became of it, newest first."""

    needs = {"GET": MANAGERS, "POST": MANAGERS}
    queryset = Invitation.objects.none()  # for the schema; `get_queryset` needs a caller
    serializer_class = InvitationView

    @property
    def rate(self) -> str:
        return "letter" if self.request.method == "POST" else "any"

    def get_queryset(self) -> QuerySet[Invitation]:
        mine = standing(self.request, self.kwargs["workspace_id"], needs=Scope.ADMIN)
        return Invitation.objects.filter(workspace=mine.workspace)

    @extend_schema(tags=TAGS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)

    @extend_schema(request=NewInvitation, responses={201: InvitationView}, tags=TAGS)
    def post(self, request: Request, workspace_id: UUID) -> Response:
        """Invite somebody by a letter to their address. Inviting them again sends another, good for seven days anew."""
        mine = standing(request, workspace_id, needs=Scope.ADMIN)
        body, at = parsed(NewInvitation, request), now()
        guards.count("invitations", mine.user_id, at=at)
        # Beside the letters they ask for themselves, so that nobody's invitations keep those away.
        guards.count("letter", body["email"], "invitation", at=at)
        invitation = invitations.invite(workspace_id, inviter_id=mine.user_id, by=actor_of(request), at=at, **body)
        return Response(InvitationView(invitation).data, status=status.HTTP_201_CREATED)


class InvitationDetailView(APIView):
    needs = {"DELETE": MANAGERS}

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, workspace_id: UUID, invitation_id: UUID) -> Response:
        """Revoke an invitation. Its link is good no more."""
        mine = standing(request, workspace_id, needs=Scope.ADMIN)
        invitation = get_object_or_404(Invitation, workspace=mine.workspace, id=invitation_id)
        invitations.revoke(invitation, by=actor_of(request), at=now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class AcceptanceView(APIView):
    needs = {"POST": PERSON}

    @extend_schema(request=Acceptance, responses=WorkspaceView, tags=TAGS)
    def post(self, request: Request) -> Response:
        """Accept an invitation, with the key of its link. Whoever holds the link may, once."""
        key = parsed(Acceptance, request)["key"]
        mine = invitations.accept(key, user_id=caller_of(request).user_id, by=actor_of(request), at=now())
        return Response(WorkspaceView(mine).data)


# ---- the audit log ---------------------------------------------------------------------------------------------------


class AuditLogView(generics.ListAPIView[AuditEntry]):
    """Who changed what in a workspace, newest first."""

    needs = {"GET": MANAGERS}
    queryset = AuditEntry.objects.none()  # for the schema; `get_queryset` needs a caller
    serializer_class = AuditEntryView
    newest_by = "at"

    def get_queryset(self) -> QuerySet[AuditEntry]:
        mine = standing(self.request, self.kwargs["workspace_id"], needs=Scope.ADMIN)
        asked = AuditQuery(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        return AuditEntry.objects.select_related("actor").filter(workspace=mine.workspace, **asked.validated_data)

    @extend_schema(parameters=[AuditQuery], tags=TAGS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)
