"""What a customer does: choose a plan, pay, change, end, go on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Max, Q

from accounts import audit
from accounts.audit import Actor
from accounts.models import AuditEntry, Membership, Workspace
from billing import customers, invoices, subscriptions
from billing.errors import (
    AlreadySubscribed,
    CardInUse,
    NoSubscription,
    NothingToChange,
    PaymentOverdue,
    PaymentRequired,
    PreviewStale,
)
from billing.gateways import Card, Gateway, Page, Purchase
from billing.gateways.demo import DemoGateway
from billing.gateways.demo.cards import typed
from billing.models import Customer, Invoice, Plan, Price, Subscription
from billing.projections import project_invoice

Status = Subscription.Status

# A change counts from the moment it was previewed at, if that was no longer ago than this.
PREVIEW_HOLDS = timedelta(minutes=15)
CARD_THAT_PAYS = "4242424242424242"
BOUGHT = ["checkout.begun", "subscription.asked"]


@dataclass(frozen=True)
class Preview:
    """What a change would bill now, in minor units, and the moment to name for exactly that."""

    price: Price
    at: datetime
    currency: str
    total: int
    amount_due: int
    lines: list[dict[str, Any]]
    counts_from: datetime | None


def subscription_of(workspace_id: UUID) -> Subscription | None:
    """The one that runs, or waits for a payment."""
    return (
        Subscription.objects.filter(workspace=workspace_id).open().select_related("plan", "price", "next_price").first()
    )


def open_subscription(workspace_id: UUID) -> Subscription:
    """Raises `NoSubscription`; one that staff gave is none to change or to end here."""
    found = subscription_of(workspace_id)
    if found is None or not found.stripe_id:
        raise NoSubscription
    return found


def pays(workspace_id: UUID) -> bool:
    """Whether a subscription of the gateway's is open."""
    return Subscription.objects.filter(workspace=workspace_id).open().exclude(stripe_id="").exists()


def checkout(
    gateway: Gateway, workspace: Workspace, plan: Plan, *, success_url: str, cancel_url: str, by: Actor, at: datetime
) -> Page:
    """A page where the plan is paid for. Raises `AlreadySubscribed`, `NothingToChange` for a plan without a price."""
    purchase = _purchase(gateway, workspace, plan, success_url=success_url, cancel_url=cancel_url)
    page = gateway.start_checkout(purchase)
    _note("checkout.begun", workspace.pk, plan, by=by, at=at)
    return page


def portal(gateway: Gateway, workspace: Workspace, *, return_url: str) -> Page:
    """A page for cards, invoices and the end of it."""
    customer = customers.customer_of(workspace, gateway)
    return gateway.open_portal(customer.stripe_id, return_url=return_url)


def subscribe(
    gateway: Gateway, workspace: Workspace, plan: Plan, *, success_url: str, cancel_url: str, by: Actor, at: datetime
) -> Subscription:
    """By the card that is saved. Raises `PaymentRequired`, with a checkout, where none is; else as `checkout`."""
    purchase = _purchase(gateway, workspace, plan, success_url=success_url, cancel_url=cancel_url)
    if not any(card.is_default for card in gateway.cards(purchase.customer_id)):
        page = gateway.start_checkout(purchase)
        raise PaymentRequired(plan.name, page.url, simulated=gateway.name == "demo")
    begun = gateway.subscribe(purchase)
    _note("subscription.asked", workspace.pk, plan, by=by, at=at)
    customer = Customer.objects.get(stripe_id=purchase.customer_id)
    return _refreshed(gateway, customer, str(begun["id"]), at=at)


def preview(gateway: Gateway, subscription: Subscription, plan: Plan, *, at: datetime) -> Preview:
    """Raises as `change` does, but for payments."""
    price = _changed_price(subscription, plan)
    moment = at.replace(microsecond=0)
    if _counts_later(subscription, price):
        return Preview(price, moment, price.currency, 0, 0, [], counts_from=subscription.current_period_end)
    told = project_invoice(gateway.preview_change(subscription.stripe_id, price, at=moment))
    return Preview(price, moment, told.currency, told.total, told.amount_due, told.lines, counts_from=moment)


