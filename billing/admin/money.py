"""Who pays, what was billed, and the news about it, in the console."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.timezone import now

from accounts.admin.base import ReadOnlyAdmin, staff_of
from billing import catalogue, money, overage, purchases, resync, revenue, webhooks
from billing.errors import BillingError
from billing.gateways import gateway
from billing.gateways.demo import visits
from billing.models import (
    Customer,
    Effect,
    Invoice,
    Overage,
    PackPurchase,
    RecurringRevenue,
    Simulated,
    StripeEvent,
    Subscription,
)


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    why = "A subscription is what the gateway says, or what set_plan gave. Its actions ask the gateway."
    change_list_template = "admin/billing/subscriptions.html"
    list_display = ["workspace", "plan", "status", "counts", "pays", "created_at", "current_period_end", "ends"]
    list_display += ["simulated"]
    list_filter = ["status", "plan", "gateway", "cancel_at_period_end"]
    search_fields = ["workspace__name", "workspace__email", "stripe_id"]
    list_select_related = ["workspace", "plan", "price"]
    actions = ["refresh", "cancel_at_period_end", "resume"]

    @admin.display(boolean=True, description="plan counts")
    def counts(self, subscription: Subscription) -> bool:
        return subscription.is_entitled(now())

    @admin.display(description="pays")
    def pays(self, subscription: Subscription) -> str:
        return str(catalogue.terms_of(subscription.price)) if subscription.price else "given"

    @admin.display(boolean=True, description="ends with its period")
    def ends(self, subscription: Subscription) -> bool:
        return subscription.cancel_at_period_end

    @admin.display(boolean=True)
    def simulated(self, subscription: Subscription) -> bool:
        return subscription.is_simulated

    @admin.action(description="Ask the gateway anew", permissions=["act"])
    def refresh(self, request: HttpRequest, chosen: QuerySet[Subscription]) -> None:
        known = Customer.objects.filter(workspace__in=chosen.values("workspace"), gateway=gateway().name)
        self._each(request, known, lambda customer: resync.resync_one(gateway(), customer, at=now()), "asked for anew")

    @admin.action(description="Cancel at the end of the period", permissions=["act"])
    def cancel_at_period_end(self, request: HttpRequest, chosen: QuerySet[Subscription]) -> None:
        by = staff_of(request)
        asked = Subscription.objects.open().filter(pk__in=chosen, gateway=gateway().name)
        self._each(request, asked, lambda one: purchases.cancel(gateway(), one, now=False, by=by, at=now()), "will end")

    @admin.action(description="Take the cancellation back", permissions=["act"])
    def resume(self, request: HttpRequest, chosen: QuerySet[Subscription]) -> None:
        by = staff_of(request)
        asked = Subscription.objects.open().filter(pk__in=chosen, gateway=gateway().name)
        self._each(request, asked, lambda one: purchases.resume(gateway(), one, by=by, at=now()), "go on")

    def _each(self, request: HttpRequest, rows: QuerySet[Any], act: Any, what: str) -> None:
        done = 0
        for row in rows:
            try:
                act(row)
            except BillingError as exc:
                self.message_user(request, f"{row}: {exc}", messages.ERROR)
            else:
                done += 1
        self.message_user(request, f"{done} {what}.")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        mrr = [(row, money.written(row.mrr, row.currency)) for row in revenue.mrr_by_plan(now())]
        view: HttpResponse = super().changelist_view(request, {**(extra_context or {}), "mrr": mrr})
        return view


@admin.register(RecurringRevenue)
class RecurringRevenueAdmin(ReadOnlyAdmin):
    why = "What was paid a month, and since when. It follows subscriptions, so that the figures of any day can be told."
    list_display = ["workspace", "plan", "a_month", "starts_at", "ends_at", "gateway"]
    list_filter = ["plan", "currency", "gateway", ("ends_at", admin.EmptyFieldListFilter)]
    search_fields = ["workspace__name", "workspace__email"]
    list_select_related = ["workspace", "plan"]
    date_hierarchy = "starts_at"

    @admin.display(description="a month", ordering="amount")
    def a_month(self, revenue: RecurringRevenue) -> str:
        return money.written(revenue.amount, revenue.currency)


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin):
    why = "A workspace is a customer from its first checkout on."
    list_display = ["stripe_id", "workspace", "gateway", "created_at", "leaving_at", "left_at"]
    list_filter = ["gateway"]
    search_fields = ["stripe_id", "workspace__name", "workspace__email"]
    list_select_related = ["workspace"]


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    why = "Invoices are the gateway's. Refunds and credit notes are made there and noted here."
    list_display = ["__str__", "workspace", "status", "sum", "paid", "given_back", "attempts", "created_at", "look"]
    list_filter = ["status", "gateway", "currency", "paid_at"]
    search_fields = ["number", "stripe_id", "workspace__name", "workspace__email"]
    list_select_related = ["workspace"]
    date_hierarchy = "created_at"

    @admin.display(description="total", ordering="total")
    def sum(self, invoice: Invoice) -> str:
        return money.written(invoice.total, invoice.currency)

    @admin.display(description="paid", ordering="amount_paid")
    def paid(self, invoice: Invoice) -> str:
        return money.written(invoice.amount_paid, invoice.currency)

    @admin.display(description="refunded, credited")
    def given_back(self, invoice: Invoice) -> str:
        back = invoice.refunded + invoice.credited
        return money.written(back, invoice.currency) if back else ""

    @admin.display(description="")
    def look(self, invoice: Invoice) -> str:
        if not invoice.hosted_url.startswith(("https://", "http://", "/")):
            return ""
        return format_html('<a href="{}" rel="noreferrer">open</a>', invoice.hosted_url)


@admin.register(PackPurchase)
class PackPurchaseAdmin(ReadOnlyAdmin):
    why = "Packs as they were bought, at the terms of that day. Refunds are made at the gateway and noted here."
    list_display = ["created_at", "workspace", "pack", "costs", "state", "given_back", "paid_at", "is_automatic"]
    list_filter = ["state", "gateway", "currency", "pack", "is_automatic", "paid_at"]
    search_fields = ["id", "stripe_id", "workspace__name", "workspace__email"]
    list_select_related = ["workspace", "pack"]
    date_hierarchy = "created_at"

    @admin.display(description="price", ordering="price")
    def costs(self, bought: PackPurchase) -> str:
        return money.written(bought.price, bought.currency)

    @admin.display(description="refunded", ordering="refunded")
    def given_back(self, bought: PackPurchase) -> str:
        return money.written(bought.refunded, bought.currency) if bought.refunded else ""


@admin.register(Overage)
class OverageAdmin(ReadOnlyAdmin):
    why = "Units beyond a plan, each with the entry that brought it. Those given up can be sent again."
    list_display = ["used_at", "workspace", "meter", "units", "cost", "state", "tries", "reported_at", "error"]
    list_filter = ["state", "meter"]
    search_fields = ["workspace__name", "workspace__email", "id"]
    list_select_related = ["workspace"]
    actions = ["try_again"]

    @admin.display(description="cost")
    def cost(self, noted: Overage) -> str:
        return money.written(noted.amount, "USD")

    @admin.action(description="Report again", permissions=["act"])
    def try_again(self, request: HttpRequest, chosen: QuerySet[Overage]) -> None:
        tried = overage.try_again(chosen, now())
        self.told(request, tried, chosen.count(), "will be reported again", "were not given up, and stay as they are")


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    why = "Webhooks as they came, their signatures right. One that failed is tried again by itself, or here at once."
    list_display = ["id", "type", "customer_id", "received_at", "handled_at", "tries", "error", "mirrored_at"]
    list_filter = ["type", ("handled_at", admin.EmptyFieldListFilter), ("error", admin.EmptyFieldListFilter)]
    search_fields = ["id", "customer_id"]
    actions = ["try_again"]

    @admin.action(description="Handle again", permissions=["act"])
    def try_again(self, request: HttpRequest, chosen: QuerySet[StripeEvent]) -> None:
        tried = webhooks.try_again(chosen)
        self.told(request, tried, chosen.count(), "will be handled again", "were handled, and stay as they are")


@admin.register(Effect)
class EffectAdmin(ReadOnlyAdmin):
    why = "What an event brought about, such as a letter: each once."
    list_display = ["at", "name", "event"]
    list_filter = ["name"]
    search_fields = ["event"]


@admin.register(Simulated)
class SimulatedAdmin(ReadOnlyAdmin):
    why = "What the demo gateway keeps where Stripe would keep it. No money moves."
    list_display = ["id", "kind", "customer_id", "due_at", "created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Simulated]:
        # Who knows the id of an open page can pay there, or look after somebody's cards.
        return Simulated.objects.exclude(kind__in=[visits.CHECKOUT, visits.PORTAL])

    list_filter = ["kind"]
    search_fields = ["id", "customer_id"]
