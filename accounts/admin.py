from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.timezone import now

from accounts import api_keys, erasure, invitations, letters
from accounts.audit import Actor
from accounts.clients import address_of
from accounts.errors import OwnsATeam
from accounts.factors import admin as _  # noqa: F401
from accounts.models import (
    ApiKey,
    AuditEntry,
    Export,
    Invitation,
    InvitationQuerySet,
    Letter,
    Membership,
    Tally,
    TokenFamily,
    User,
    Workspace,
)


class DiscreetAdmin(admin.ModelAdmin[Any]):
    """Rows are found by their filters alone: a look-up on any other field would tell what stands in it, bit by bit."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup.partition("__")[0] in self.get_list_filter(request)


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Shows and filters; whoever comes to change a row is told why that cannot be."""

    why = "This is read here and never edited."

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None):  # type: ignore[no-untyped-def]
        messages.info(request, self.why)
        return super().changelist_view(request, extra_context)

    def has_act_permission(self, request: HttpRequest) -> bool:
        """To do what an action does takes the right to change, though no form changes these rows."""
        return super().has_change_permission(request)


def staff_of(request: HttpRequest) -> Actor:
    """Who the audit log will name for what is done in the console."""
    return Actor(request.user.pk, None, address_of(request), request.headers.get("X-Request-ID", ""))


class MembershipInline(admin.TabularInline[Membership, Workspace]):
    model = Membership
    extra = 0


@admin.register(User)
class UserAdmin(DjangoUserAdmin[User]):
    list_display = ["email", "name", "is_active", "is_staff", "created_at"]
    list_filter = ["is_active", "is_staff"]
    search_fields = ["email", "name"]
    ordering = ["-created_at"]
    readonly_fields = ["last_login", "created_at"]
    fieldsets = [
        (None, {"fields": ["email", "password", "name"]}),
        ("Access", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Dates", {"fields": ["last_login", "created_at"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "name", "usable_password", "password1", "password2"]})]

    actions = ["erase"]

    @admin.action(description="Erase, for ever", permissions=["change"])
    def erase(self, request: HttpRequest, chosen: QuerySet[User]) -> TemplateResponse | None:
        """Asks once more before it does so."""
        if "sure" not in request.POST:
            context = {**self.admin_site.each_context(request), "title": "Erase for ever?", "chosen": chosen}
            return TemplateResponse(request, "admin/erase.html", context)
        for user in chosen:
            try:
                erasure.erase(user.pk, by=staff_of(request), at=now())
            except OwnsATeam as exc:
                self.message_user(request, f"{user}: {exc}", messages.ERROR)
        return None

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False  # The ledger refers to them: they are erased, and their row stays.

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            Workspace.objects.give_personal(obj)


@admin.register(Workspace)
class WorkspaceAdmin(admin.ModelAdmin[Workspace]):
    list_display = ["name", "email", "time_zone", "created_at"]
    search_fields = ["name", "email"]
    readonly_fields = ["id", "created_at"]
    inlines = [MembershipInline]


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin[Membership]):
    list_display = ["user", "workspace", "role", "created_at"]
    list_filter = ["role"]
    search_fields = ["user__email", "workspace__name"]


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    why = "An invitation is made by who manages a workspace, and is revoked here by its action."
    list_display = ["email", "workspace", "role", "invited_by", "created_at", "expires_at", "accepted_at", "revoked_at"]
    list_filter = ["role", ("accepted_at", admin.EmptyFieldListFilter), ("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["email", "workspace__name", "invited_by__email"]
    list_select_related = ["workspace", "invited_by"]
    actions = ["revoke"]

    @admin.action(description="Revoke", permissions=["act"])
    def revoke(self, request: HttpRequest, chosen: InvitationQuerySet) -> None:
        revoked = invitations.revoke_all(chosen, by=staff_of(request), at=now())
        self.message_user(request, f"{revoked} revoked; those that were accepted stay as they are.")


@admin.register(TokenFamily)
class TokenFamilyAdmin(admin.ModelAdmin[TokenFamily]):
    list_display = ["user", "created_at", "refreshed_at", "ended_at", "ended_because"]
    search_fields = ["user__email"]
    readonly_fields = [
        "user",
        "ip",
        "user_agent",
        "created_at",
        "refreshed_at",
        "expires_at",
        "ended_at",
        "ended_because",
    ]
    exclude = ["current_jti"]

    def has_add_permission(self, request: object) -> bool:
        return False  # A family begins with a log-in.


@admin.register(ApiKey)
class ApiKeyAdmin(DiscreetAdmin):
    list_display = ["name", "prefix", "workspace", "user", "last_used_at", "expires_at", "revoked_at"]
    search_fields = ["name", "prefix", "former_prefix", "user__email"]
    exclude = ["hash", "former_hash"]
    readonly_fields = [field.name for field in ApiKey._meta.fields if field.name not in ("hash", "former_hash", "name")]
    actions = ["revoke"]

    @admin.action(description="Revoke at once", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for row in queryset:
            api_keys.revoke(row, by=staff_of(request), at=now())

    def has_add_permission(self, request: object) -> bool:
        return False  # A key is shown to its owner alone, once, when the API makes it.


@admin.register(Letter)
class LetterAdmin(DiscreetAdmin):
    list_display = ["kind", "to", "created_at", "tries", "due_at", "sent_at", "error"]
    list_filter = ["kind", "sent_at"]
    search_fields = ["to"]
    actions = ["try_again"]

    def has_add_permission(self, request: object) -> bool:
        return False  # A letter tells of something that happened.

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False

    @admin.action(description="Try the chosen letters again, now", permissions=["delete"])
    def try_again(self, request: HttpRequest, letters_chosen: QuerySet[Letter]) -> None:
        tried = letters.try_again(letters_chosen, at=now())
        self.message_user(request, f"{tried} will be tried again within 15 seconds; those that went stay as they are.")


@admin.register(Tally)
class TallyAdmin(ReadOnlyAdmin):
    why = "Tallies count what is tried too often. They name nobody, and go by themselves."
    list_display = ["purpose", "count", "resets_at"]
    list_filter = ["purpose"]


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    why = "The audit log is proof of who did what, so it is read here and never edited."
    list_display = ["at", "action", "subject", "actor", "workspace", "ip"]
    list_filter = ["action"]
    search_fields = ["subject", "actor__email", "request_id"]
    list_select_related = ["actor", "workspace"]
    date_hierarchy = "at"


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    why = "What is in an export is its person's alone. It is made by a worker and goes after a week."
    list_display = ["user", "state", "created_at", "tries", "ready_at", "expires_at", "size"]
    list_filter = ["state"]
    search_fields = ["user__email"]
    list_select_related = ["user"]
