"""What the console's pages have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, cast

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ChangeList as BaseChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.timezone import now
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from accounts import audit
from accounts.admin.counting import Counting
from accounts.audit import Actor
from accounts.clients import address_of
from accounts.console import Console

console = cast(Console, admin.site)

OF_ONE: Final = "of_one"
"""Stands in what is posted from the page of one row."""


def staff_of(request: HttpRequest) -> Actor:
    """Who the audit log will name for what is done in the console."""
    return Actor(request.user.pk, None, address_of(request), request.headers.get("X-Request-ID", ""))


class PageOfRows(ChangeList):
    """Tells its page which rows it is about to show, so that what stands beside them is looked up once for all."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        self.model_admin.dress(self.result_list)


class DiscreetAdmin(ModelAdmin):
    """Rows are found by their filters alone: a look-up on any other field would tell what stands in it, bit by bit.

    `found_by` are fields that links of other pages name; they are compared as a whole.
    """

    found_by: tuple[str, ...] = ("workspace", "user")
    paginator: Any = Counting
    show_full_result_count = False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        given_filters = [given[0] if isinstance(given, tuple) else given for given in self.get_list_filter(request)]
        filters = [getattr(given, "parameter_name", given) for given in given_filters]
        named = lookup.partition("__")[0] in [*filters, self.date_hierarchy]
        # A filter by a relation leads to it, and not on to what stands behind it.
        return lookup in self.found_by or (named and super().lookup_allowed(lookup, value, request))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BaseChangeList]:
        return PageOfRows

    def dress(self, rows: list[Any]) -> None:
        """Give the rows of one page what its columns show beside their own fields, in as many queries as it takes
        for one."""


class ActingAdmin(DiscreetAdmin):
    """Rows that change by verbs, mostly from its list; where a form or a deletion is missing, `why` says the reason."""

    why = ""
    list_before_template = "admin/why.html"
    change_form_outer_before_template = "admin/actions_of_one.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """To do what an action does takes the right to change, though perhaps no form changes these rows."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        actions = [(name, told) for name, told in self.get_action_choices(request, []) if name]
        return super().render_change_form(request, {**context, "actions_of_one": actions}, *args, **kwargs)

    def response_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Who came from a row's own page goes back to it."""
        answer: HttpResponse | None = super().response_action(request, *args, **kwargs)
        if OF_ONE in request.POST and answer and answer.status_code == 302:
            page = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
            return redirect(page, quote(request.POST[ACTION_CHECKBOX_NAME]))
        return answer

    def told(self, request: HttpRequest, done: int, asked: int, what: str, otherwise: str) -> None:
        """How many it was done to, and why not to the others."""
        self.message_user(request, f"{done} {what}." + (f" {asked - done} {otherwise}." if done < asked else ""))


class ReadOnlyAdmin(ActingAdmin):
    """Shows and filters; whoever comes to change a row is told why that cannot be."""

    why = "This is read here and never edited."

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


NOTHING_CHANGED: tuple[dict[str, Any], dict[str, Any]] = ({}, {})


class RecordedAdmin(ModelAdmin):
    """What its forms add, change and delete stands in the audit log, and not in the console's history alone."""

    unsaid: tuple[str, ...] = ()
    """Fields of which the log says that they changed, and not to what."""

    def noted(self, row: Any) -> dict[str, Any]:
        """What of a row the audit log shall know as well."""
        return {}

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Here alone it is known what stood in the form before: the row has its new values already."""
        inlines = [inline for formset in formsets or [] for inline in formset.forms if inline.has_changed()]
        before, after = self._changes(form, "")
        for inline in inlines:
            former, latter = self._changes(inline, f"{inline.instance._meta.model_name} {inline.instance.pk}: ")
            before, after = before | former, after | latter
        request.changes = ({} if add else before, after)  # type: ignore[attr-defined]
        return super().construct_change_message(request, form, formsets, add)

    def _changes(self, form: Any, prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
        names = [name for name in form.changed_data if name not in self.unsaid]
        before = {prefix + name: _plain(form.get_initial_for_field(form.fields[name], name)) for name in names}
        after = {prefix + name: _plain(form.cleaned_data.get(name)) for name in names}
        return before, after

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._record(request, obj, "added", message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._record(request, obj, "changed", message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any] | Iterable[Any]) -> Any:
        for row in queryset:
            self._record(request, row, "deleted", [])
        return super().log_deletions(request, queryset)

    def _record(self, request: HttpRequest, row: Any, what: str, message: Any) -> None:
        before, after = getattr(request, "changes", NOTHING_CHANGED)
        audit.record(
            f"{row._meta.model_name}.{what}",
            by=staff_of(request),
            subject=row,
            at=now(),
            workspace_id=getattr(row, "workspace_id", None),
            before=before,
            after={"in the console": message, **after, **self.noted(row)},
        )


def _plain(value: Any) -> Any:
    """As JSON can hold it."""
    match value:
        case None | bool() | int() | str():
            return value
        case Model():
            return str(value.pk)
        case QuerySet() | list() | tuple() | set():
            return [_plain(one) for one in value]
        case dict():
            return {str(name): _plain(one) for name, one in value.items()}
    return str(value)
