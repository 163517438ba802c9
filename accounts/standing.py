"""What a caller is in the workspace that an address names. There its id decides, not the workspace they came with."""

from __future__ import annotations

from uuid import UUID

from accounts.callers import ROLE_SCOPES, Caller, Needs
from accounts.errors import InsufficientScope, UnknownWorkspace
from accounts.models import Membership, Workspace


def standing_of(caller: Caller, workspace_id: UUID, *, needs: Needs) -> Membership:
    """Their membership there. Raises `UnknownWorkspace` for who has none, and for a key of another workspace;
    `InsufficientScope` where their role, or their key, may not do what is needed."""
    if caller.key_id and caller.workspace_id != workspace_id:
        raise UnknownWorkspace
    mine = Membership.objects.select_related("workspace").filter(workspace=workspace_id, user=caller.user_id).first()
    if mine is None:
        raise UnknownWorkspace
    scopes = caller.scopes if caller.key_id else ROLE_SCOPES[mine.role]
    if scopes.isdisjoint([needs] if isinstance(needs, str) else needs):
        raise InsufficientScope(needs, by_key=caller.key_id is not None)
    return mine


def hold(workspace_id: UUID) -> Workspace:
    """Nobody else changes who belongs to it until this transaction ends. Raises `UnknownWorkspace` if it is gone."""
    found = Workspace.objects.select_for_update(no_key=True).filter(id=workspace_id, deleted_at=None).first()
    if found is None:
        raise UnknownWorkspace
    return found