def change(
    gateway: Gateway, subscription: Subscription, plan: Plan, *, previewed_at: datetime | None, by: Actor, at: datetime
) -> Subscription:
    """To a higher price at once, the rest of the old one counted against it. A lower one waits for the next period.

    Raises `PreviewStale` for a `previewed_at` of long ago, or before the last bill; `NothingToChange`,
    `PaymentOverdue`, `PaymentRefused`.
    """
    price = _changed_price(subscription, plan)
    if previewed_at and not _holds(previewed_at, subscription, at):
        raise PreviewStale
    if _counts_later(subscription, price):
        gateway.lower_price(subscription.stripe_id, price)
    else:
        moment = previewed_at or at
        gateway.change_price(subscription.stripe_id, price, at=moment.replace(microsecond=0))
    _note("subscription.change_asked", subscription.workspace_id, plan, by=by, at=at)
    return _after(gateway, subscription, at=at)


def _changed_price(subscription: Subscription, plan: Plan) -> Price:
    price = price_for_new(plan)
    if subscription.status not in (Status.ACTIVE, Status.TRIALING):
        owed = subscription.invoices.filter(status=Invoice.Status.OPEN).first()
        raise PaymentOverdue(owed.hosted_url if owed else "")
    if price == (subscription.next_price or subscription.price):
        raise NothingToChange(f"This workspace is on {plan.name} already, or will be.")
    if subscription.status == Status.TRIALING and not plan.trial_days:
        raise NothingToChange(f"{plan.name} has no trial. End this one first, and then subscribe to it.")
    if subscription.next_price and not _counts_later(subscription, price):
        # The gateway has the lower price already, and would count the higher one against that: not what is paid.
        raise NothingToChange(f"A lower plan is to follow. Choose {subscription.plan.name} again first.")
    return price


def _counts_later(subscription: Subscription, price: Price) -> bool:
    """A lower price does, and so does the present one where a lower one was to follow it: it is paid for."""
    paid = subscription.price
    return paid is not None and (price == paid or subscriptions.is_lower(price, paid))


def _holds(previewed_at: datetime, subscription: Subscription, at: datetime) -> bool:
    """Of a moment before the last bill nothing is left to be counted."""
    last = subscription.invoices.aggregate(at=Max("created_at"))["at"] or subscription.current_period_start
    return max(last, at - PREVIEW_HOLDS) <= previewed_at <= at


def cancel(gateway: Gateway, subscription: Subscription, *, now: bool, by: Actor, at: datetime) -> Subscription:
    """At the end of what is paid, or now."""
    if now:
        gateway.cancel(subscription.stripe_id)
    elif subscription.cancel_at_period_end:
        raise NothingToChange("It ends with its period already.")
    else:
        gateway.cancel_at_period_end(subscription.stripe_id)
    _note("subscription.cancel_asked", subscription.workspace_id, subscription.plan, by=by, at=at)
    return _after(gateway, subscription, at=at)


def resume(gateway: Gateway, subscription: Subscription, *, by: Actor, at: datetime) -> Subscription:
    """Take back that it ends, or wake a paused one. Raises `NothingToChange`."""
    if not (subscription.cancel_at_period_end or subscription.status == Status.PAUSED):
        raise NothingToChange("It is neither about to end nor paused.")
    gateway.resume(subscription.stripe_id)
    _note("subscription.resume_asked", subscription.workspace_id, subscription.plan, by=by, at=at)
    return _after(gateway, subscription, at=at)


def save_test_card(gateway: Gateway, workspace: Workspace) -> None:
    """Where payments are simulated, save a card that pays, unless there is one. Elsewhere nothing."""
    if isinstance(gateway, DemoGateway) and not cards(gateway, workspace.pk):
        customer = customers.customer_of(workspace, gateway)
        gateway.add_card(customer.stripe_id, typed(CARD_THAT_PAYS), authenticated=True)


