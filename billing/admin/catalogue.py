"""The console's pages of what is sold. Staff see for how many a change counts before it is saved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.core.validators import RegexValidator
from django.db.models import Count, Model, Prefetch, Q, QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import now
from unfold.admin import TabularInline

from accounts.admin import ReadOnlyAdmin, RecordedAdmin
from accounts.admin.base import ActingAdmin
from billing import catalogue, catalogue_files, money
from billing.catalogue import Preview, count
from billing.models import CreditPack, PackPurchase, Plan, PlanLimit, Price, Subscription
from billing.terms import LimitTerms, PlanTerms, PriceTerms
from billing.yaml_lines import BIGINT

CONFIRMED = "confirmed"
IN_FILES = RegexValidator(rf"^{catalogue_files.SLUG.pattern}\Z", "Lower case, digits and hyphens.")
CAPITALS = RegexValidator(r"^[A-Z]{3}\Z", "Three capitals, as in USD.")
RUNNING = Count("subscriptions", filter=Q(subscriptions__status__in=Subscription.OPEN))


class Unconfirmed(Exception):
    """Staff have not seen yet what this would change."""

    def __init__(self, previews: list[Preview]) -> None:
        super().__init__()
        self.previews = previews


class Lines(forms.CharField):
    """A text in each line."""

    widget = forms.Textarea

    def __init__(self, *, label: str, longest: int, help_text: str) -> None:
        super().__init__(label=label, required=False, help_text=help_text)
        self.longest = longest
        self.widget.attrs |= {"rows": 4, "cols": 60}

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else "\n".join(value or [])

    def clean(self, value: Any) -> tuple[str, ...]:
        lines = tuple(line.strip() for line in super().clean(value).splitlines() if line.strip())
        if any(len(line) > self.longest for line in lines):
            raise forms.ValidationError(f"No line may be longer than {self.longest} characters.")
        return lines


class PlanForm(forms.ModelForm[Plan]):
    """A plan with what it costs now."""

    amount = forms.IntegerField(label="Price", min_value=0, max_value=BIGINT, help_text="Minor units: 2900 is $29.00.")
    currency = forms.CharField(initial="USD", validators=[CAPITALS])
    interval_count = forms.IntegerField(label="Paid every", initial=1, min_value=1, max_value=999)
    interval = forms.ChoiceField(label="Interval", choices=Price.Interval.choices, initial=Price.Interval.MONTH)
    features_told = Lines(label="Features", longest=120, help_text="One in each line.")
    models_allowed = Lines(label="Allowed models", longest=80, help_text="One in each line; none: every model.")
    default = forms.BooleanField(required=False, help_text="For workspaces without a subscription.")

    class Meta:
        model = Plan
        fields = ["slug", "name", "description", "rank", "trial_days", "is_offered", "requests_per_minute"]
        fields += ["active_projects"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.previews: list[Preview] = []
        if "slug" in self.fields:
            self.fields["slug"].validators.append(IN_FILES)
        if self.instance.pk:
            self.initial = {**self.initial, **_initial(catalogue.sold()[self.instance.pk])}

    def clean_default(self) -> bool:
        wanted: bool = self.cleaned_data["default"]
        if self.instance.is_default and not wanted:
            raise forms.ValidationError("There is always one. Make another plan the default, and this is it no more.")
        return wanted

    def terms(self, limits: dict[str, LimitTerms]) -> PlanTerms:
        said = self.cleaned_data
        return PlanTerms(
            slug=self.instance.slug,
            name=said["name"],
            description=said["description"],
            rank=said["rank"],
            features=said["features_told"],
            models=said["models_allowed"],
            trial_days=said["trial_days"],
            is_default=said["default"],
            is_offered=said["is_offered"],
            price=PriceTerms(said["amount"], said["currency"], said["interval"], said["interval_count"]),
            limits=limits,
            requests_per_minute=said["requests_per_minute"],
            active_projects=said["active_projects"],
        )


def _initial(terms: PlanTerms) -> dict[str, Any]:
    told: dict[str, Any] = {
        "features_told": terms.features,
        "models_allowed": terms.models,
        "default": terms.is_default,
    }
    if terms.price:
        told |= vars(terms.price)
    return told


class PlanLimitForm(forms.ModelForm[PlanLimit]):
    """One limit of a plan, held to what a catalogue's file is held to."""

    class Meta:
        model = PlanLimit
        fields = ["meter", "window", "limit", "overage_price", "soft", "rolls_over"]

    def clean(self) -> None:
        super().clean()
        if {"meter", "window", "limit"} <= self.cleaned_data.keys():
            policy, terms = _limit(self.cleaned_data)
            if wrong := terms.contradiction(policy):
                raise forms.ValidationError(f"{wrong[0].upper()}{wrong[1:]}.")


