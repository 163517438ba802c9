"""Customers as an operator wants them: what they pay, use and cost, in the lists; their whole story on a page."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import now

from accounts import audit
from accounts.admin.base import staff_of
from accounts.admin.people import UserAdmin
from accounts.admin.workspaces import OWNER, WorkspaceAdmin
from accounts.models import Membership, User, Workspace
from analytics import customer_sheets, customers
from analytics.admin.filters import PayingFilter, TierFilter
from analytics.console import figures
from analytics.console.figures import Figures
from analytics.console.story import Story
from analytics.moments import here
from billing import money
from billing.admin.giving import change_plan
from quotas.admin.giving import give_credit
from quotas.admin.resetting import reset_usage
from quotas.report_views import attached

FIGURES = ["plan", "pays", "usage", "tokens", "cost", "margin"]
NOTHING: Any = None


class MayGive:
    """Each deed takes a right of its own."""

    def has_change_plan_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("billing.change_subscription"))

    def has_give_credit_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("quotas.add_grant"))


class WithFigures:
    """Columns of figures of a row's workspace, which the page has looked up for all its rows at once."""

    @admin.display(description="plan")
    def plan(self, row: Any) -> str:
        told: Figures | None = row.figures
        if told is None:
            return "-"
        return f"{told.plan}, {told.status.replace('_', ' ')}" if told.status not in ("", "active") else told.plan

    @admin.display(description="pays a month")
    def pays(self, row: Any) -> str:
        told: Figures | None = row.figures
        return money.written(told.pays.amount, told.pays.currency) if told and told.pays else "-"

    @admin.display(description="tightest limit")
    def usage(self, row: Any) -> SafeString | str:
        told: Figures | None = row.figures
        if told is None or told.tightest is None:
            return "-"
        return render_to_string("admin/console/gauge.html", {"gauge": told.tightest})

    @admin.display(description="tokens this month")
    def tokens(self, row: Any) -> str:
        return f"{row.figures.margin.tokens:,}" if row.figures else "-"

    @admin.display(description="cost this month")
    def cost(self, row: Any) -> str:
        return money.micro_usd(row.figures.margin.cost) if row.figures else "-"

    @admin.display(description="margin")
    def margin(self, row: Any) -> SafeString | str:
        margin = row.figures.margin.margin if row.figures else None
        if margin is None:
            return "-"
        return format_html('<span class="{}">{}</span>', "bad" if margin < 0 else "", money.micro_usd(margin))


def dressed(rows: list[Any], workspaces: dict[Any, UUID | None]) -> None:
    found = figures.of_workspaces([pk for pk in workspaces.values() if pk], here(now()))
    for row in rows:
        row.figures = found.get(workspaces[row.pk] or NOTHING)


def by_id(queryset: QuerySet[Any], term: str) -> QuerySet[Any] | None:
    """None for what is no id."""
    try:
        return queryset.filter(pk=UUID(term.strip()))
    except ValueError:
        return None


admin.site.unregister(Workspace)


@admin.register(Workspace)
class CustomerAdmin(MayGive, WithFigures, WorkspaceAdmin):
    change_form_outer_before_template = "admin/console/story.html"
    list_display = ["name", "owner", *FIGURES, "people", "created_at"]
    list_filter: Any = [
        TierFilter,
        PayingFilter,
        ("personal_to", admin.EmptyFieldListFilter),
        ("deleted_at", admin.EmptyFieldListFilter),
        "created_at",
    ]
    search_help_text = "Name, email or id"
    ordering = ["-created_at"]
    sortable_by = ["created_at"]
    list_per_page = 50
    list_fullwidth = True
    actions: Any = [change_plan, give_credit, reset_usage, *WorkspaceAdmin.actions]
    inlines = []

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Workspace], search_term: str
    ) -> tuple[QuerySet[Workspace], bool]:
        """By people as well, each looked up by itself: one condition on all would read every membership."""
        found = by_id(queryset, search_term)
        if found is not None:
            return found, False
        words = search_term.strip()
        if not words:
            return queryset, False
        people = Membership.objects.filter(Q(user__email__icontains=words) | Q(user__name__icontains=words))
        theirs = Q(pk__in=people.values("workspace"))
        return queryset.filter(Q(name__icontains=words) | Q(email__icontains=words) | theirs), False

    def dress(self, rows: list[Any]) -> None:
        dressed(rows, {row.pk: row.pk for row in rows})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        workspace = self.get_object(request, unquote(object_id))
        told = {"story": Story(workspace, here(now()))} if workspace else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **told})
        return page

    @admin.display(description="owner")
    def owner(self, workspace: Workspace) -> SafeString | str:
        owners = [member.user for member in workspace.memberships.all() if member.role == OWNER]
        return linked(owners[0]) if owners else "-"


def linked(user: User) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse("admin:accounts_user_change", args=[user.pk]), user.email)


admin.site.unregister(User)


@admin.register(User)
class PersonAdmin(MayGive, WithFigures, UserAdmin):
    figures = ["plan", "pays", "tokens", "cost"]
    list_display = ["email", "name", *figures, "verified", "is_active", "is_staff", "created_at"]
    list_filter: ClassVar[Any] = [TierFilter, PayingFilter, *UserAdmin.list_filter]
    search_help_text = "Email, name, phone, business or id"
    sortable_by = ["created_at"]
    list_per_page = 50
    list_fullwidth = True
    actions: Any = [change_plan, give_credit, reset_usage, *UserAdmin.actions, "export"]
    change_form_outer_before_template = "admin/console/person.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        found: QuerySet[User] = super().get_queryset(request).select_related("personal_workspace")
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        found = by_id(queryset, search_term)
        if found is not None:
            return found, False
        searched: tuple[QuerySet[User], bool] = super().get_search_results(request, queryset, search_term)
        return searched

    def dress(self, rows: list[Any]) -> None:
        own = {row.pk: getattr(row, "personal_workspace", None) for row in rows}
        dressed(rows, {pk: workspace and workspace.pk for pk, workspace in own.items()})

    @admin.action(description="Export as CSV", permissions=["view"])
    def export(self, request: HttpRequest, chosen: QuerySet[User]) -> StreamingHttpResponse:
        """The rows of `users/export`. Who was erased has none."""
        moment, by = here(now()), staff_of(request)
        everybody = chosen.order_by()
        told = {"chosen": everybody.count(), "search": request.GET.get("q", "")}
        audit.record("users.exported", by=by, subject=User(pk=by.user_id), at=moment.at, after=told)
        found = customers.customers(moment).filter(pk__in=everybody.values("pk"))
        return StreamingHttpResponse(customer_sheets.pieces(found), headers=attached("users"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        person = self.get_object(request, unquote(object_id))
        told = {"memberships": person.memberships.select_related("workspace")} if person else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **told})
        return page
