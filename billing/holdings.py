"""What billing keeps of a person, for their export."""

from __future__ import annotations

from collections.abc import Iterable

from accounts import archives
from accounts.archives import Json, rows
from accounts.holdings import own_workspaces
from accounts.models import User
from billing.models import Customer, Invoice, Overage, PackPurchase, RecurringRevenue, Subscription


def contribute() -> None:
    archives.contribute("subscriptions", "The plans your workspace was on.", subscriptions)
    archives.contribute("revenue", "What your workspace paid a month, and since when.", revenue)
    archives.contribute("customers", "Under which id the payment service knows your workspace.", customers)
    archives.contribute("invoices", "What was billed and paid.", invoices)
    archives.contribute("packs", "The credit packs your workspace bought.", packs)
    archives.contribute("overage", "What was used beyond a plan.", overage)


def subscriptions(user: User) -> Iterable[Json]:
    found = Subscription.objects.filter(workspace__in=own_workspaces(user))
    fields = ["workspace_id", "plan_id", "status", "current_period_start", "current_period_end", "created_at"]
    return rows(found, *fields, "canceled_at", "price_id", "gateway", "stripe_id", "trial_end", "past_due_since")


def revenue(user: User) -> Iterable[Json]:
    found = RecurringRevenue.objects.filter(workspace__in=own_workspaces(user))
    return rows(found, "workspace_id", "subscription_id", "plan_id", "currency", "amount", "starts_at", "ends_at")


def customers(user: User) -> Iterable[Json]:
    found = Customer.objects.filter(workspace__in=own_workspaces(user))
    return rows(found, "workspace_id", "gateway", "stripe_id", "created_at")


def invoices(user: User) -> Iterable[Json]:
    found = Invoice.objects.filter(workspace__in=own_workspaces(user))
    amounts = ["currency", "subtotal", "discount", "tax", "total", "amount_paid", "amount_due", "credited", "refunded"]
    moments = ["period_start", "period_end", "created_at", "paid_at"]
    return rows(found, "workspace_id", "stripe_id", "number", "status", *amounts, *moments, "lines", "country")


def packs(user: User) -> Iterable[Json]:
    found = PackPurchase.objects.filter(workspace__in=own_workspaces(user))
    terms = ["pack_id", "meter", "amount", "price", "currency", "lasts_days"]
    return rows(found, "id", "workspace_id", *terms, "state", "created_at", "paid_at", "refunded", "stripe_id", "error")


def overage(user: User) -> Iterable[Json]:
    found = Overage.objects.filter(workspace__in=own_workspaces(user))
    return rows(found, "workspace_id", "entry_id", "meter", "units", "unit_price", "used_at", "state")