def cards(gateway: Gateway, workspace_id: UUID) -> list[Card]:
    customer = Customer.objects.filter(workspace=workspace_id, gateway=gateway.name).first()
    return gateway.cards(customer.stripe_id) if customer else []


def customer_with(gateway: Gateway, workspace_id: UUID, card_id: str) -> Customer | None:
    """None where the card is not this workspace's."""
    if any(card.id == card_id for card in cards(gateway, workspace_id)):
        return Customer.objects.get(workspace=workspace_id, gateway=gateway.name)
    return None


def make_default(gateway: Gateway, customer: Customer, card_id: str, *, by: Actor, at: datetime) -> None:
    """Pay by this one from now on; an invoice that waits is tried with it."""
    gateway.make_default(customer.stripe_id, card_id)
    _note_card("payment_method.made_default", customer, by=by, at=at)
    subscriptions.refresh_all(gateway, customer, at=at)
    invoices.record_newest(gateway, customer, at=at)


def detach(gateway: Gateway, customer: Customer, card_id: str, *, by: Actor, at: datetime) -> None:
    """Raises `CardInUse` for the one that pays a subscription."""
    is_default = any(card.id == card_id and card.is_default for card in gateway.cards(customer.stripe_id))
    if is_default and pays(customer.workspace_id):
        raise CardInUse
    gateway.detach(card_id)
    _note_card("payment_method.detached", customer, by=by, at=at)


def price_for_new(plan: Plan) -> Price:
    """Raises `NothingToChange` where the plan costs nothing."""
    price = plan.prices.current().filter(amount__gt=0).order_by("interval", "interval_count").first()
    if price is None:
        raise NothingToChange(f"{plan.name} costs nothing, so there is nothing to pay.")
    return price


def had_trial(workspace: Workspace) -> bool:
    """Its owner: in a workspace of theirs, or in one, deleted since, that they bought a plan for."""
    owners = Membership.objects.filter(workspace=workspace, role=Membership.Role.OWNER).values("user")
    owned = Membership.objects.filter(user__in=owners, role=Membership.Role.OWNER).values("workspace")
    bought = AuditEntry.objects.filter(actor__in=owners, action__in=BOUGHT).values("workspace")
    theirs = Subscription.objects.filter(Q(workspace__in=owned) | Q(workspace__in=bought))
    return theirs.exclude(trial_end=None).exists()


def _purchase(gateway: Gateway, workspace: Workspace, plan: Plan, *, success_url: str, cancel_url: str) -> Purchase:
    if pays(workspace.pk):
        raise AlreadySubscribed
    price = price_for_new(plan)
    return Purchase(
        customer_id=customers.customer_of(workspace, gateway).stripe_id,
        workspace_id=workspace.pk,
        price=price,
        trial_days=0 if had_trial(workspace) else plan.trial_days,
        success_url=success_url,
        cancel_url=cancel_url,
    )


def _after(gateway: Gateway, subscription: Subscription, *, at: datetime) -> Subscription:
    customer = Customer.objects.get(workspace=subscription.workspace_id, gateway=gateway.name)
    return _refreshed(gateway, customer, subscription.stripe_id, at=at)


def _refreshed(gateway: Gateway, customer: Customer, subscription_id: str, *, at: datetime) -> Subscription:
    """With the bills that came of it."""
    subscription = subscriptions.refresh(gateway, customer.stripe_id, subscription_id, at=at)
    invoices.record_newest(gateway, customer, at=at)
    return subscription


def _note(action: str, workspace_id: UUID, plan: Plan, *, by: Actor, at: datetime) -> None:
    subject = Workspace(pk=workspace_id)
    audit.record(action, by=by, subject=subject, at=at, workspace_id=workspace_id, after={"plan": plan.slug})


def _note_card(action: str, customer: Customer, *, by: Actor, at: datetime) -> None:
    audit.record(action, by=by, subject=customer, at=at, workspace_id=customer.workspace_id)
