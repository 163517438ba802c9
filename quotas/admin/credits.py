"""What is given beside a plan, and what is told of its limits."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.validators import RegexValidator
from django.http import HttpRequest

from accounts.admin.base import ActingAdmin, RecordedAdmin
from quotas.admin.ledger import LedgerAdmin
from quotas.models import Grant, Notice, Promotion, Rollup, TopUp

CODE = RegexValidator(r"^[A-Z0-9][A-Z0-9-]*\Z", "Capitals, digits and hyphens.")


@admin.register(Grant)
class GrantAdmin(LedgerAdmin):
    list_display = ["created_at", "workspace", "amount", "meter", "source", "priority", "expires_at", "actor", "reason"]
    list_filter = ["source", "meter"]
    search_fields = ["id", "workspace__name", "workspace__email", "promotion__code"]
    list_select_related = ["workspace"]
    date_hierarchy = "created_at"


class PromotionForm(forms.ModelForm[Promotion]):
    class Meta:
        model = Promotion
        fields = ["code", "meter", "amount", "lasts_days", "ends_at", "most"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "code" in self.fields:
            self.fields["code"].validators.append(CODE)


@admin.register(Promotion)
class PromotionAdmin(RecordedAdmin, ActingAdmin):
    why = (
        "Each workspace redeems a code once. A change counts for who redeems it from now on. No code is deleted: one "
        "that has ended stays for who redeemed it."
    )
    form = PromotionForm
    list_display = ["code", "amount", "meter", "lasts_days", "ends_at", "redeemed", "most", "created_at"]
    list_filter = ["meter"]
    search_fields = ["code"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("quotas.add_promotion"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["code", "meter", "redeemed"] if obj else []


@admin.register(TopUp)
class TopUpAdmin(LedgerAdmin):
    why = "Customers say themselves when a pack is bought for them, so it is read here and never edited."
    list_display = ["workspace", "meter", "below", "pack", "a_month", "paused_at", "created_at"]
    list_filter = ["meter", ("paused_at", admin.EmptyFieldListFilter)]
    search_fields = ["workspace__name", "workspace__email"]
    list_select_related = ["workspace", "pack"]


@admin.register(Rollup)
class RollupAdmin(LedgerAdmin):
    why = "Sums of the ledger by the hour, kept as it is written. They are read here and never edited."
    list_display = ["hour", "workspace", "meter", "model", "amount", "works"]
    list_filter = ["meter"]
    search_fields = ["workspace__name", "workspace__email", "model"]
    list_select_related = ["workspace"]
    date_hierarchy = "hour"


@admin.register(Notice)
class NoticeAdmin(LedgerAdmin):
    why = "Each limit tells once in a window that 80 and 100 % are used, so it is read here and never edited."
    list_display = ["created_at", "workspace", "percent", "bucket", "told_at"]
    list_filter = ["percent", ("told_at", admin.EmptyFieldListFilter)]
    search_fields = ["bucket__workspace__name", "bucket__workspace__email"]
    list_select_related = ["bucket__workspace"]
    found_by = ("bucket__workspace",)

    @admin.display(description="workspace")
    def workspace(self, notice: Notice) -> str:
        return str(notice.bucket.workspace)
