"""People, and where they are signed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.timezone import now
from unfold.forms import UserChangeForm, UserCreationForm

from accounts import erasure, interventions, mailboxes, passwords
from accounts.admin.asking import Question, Reason, answer, ask
from accounts.admin.base import ActingAdmin, ReadOnlyAdmin, RecordedAdmin, staff_of
from accounts.errors import OwnsATeam
from accounts.models import Profile, TokenFamily, User, Workspace

admin.site.unregister(Group)

POWERS: list[Any] = ["is_staff", "is_superuser", "groups", "user_permissions"]
ERASE = Question(
    "erase",
    "Erase for ever?",
    "This takes out whatever tells who they are: profile, conversations, sessions, keys, their own workspace. The "
    "ledger stays, without their name. Nothing brings it back.",
    "Erase for ever",
)
TOLD: list[Any] = [field.name for field in Profile._meta.fields]


@admin.register(Group)
class GroupAdmin(RecordedAdmin, DjangoGroupAdmin):
    """What groups of staff may do."""


@admin.register(User)
class UserAdmin(RecordedAdmin, ActingAdmin, DjangoUserAdmin[User]):
    form, add_form = UserChangeForm, UserCreationForm
    why = (
        "Nobody is deleted here: what they were charged for stays. Suspend somebody to shut them out, erase to forget. "
        "Addresses and passwords are changed by their owners, who read the letters. "
        "Only superusers look after staff."
    )
    list_display = ["email", "name", "verified", "phone", "phone_verified", "is_active", "is_staff", "created_at"]
    list_filter = [
        "is_active",
        "is_staff",
        "is_superuser",
        ("email_verified_at", admin.EmptyFieldListFilter),
        "phone_verified",
        "created_at",
    ]
    search_fields = ["email", "name", "phone", "business_name", "id"]
    ordering = ["-created_at"]
    actions = ["suspend", "readmit", "sign_out", "verify_phone", "send_verification", "send_reset", "erase"]
    readonly_fields = ["id", "email", "email_verified_at", *TOLD, "is_active", "last_login", "created_at", "erased_at"]
    filter_horizontal = ["groups", "user_permissions"]
    unsaid = ("email", "name", "usable_password", "password1", "password2")
    fieldsets = [
        (None, {"fields": ["id", "email", "email_verified_at", "is_active"]}),
        ("Told by themselves", {"fields": TOLD}),
        ("Staff", {"fields": POWERS}),
        ("Dates", {"fields": ["created_at", "last_login", "erased_at"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "name", "usable_password", "password1", "password2"]})]

    @admin.display(description="verified", boolean=True, ordering="email_verified_at")
    def verified(self, user: User) -> bool:
        return user.email_verified_at is not None

    def noted(self, row: User) -> dict[str, Any]:
        return {"is_staff": row.is_staff, "is_superuser": row.is_superuser}

    # Who may what

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("accounts.add_user"))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Powers are a superuser's to give: whoever could give themselves some would have them all."""
        return _reaches(request, obj) and ActingAdmin.has_change_permission(self, request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        if obj is None:
            return []
        return [*self.readonly_fields, *([] if request.user.is_superuser else POWERS)]

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        raise PermissionDenied("People choose their passwords themselves.")

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            Workspace.objects.give_personal(obj)

    # What is done from the list

    @admin.action(description="Suspend: shut out, sessions ended", permissions=["act"])
    def suspend(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        others = chosen.filter(~Q(pk=staff_of(request).user_id))
        self._each(request, others, interventions.suspend, "suspended", "were before")

    @admin.action(description="Readmit who was suspended", permissions=["act"])
    def readmit(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        self._each(request, chosen, interventions.readmit, "readmitted", "were not suspended, or are erased")

    @admin.action(description="Sign out everywhere", permissions=["act"])
    def sign_out(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        self._each(request, chosen, interventions.sign_out, "signed out", "were signed in nowhere")

    @admin.action(description="The phone number is verified", permissions=["act"])
    def verify_phone(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        self._each(request, chosen, interventions.verify_phone, "verified", "have no number, or had it verified")

    @admin.action(description="Send the letter that verifies their address", permissions=["act"])
    def send_verification(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        asked = within_reach(request, chosen).filter(email_verified_at=None, is_active=True)
        for user in asked:
            mailboxes.ask_to_verify(user, user.email, at=now())
        self.told(request, len(asked), chosen.count(), "asked for", "have verified theirs, or are not yours to help")

    @admin.action(description="Send the letter that resets their password", permissions=["act"])
    def send_reset(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        asked = within_reach(request, chosen).filter(is_active=True)
        for user in asked:
            passwords.ask_to_reset(user.email, at=now())
        self.told(request, len(asked), chosen.count(), "asked for", "are suspended, or not yours to help")

    @admin.action(description="Erase, for ever", permissions=["act"])
    def erase(self, request: HttpRequest, chosen: QuerySet[User]) -> TemplateResponse | None:
        """Asks once more before it does so."""
        reached = within_reach(request, chosen)
        sure = answer(request, Reason)
        if not sure.is_valid():
            return ask(self, request, reached, ERASE, sure)
        for user in reached:
            try:
                erasure.erase(user.pk, **sure.cleaned_data, by=staff_of(request), at=now())
            except OwnsATeam as exc:
                self.message_user(request, f"{user}: {exc}", messages.ERROR)
        return None

    def _each(
        self, request: HttpRequest, chosen: QuerySet[User], verb: Callable[..., bool], what: str, otherwise: str
    ) -> None:
        reached = list(within_reach(request, chosen))
        if len(reached) < chosen.count():
            self.message_user(request, "Staff are looked after by superusers.", messages.WARNING)
        done = sum(verb(user, by=staff_of(request), at=now()) for user in reached)
        self.told(request, done, len(reached), what, otherwise)


def _reaches(request: HttpRequest, user: Any) -> bool:
    return bool(user is None or request.user.is_superuser or not user.is_staff)


def within_reach(request: HttpRequest, chosen: QuerySet[User]) -> QuerySet[User]:
    """Those whom these staff may look after."""
    return chosen if request.user.is_superuser else chosen.filter(is_staff=False)


@admin.register(TokenFamily)
class TokenFamilyAdmin(ReadOnlyAdmin):
    why = "A session begins with a log-in, and can be ended here."
    list_display = ["user", "is_staff", "ip", "client", "workspace", "created_at", "refreshed_at", "ended_at"]
    list_filter = ["is_staff", ("ended_at", admin.EmptyFieldListFilter), "ended_because", "created_at"]
    search_fields = ["user__email", "ip", "user_agent"]
    list_select_related = ["user", "workspace"]
    exclude = ["current_jti"]
    actions = ["end"]

    @admin.display(description="client")
    def client(self, session: TokenFamily) -> str:
        return session.user_agent[:60]

    @admin.action(description="End", permissions=["act"])
    def end(self, request: HttpRequest, chosen: QuerySet[TokenFamily]) -> None:
        reached = [session for session in chosen.select_related("user") if _reaches(request, session.user)]
        ended = sum(interventions.end_session(session, by=staff_of(request), at=now()) for session in reached)
        self.told(request, ended, chosen.count(), "ended", "were over, or are staff's")
