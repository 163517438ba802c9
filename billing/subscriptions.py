"""Which plan a workspace is on, and how the gateway's word becomes that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts import audit, database
from accounts.erasure import Leaver
from accounts.models import Workspace
from billing import customers, dunning, gateways, revenue
from billing.errors import NoCatalogue, UnknownPlan, UnknownPrice
from billing.gateways import Gateway
from billing.models import Customer, Plan, Price, Subscription
from billing.models.subscriptions import SubscriptionQuerySet
from billing.projections import ProjectedSubscription, project_subscription
from billing.signals import subscription_changed

Status = Subscription.Status

# Billing's answer to "which plan is %(workspace_id)s on?", to stand inside a larger statement: one row at most.
CURRENT_PLAN = """
    SELECT p.slug, p.allowed_models, p.requests_per_minute, p.active_projects,
        s.current_period_start, s.current_period_end
    FROM billing_plan p
    LEFT JOIN billing_subscription s ON s.plan_id = p.slug AND s.workspace_id = %(workspace_id)s
        AND s.status IN ('trialing', 'active', 'past_due') AND (s.entitled_until IS NULL OR s.entitled_until > now())
    WHERE s.id IS NOT NULL OR p.is_default
    ORDER BY s.id IS NULL
    LIMIT 1
"""


@dataclass(frozen=True)
class CurrentPlan:
    slug: str
    allowed_models: list[str]
    requests_per_minute: int | None
    active_projects: int
    current_period_start: datetime | None
    current_period_end: datetime | None


def current_plan(workspace_id: UUID) -> CurrentPlan:
    """The plan of its live subscription, else the catalogue's default. Raises `NoCatalogue`."""
    return _plan(database.fetch_one_now(CURRENT_PLAN, {"workspace_id": workspace_id}))


async def acurrent_plan(workspace_id: UUID) -> CurrentPlan:
    return _plan(await database.fetch_one(CURRENT_PLAN, {"workspace_id": workspace_id}))


def _plan(row: database.Row | None) -> CurrentPlan:
    if row is None:
        raise NoCatalogue
    return CurrentPlan(**row)


def plan_named(slug: str) -> Plan:
    """Offered or not. Raises `UnknownPlan`."""
    return _named(slug, Plan.objects.all())


def offered(slug: str) -> Plan:
    """Raises `UnknownPlan` for one that customers cannot choose."""
    return _named(slug, Plan.objects.filter(is_offered=True))


def _named(slug: str, plans: QuerySet[Plan]) -> Plan:
    plan = plans.filter(slug=slug).first()
    if plan is None:
        raise UnknownPlan(slug, list(plans.values_list("slug", flat=True)))
    return plan


def end_for(leaver: Leaver) -> dict[str, int]:
    """Nobody pays for an account that is erased. The rows stay, as the law wants, and name nobody."""
    live = Subscription.objects.filter(workspace__in=leaver.workspace_ids).open()
    known = Customer.objects.filter(workspace__in=leaver.workspace_ids, leaving_at=None)
    ended = live.update(status=Status.CANCELED, canceled_at=leaver.at)
    revenue.follow(leaver.workspace_ids, at=leaver.at)
    return {"subscriptions": ended, "customers": known.update(leaving_at=leaver.at)}


@transaction.atomic
def put_on_plan(
    workspace: Workspace, slug: str, *, by: audit.Actor = audit.SYSTEM, reason: str = "", at: datetime
) -> Subscription | None:
    """End what runs, at the gateway too, and begin this plan without a price, as staff do.

    None on the default plan, which needs no subscription. Raises `UnknownPlan`, and what a gateway raises.
    """
    plan = plan_named(slug)
    # The workspace's row is the lock: two at once would otherwise both find nothing to end.
    hold(workspace.pk)
    before = current_plan(workspace.pk).slug
    _end(gateways.gateway(), _open(workspace), at=at)
    revenue.follow([workspace.pk], at=at)
    if before != plan.slug:
        told = {"before": {"plan": before}, "after": {"plan": plan.slug} | ({"reason": reason} if reason else {})}
        audit.record("subscription.given", by=by, subject=workspace, at=at, workspace_id=workspace.pk, **told)
    given = _give(workspace, plan, at=at)
    if before != plan.slug:
        _announce(workspace.pk, given, plan.slug, at=at)
    return given


def _give(workspace: Workspace, plan: Plan, *, at: datetime) -> Subscription | None:
    if plan.is_default:
        return None
    return Subscription.objects.create(workspace=workspace, plan=plan, current_period_start=at, created_at=at)


def _announce(workspace_id: UUID, subscription: Subscription | None, plan: str, *, at: datetime) -> None:
    next_price = subscription and subscription.next_price
    news = {
        "subscription": subscription and subscription.pk,
        "workspace_id": workspace_id,
        "plan": plan,
        "status": subscription and str(subscription.status),
        "cancel_at_period_end": subscription and subscription.cancel_at_period_end,
        "next_plan": next_price and next_price.plan_id,
        "at": at,
    }
    transaction.on_commit(partial(subscription_changed.send_robust, Subscription, **news))


def hold(workspace_id: UUID) -> Workspace:
    """Until the end of the transaction. Its rows elsewhere can still be written: nobody's chat waits for a gateway."""
    return Workspace.objects.select_for_update(no_key=True).get(pk=workspace_id)


# ---- What the gateway says -------------------------------------------------------------------------------------------


def refresh(gateway: Gateway, customer_id: str, subscription_id: str, *, at: datetime) -> Subscription:
    """Ask the gateway, and let its word stand. Raises `UnknownPrice`, `UnknownShape` and what a gateway raises."""
    with customers.alone(customer_id):
        return record(gateway, project_subscription(gateway.subscription(subscription_id)), at=at)


