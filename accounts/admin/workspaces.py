"""Workspaces, who belongs to them or was invited, and their API keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.timezone import now
from unfold.admin import TabularInline

from accounts import api_keys, interventions, invitations, memberships, workspaces
from accounts.admin.asking import Question, Reason, answer, ask
from accounts.admin.base import ActingAdmin, ReadOnlyAdmin, staff_of
from accounts.admin.people import within_reach
from accounts.errors import AccountError
from accounts.models import ApiKey, Invitation, InvitationQuerySet, Membership, User, Workspace
from accounts.workspace_serializers import GIVEN_ROLES, MemberChange

OWNER = Membership.Role.OWNER
SUSPEND = Question(
    "suspend_people",
    "Suspend everybody in it?",
    "They are shut out of every workspace of theirs, not of this one alone: their sessions end, and their keys are "
    "refused until somebody readmits them, one by one.",
    "Suspend them",
)
SIGN_OUT = Question(
    "sign_out_people",
    "Sign everybody in it out?",
    "Their sessions end wherever they are. They can sign in again, and their API keys stay.",
    "Sign them out",
)
REVOKE = Question(
    "revoke",
    "Revoke these keys?",
    "Whatever uses them is refused from its next request on. A key that was revoked is never good again: their owners "
    "make new ones.",
    "Revoke",
)


class MembershipInline(TabularInline):
    model = Membership
    fields = ["user", "role", "limits", "created_at"]
    readonly_fields = ["user", "role", "limits", "created_at"]
    show_change_link = True
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Workspace)
class WorkspaceAdmin(ActingAdmin):
    why = "A workspace is made and deleted by its owner. Its row stays then, for the ledger's sake, and lets nobody in."
    list_display = ["name", "email", "owner", "people", "personal", "time_zone", "created_at", "deleted_at"]
    list_filter = [
        ("personal_to", admin.EmptyFieldListFilter),
        ("deleted_at", admin.EmptyFieldListFilter),
        "created_at",
        "time_zone",
    ]
    search_fields = ["name", "email", "id", "memberships__user__email"]
    fields = ["id", "name", "email", "time_zone", "personal_to", "created_at", "deleted_at"]
    actions: Any = ["suspend_people", "sign_out_people"]
    readonly_fields = ["id", "personal_to", "created_at", "deleted_at"]
    inlines = [MembershipInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workspace]:
        found: QuerySet[Workspace] = super().get_queryset(request)
        return found.prefetch_related("memberships__user")

    @admin.display(description="owner")
    def owner(self, workspace: Workspace) -> str:
        return ", ".join(member.user.email for member in workspace.memberships.all() if member.role == OWNER)

    @admin.display(description="people")
    def people(self, workspace: Workspace) -> int:
        return len(workspace.memberships.all())

    @admin.display(description="personal", boolean=True, ordering="personal_to")
    def personal(self, workspace: Workspace) -> bool:
        return workspace.personal_to_id is not None

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        gone = isinstance(obj, Workspace) and obj.deleted_at
        return not gone and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Workspace, form: Any, change: bool) -> None:
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        workspaces.change(obj.pk, by=staff_of(request), at=now(), **changed)

    # What is done to its people

    def has_act_on_people_permission(self, request: HttpRequest) -> bool:
        return self.has_act_permission(request) and request.user.has_perm("accounts.change_user")

    @admin.action(description="Suspend its people", permissions=["act_on_people"])
    def suspend_people(self, request: HttpRequest, chosen: QuerySet[Workspace]) -> TemplateResponse | None:
        return self._each_person(request, chosen, SUSPEND, interventions.suspend, "suspended")

    @admin.action(description="Sign its people out everywhere", permissions=["act_on_people"])
    def sign_out_people(self, request: HttpRequest, chosen: QuerySet[Workspace]) -> TemplateResponse | None:
        return self._each_person(request, chosen, SIGN_OUT, interventions.sign_out, "signed out")

    def _each_person(
        self,
        request: HttpRequest,
        chosen: QuerySet[Workspace],
        question: Question,
        verb: Callable[..., bool],
        what: str,
    ) -> TemplateResponse | None:
        """Asks why before it does so. Nobody does it to themselves."""
        why = answer(request, Reason)
        if not why.is_valid():
            return ask(self, request, chosen, question, why)
        people = User.objects.filter(memberships__workspace__in=chosen).distinct()
        by, done = staff_of(request), 0
        for user in within_reach(request, people.filter(~Q(pk=by.user_id))):
            joined = user.memberships.filter(workspace__in=chosen).values_list("workspace_id", flat=True)
            done += verb(user, by=by, at=now(), workspace_id=joined[0], **why.cleaned_data)
        self.told(request, done, people.count(), what, "were before, or are not yours to look after")
        return None


def workspaces_of(chosen: QuerySet[Any]) -> QuerySet[Workspace]:
    """Those that are chosen, or the own ones of chosen people, but for deleted ones."""
    whose = Workspace.objects.filter(personal_to__in=chosen) if chosen.model is User else chosen
    return whose.filter(deleted_at=None)


class MembershipForm(forms.ModelForm[Membership]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "role" in self.fields:
            self.fields["role"].choices = GIVEN_ROLES  # type: ignore[attr-defined]

    def clean_limits(self) -> dict[str, int]:
        limits: dict[str, int] = self.cleaned_data["limits"] or {}
        asked = MemberChange(data={"limits": limits})
        if not asked.is_valid():
            raise forms.ValidationError(str(asked.errors["limits"]))
        return limits


@admin.register(Membership)
class MembershipAdmin(ActingAdmin):
    why = "Who belongs to a workspace was invited by who manages it. An owner's role moves by a transfer alone."
    form = MembershipForm
    list_display = ["user", "workspace", "role", "limits", "created_at"]
    list_filter = ["role", "created_at"]
    search_fields = ["user__email", "workspace__name", "workspace__id"]
    list_select_related = ["user", "workspace"]
    fields = ["user", "workspace", "role", "limits", "created_at"]
    actions = ["remove", "make_owner"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["user", "workspace", "created_at", *(["role"] if obj and obj.role == OWNER else [])]

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        memberships.change(obj.workspace_id, obj.user_id, as_role=OWNER, by=staff_of(request), at=now(), **changed)

    @admin.action(description="Remove from the workspace, with their keys there", permissions=["act"])
    def remove(self, request: HttpRequest, chosen: QuerySet[Membership]) -> None:
        members = list(chosen)
        done = sum(_ended(member, request) for member in members)
        self.told(request, done, len(members), "removed", "stay: they own their workspace")

    @admin.action(description="Transfer the workspace to them", permissions=["act"])
    def make_owner(self, request: HttpRequest, chosen: QuerySet[Membership]) -> None:
        for member in chosen:
            self.message_user(request, _transferred(member, request))


def _ended(member: Membership, request: HttpRequest) -> bool:
    try:
        memberships.end(member.workspace_id, member.user_id, by=staff_of(request), at=now())
    except AccountError:
        return False
    return True


def _transferred(member: Membership, request: HttpRequest) -> str:
    """What became of it, for staff to read."""
    owner = member.workspace.memberships.filter(role=OWNER).values_list("user", flat=True).first()
    try:
        memberships.transfer(
            member.workspace_id, owner_id=owner or member.user_id, to=member.user_id, by=staff_of(request), at=now()
        )
    except AccountError as exc:
        return f"{member.workspace}: {exc}"
    return f"{member.workspace} is {member.user}'s now."


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    why = "An invitation is made by who manages a workspace, and can be revoked here."
    list_display = ["email", "workspace", "role", "invited_by", "created_at", "expires_at", "accepted_at", "revoked_at"]
    list_filter = [
        "role",
        ("accepted_at", admin.EmptyFieldListFilter),
        ("revoked_at", admin.EmptyFieldListFilter),
        "expires_at",
    ]
    search_fields = ["email", "workspace__name", "invited_by__email"]
    list_select_related = ["workspace", "invited_by"]
    actions = ["revoke"]

    @admin.action(description="Revoke", permissions=["act"])
    def revoke(self, request: HttpRequest, chosen: InvitationQuerySet) -> None:
        revoked = invitations.revoke_all(chosen, by=staff_of(request), at=now())
        self.told(request, revoked, chosen.count(), "revoked", "were accepted, or revoked before")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    why = (
        "A key is shown to its owner alone, once, when the API makes it. It can be revoked here. "
        "Look for one that leaked by how it begins, or by all of it."
    )
    list_display = ["name", "prefix", "workspace", "user", "scopes", "last_used_at", "expires_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), "created_at", "last_used_at", "expires_at"]
    search_fields = ["name", "prefix", "former_prefix", "user__email", "workspace__name"]
    list_select_related = ["workspace", "user"]
    exclude = ["hash", "former_hash"]
    actions = ["revoke"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ApiKey], search_term: str
    ) -> tuple[QuerySet[ApiKey], bool]:
        if search_term.strip().startswith(api_keys.MARK):
            return queryset.filter(api_keys.starting_with(search_term)), False
        found: tuple[QuerySet[ApiKey], bool] = super().get_search_results(request, queryset, search_term)
        return found

    @admin.action(description="Revoke at once", permissions=["act"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> TemplateResponse | None:
        """Asks why before it does so."""
        why = answer(request, Reason)
        if not why.is_valid():
            return ask(self, request, chosen, REVOKE, why)
        live = chosen.filter(revoked_at=None).count()
        api_keys.revoke_all(chosen, **why.cleaned_data, by=staff_of(request), at=now())
        self.told(request, live, chosen.count(), "revoked", "were before")
        return None
