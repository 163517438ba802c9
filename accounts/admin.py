from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.http import HttpRequest

from accounts import registration
from accounts.models import ApiKey, Membership, TokenFamily, User, Workspace


class DiscreetAdmin(admin.ModelAdmin[Any]):
    """Rows are found by their filters alone: a look-up on any other field would tell what stands in it, bit by bit."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup.partition("__")[0] in self.get_list_filter(request)


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

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            registration.give_workspace(obj)


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


@admin.register(TokenFamily)
class TokenFamilyAdmin(admin.ModelAdmin[TokenFamily]):
    list_display = ["user", "created_at", "refreshed_at", "ended_at", "ended_because"]
    search_fields = ["user__email"]
    readonly_fields = ["user", "current_jti", "created_at", "refreshed_at", "ended_at", "ended_because"]

    def has_add_permission(self, request: object) -> bool:
        return False  # A family begins with a log-in.


@admin.register(ApiKey)
class ApiKeyAdmin(DiscreetAdmin):
    list_display = ["name", "prefix", "workspace", "user", "created_at", "revoked_at"]
    search_fields = ["name", "prefix", "user__email"]
    readonly_fields = ["workspace", "user", "prefix", "hash", "created_at"]

    def has_add_permission(self, request: object) -> bool:
        return False  # A key is shown to its owner alone, once, when the API makes it.