def refresh_all(gateway: Gateway, customer: Customer, *, at: datetime) -> list[Subscription]:
    """Every subscription of a customer, the oldest first, so that the newest is who stays."""
    with customers.alone(customer.stripe_id):
        found = [project_subscription(each) for each in gateway.subscriptions(customer.stripe_id)]
        return [record(gateway, each, at=at) for each in sorted(found, key=lambda each: each.created_at)]


def record(gateway: Gateway, told: ProjectedSubscription, *, at: datetime) -> Subscription:
    """Make our row say it. Inside `customers.alone`, or an older state could come last."""
    customer = Customer.objects.select_related("workspace").get(stripe_id=told.customer_id)
    workspace = hold(customer.workspace_id)
    before = current_plan(workspace.pk).slug
    known = Subscription.objects.select_related("price").filter(stripe_id=told.stripe_id).first()
    if told.status in Subscription.OPEN:
        told = _one_alone(gateway, workspace, told, at=at)
    price, next_price = _prices(known, told)
    past_due_since = _past_due_since(known, told, at)
    subscription, _ = Subscription.objects.update_or_create(
        stripe_id=told.stripe_id,
        defaults={
            "workspace": workspace,
            "plan_id": price.plan_id,
            "price": price,
            "next_price": next_price,
            "gateway": gateway.name,
            "status": told.status,
            "current_period_start": told.current_period_start,
            "current_period_end": told.current_period_end,
            "cancel_at_period_end": told.cancel_at_period_end,
            "trial_end": told.trial_end,
            "past_due_since": past_due_since,
            "entitled_until": entitled_until(told, past_due_since),
            "created_at": told.created_at,
            "canceled_at": told.canceled_at,
            "refreshed_at": at,
        },
    )
    revenue.follow([workspace.pk], at=at)
    _tell_of_change(known, subscription, before, at=at)
    dunning.follow_subscription(subscription, ended_unpaid=told.ended_unpaid, at=at)
    return subscription


def _prices(known: Subscription | None, told: ProjectedSubscription) -> tuple[Price, Price | None]:
    """The price that counts, and the one that will: what is paid for is had, and a lower price waits till its end."""
    price = price_of(told)
    paid = known.price if known else None
    same_period = known and known.current_period_start == told.current_period_start
    if paid and same_period and told.status in Subscription.ENTITLED and is_lower(price, paid):
        return paid, price
    return price, None


def is_lower(price: Price, than: Price) -> bool:
    """Whether less is paid a month. Those of another currency are not compared."""
    return price.currency == than.currency and revenue.a_month(price) < revenue.a_month(than)


def _tell_of_change(known: Subscription | None, now: Subscription, plan_before: str, *, at: datetime) -> None:
    """In the log, which is the customer's history too, and to whom it may concern."""
    former, latter = _said(known) if known else {}, _said(now)
    plan = current_plan(now.workspace_id).slug
    if former != latter:
        audit.record(
            "subscription.changed" if known else "subscription.begun",
            by=audit.SYSTEM,
            subject=now,
            at=at,
            workspace_id=now.workspace_id,
            before=former,
            after=latter,
        )
    if former != latter or plan != plan_before:
        _announce(now.workspace_id, now, plan, at=at)


def _said(subscription: Subscription) -> dict[str, Any]:
    return {
        "plan": subscription.plan_id,
        "status": subscription.status,
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "next_plan": subscription.next_price and subscription.next_price.plan_id,
        "period_end": subscription.current_period_end and subscription.current_period_end.isoformat(),
    }


def entitled_until(told: ProjectedSubscription, past_due_since: datetime | None) -> datetime:
    """Until when the plan counts if nothing more is heard.

    News of a renewal may be late, and who has paid must not stand outside meanwhile. Who owes has some days' grace.
    """
    match told.status:
        case Status.PAST_DUE if past_due_since:
            return past_due_since + settings.GRACE_AFTER_FAILED_PAYMENT
        case Status.TRIALING | Status.ACTIVE if not told.cancel_at_period_end:
            return told.current_period_end + settings.RENEWAL_NEWS_MAY_BE_LATE
    return told.current_period_end


def _past_due_since(known: Subscription | None, told: ProjectedSubscription, at: datetime) -> datetime | None:
    """Stripe does not say; so it is since we heard of it first."""
    if told.status != Status.PAST_DUE:
        return None
    return (known and known.past_due_since) or at


def price_of(told: ProjectedSubscription) -> Price:
    """Raises `UnknownPrice`."""
    by_id = Price.objects.filter(stripe_id=told.price_id).first()
    found = by_id or next((price for price in Price.objects.all() if price.lookup_key == told.lookup_key), None)
    if found is None:
        raise UnknownPrice(f"No plan has the price {told.lookup_key or told.price_id} of {told.stripe_id}.")
    return found


def _one_alone(
    gateway: Gateway, workspace: Workspace, told: ProjectedSubscription, *, at: datetime
) -> ProjectedSubscription:
    """Of two subscriptions the one begun last stays, and the gateway ends the other: nobody pays twice."""
    others = _open(workspace).exclude(stripe_id=told.stripe_id)
    if others.filter(created_at__gt=told.created_at, gateway=gateway.name).exists():
        return project_subscription(gateway.cancel(told.stripe_id))
    _end(gateway, others, at=at)
    return told


def _end(gateway: Gateway, subscriptions: SubscriptionQuerySet, *, at: datetime) -> None:
    for subscription in subscriptions:
        if subscription.gateway == gateway.name:
            gateway.cancel(subscription.stripe_id)
    subscriptions.update(status=Status.CANCELED, canceled_at=at)


def _open(workspace: Workspace) -> SubscriptionQuerySet:
    return Subscription.objects.filter(workspace=workspace).open()