class PlanLimitInline(TabularInline):
    """Who may change a plan may change what it allows."""

    model = PlanLimit
    form = PlanLimitForm
    extra = 0
    verbose_name = "limit"

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.has_perm("billing.change_plan") or request.user.has_perm("billing.add_plan"))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_add_permission(request)


@admin.register(Plan)
class PlanAdmin(RecordedAdmin, ActingAdmin):
    why = (
        "Before a change is saved you are shown for how many it counts. A new amount is a new price, and who has "
        "subscribed keeps theirs. No plan is deleted: one that is not offered any more stays for who is on it."
    )
    form = PlanForm
    inlines = [PlanLimitInline]
    list_display = ["name", "slug", "price", "subscriptions", "is_default", "is_offered"]
    list_filter = ["is_offered"]
    search_fields = ["name", "slug"]
    ordering = ["-is_offered", "rank"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        current = Prefetch("prices", Price.objects.current())
        return Plan.objects.prefetch_related(current).annotate(running=RUNNING)

    @admin.display(description="price")
    def price(self, plan: Plan) -> str:
        return ", ".join(map(told, plan.prices.all()))

    @admin.display(description="subscriptions", ordering="running")
    def subscriptions(self, plan: Any) -> int:
        return int(plan.running)

    @admin.display(description="prices so far")
    def prices_so_far(self, plan: Plan) -> SafeString | str:
        prices: QuerySet[Any] = Price.objects.filter(plan=plan).annotate(running=RUNNING).order_by("-created_at", "-pk")
        lines = (
            (told(price), count(price.running, "subscription"), f"{price.created_at:%d %B %Y}") for price in prices
        )
        return format_html_join("", "<div>{}, paid by {}, since {}</div>", lines) or "-"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("billing.add_plan"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["slug", "prices_so_far"] if obj else []

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj and not self.has_change_permission(request, obj):
            seen = ["slug", "name", "description", "rank", "features", "allowed_models", "prices_so_far", "trial_days"]
            seen += ["requests_per_minute", "active_projects"]
            return [(None, {"fields": [*seen, "is_default", "is_offered"]})]
        price = [("amount", "currency"), ("interval_count", "interval"), "trial_days"]
        return [
            (None, {"fields": ["slug", "name", "description", "features_told", "models_allowed", "rank"]}),
            ("Pace", {"fields": ["requests_per_minute", "active_projects"]}),
            ("Price", {"fields": [*price, "prices_so_far"] if obj else price}),
            ("Who can have it", {"fields": ["is_offered", "default"]}),
        ]

    # Seen first, saved then

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            page: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        except Unconfirmed as asked:
            return self._preview(request, asked.previews)
        return page

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:
        """All of it is saved at once, in `save_related`."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Raises `Unconfirmed` unless exactly this was shown before."""
        [limits] = formsets
        catalogue.alone()
        proposed = catalogue.with_one_default(form.terms(_limits(limits)))
        form.previews = catalogue.preview(proposed, at=now())
        if request.POST.get(CONFIRMED) != _fingerprint(form.previews):
            raise Unconfirmed(form.previews)
        catalogue.sell(proposed)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        return "; ".join(_changes(form.previews))

    def _preview(self, request: HttpRequest, previews: list[Preview]) -> HttpResponse:
        asked = [(name, value) for name, values in request.POST.lists() for value in values]
        context = {
            **self.admin_site.each_context(request),
            "title": "Change what is sold?" if previews else "Nothing would change",
            "opts": self.opts,
            "previews": previews,
            "asked": [said for said in asked if said[0] not in ("csrfmiddlewaretoken", CONFIRMED)],
            "confirmed": (CONFIRMED, _fingerprint(previews)),
        }
        return TemplateResponse(request, "admin/billing/plan/preview.html", context)


def _limits(formset: BaseInlineFormSet[Any, Any, Any]) -> dict[str, LimitTerms]:
    return dict(_limit(row) for row in formset.cleaned_data if row and not row.get("DELETE"))


def _limit(row: Mapping[str, Any]) -> tuple[str, LimitTerms]:
    """By its name, such as `tokens/day`."""
    terms = LimitTerms(row["limit"], row.get("overage_price"), row["soft"], row.get("rolls_over"))
    return f"{row['meter']}/{row['window']}", terms


def _fingerprint(previews: list[Preview]) -> str:
    """Of what would change; not of the numbers it touches, which move all the time."""
    return hashlib.sha256("\n".join(_changes(previews)).encode()).hexdigest()


def _changes(previews: list[Preview]) -> list[str]:
    return [f"{plan.slug}: {change}" for plan in previews for change in plan.changes]


def told(price: Price) -> str:
    return str(catalogue.terms_of(price))


def _day(price: Price) -> str:
    return f"{price.created_at:%d %b %Y}"


@admin.register(Price)
class PriceAdmin(ReadOnlyAdmin):
    why = "A price is never edited: a new amount is a new version, made in its plan. Who has subscribed keeps theirs."
    list_display = ["plan", "written", "version", "is_current", "subscriptions", "stripe_id", "since"]
    list_filter = ["is_current", "plan"]
    search_fields = ["plan__name", "plan__slug", "stripe_id"]
    list_select_related = ["plan"]
    ordering = ["plan__rank", "-is_current", "-created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Price]:
        return Price.objects.annotate(running=RUNNING)

    @admin.display(description="price", ordering="amount")
    def written(self, price: Price) -> str:
        return told(price)

    @admin.display(description="subscriptions", ordering="running")
    def subscriptions(self, price: Any) -> int:
        return int(price.running)

    @admin.display(description="since", ordering="created_at")
    def since(self, price: Price) -> str:
        return _day(price)


@admin.register(PlanLimit)
class PlanLimitAdmin(ReadOnlyAdmin):
    why = "A limit is changed in its plan, where you are shown for how many it counts."
    list_display = ["plan", "meter", "window", "limit", "policy", "overage_price", "rolls_over"]
    list_filter = ["plan", "meter", "window"]
    list_select_related = ["plan"]
    ordering = ["plan__rank", "meter", "window"]


class CreditPackForm(forms.ModelForm[CreditPack]):
    class Meta:
        model = CreditPack
        fields = ["slug", "name", "meter", "amount", "price", "currency", "lasts_days", "rank", "is_offered"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "slug" in self.fields:
            self.fields["slug"].validators.append(IN_FILES)
        if "currency" in self.fields:
            self.fields["currency"].validators.append(CAPITALS)


@admin.register(CreditPack)
class CreditPackAdmin(RecordedAdmin, ActingAdmin):
    why = (
        "A change counts for who buys from now on; what was bought keeps its terms. No pack is deleted: one that is "
        "not offered any more stays for who bought it."
    )
    form = CreditPackForm
    list_display = ["name", "slug", "amount", "meter", "costs", "lasts_days", "bought", "is_offered"]
    list_filter = ["is_offered", "meter"]
    search_fields = ["name", "slug"]
    ordering = ["-is_offered", "rank"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[CreditPack]:
        paid = Q(purchases__state__in=[PackPurchase.State.PAID, PackPurchase.State.REFUNDED])
        return CreditPack.objects.annotate(paid=Count("purchases", filter=paid))

    @admin.display(description="price", ordering="price")
    def costs(self, pack: CreditPack) -> str:
        return money.written(pack.price, pack.currency)

    @admin.display(description="bought", ordering="paid")
    def bought(self, pack: Any) -> int:
        return int(pack.paid)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("billing.add_creditpack"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["slug"] if obj else []
