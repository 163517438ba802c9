"""Credit packs: so much of one meter, bought once, beside what a plan allows.

A purchase is our row before the gateway is asked, so whatever becomes of the answer, its id finds the payment again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts import audit
from accounts.audit import Actor
from accounts.models import Workspace
from billing import customers
from billing.errors import GatewayRejected, PaymentRefused, PaymentRequired, UnknownPack
from billing.gateways import Gateway, PackOrder
from billing.models import CreditPack, Customer, PackPurchase
from billing.projections import ProjectedPayment, StripeObject, project_payment
from billing.signals import pack_paid, pack_refunded

State = PackPurchase.State

# An answer that has not come by then will not come any more.
ANSWERS_WITHIN = timedelta(hours=1)
# So long the resync looks whether something was paid back that nobody told us of.
REFUNDS_WITHIN = timedelta(days=30)


def offered() -> QuerySet[CreditPack]:
    """Those that can be bought, in their order."""
    return CreditPack.objects.filter(is_offered=True)


def named(slug: str) -> CreditPack:
    """Raises `UnknownPack` for one that customers cannot buy."""
    pack = offered().filter(slug=slug).first()
    if pack is None:
        raise UnknownPack(slug)
    return pack


def bought(workspace_id: UUID) -> QuerySet[PackPurchase]:
    """The newest first, paid or not."""
    return PackPurchase.objects.filter(workspace=workspace_id)


# ---- Buying ----------------------------------------------------------------------------------------------------------


def buy(
    gateway: Gateway,
    workspace: Workspace,
    pack: CreditPack,
    *,
    success_url: str,
    cancel_url: str,
    by: Actor,
    at: datetime,
) -> PackPurchase:
    """By the card that is saved. Raises `PaymentRequired`, with a checkout, where none is or the bank wants to be asked
    in person; `PaymentRefused`; and as gateways do.
    """
    purchase = _begin(gateway, workspace, pack, is_automatic=False, by=by, at=at)
    order = _order(gateway, purchase)
    card_id = gateway.card_that_pays(order.customer_id)
    if card_id:
        try:
            return _charge(gateway, order, card_id, at=at)
        except PaymentRefused as refusal:
            if not refusal.extra["needs_action"]:
                _refuse(order, refusal, at=at)
                raise
    page = gateway.start_pack_checkout(order, success_url=success_url, cancel_url=cancel_url)
    PackPurchase.objects.filter(pk=order.id).update(stripe_id=page.id, state=State.OPEN, error="")
    raise PaymentRequired(pack.name, page.url, simulated=gateway.name == "demo")


def buy_automatically(
    gateway: Gateway,
    workspace: Workspace,
    pack: CreditPack,
    *,
    by: Actor,
    at: datetime,
    purchase_id: UUID | None = None,
) -> PackPurchase:
    """By the card that is saved, while nobody is there. A card that does not pay is no error: the purchase has failed,
    and says why. Raises as gateways do; then it stays open, and asking again under its id within a day goes on with it.
    """
    purchase = _begin(gateway, workspace, pack, is_automatic=True, by=by, at=at, purchase_id=purchase_id)
    if purchase.state != State.OPEN:
        return purchase
    order = _order(gateway, purchase)
    try:
        card_id = gateway.card_that_pays(order.customer_id)
        if not card_id:
            raise PaymentRefused("There is no card to pay with.", "no_card")
        return _charge(gateway, order, card_id, at=at)
    except (PaymentRefused, GatewayRejected) as refusal:
        return _refuse(order, refusal, at=at)


def _order(gateway: Gateway, purchase: PackPurchase) -> PackOrder:
    """At the terms it was begun with, whatever its pack costs by now."""
    return PackOrder(
        id=purchase.pk,
        customer_id=customers.customer_of(purchase.workspace, gateway).stripe_id,
        workspace_id=purchase.workspace_id,
        name=purchase.pack.name,
        price=purchase.price,
        currency=purchase.currency,
    )


@transaction.atomic
def _begin(
    gateway: Gateway,
    workspace: Workspace,
    pack: CreditPack,
    *,
    is_automatic: bool,
    by: Actor,
    at: datetime,
    purchase_id: UUID | None = None,
) -> PackPurchase:
    """Its row, at the terms of this moment; the one that is there where its id was asked for before."""
    purchase, is_new = PackPurchase.objects.get_or_create(
        pk=purchase_id or uuid4(),
        defaults={
            "workspace": workspace,
            "pack": pack,
            "meter": pack.meter,
            "amount": pack.amount,
            "price": pack.price,
            "currency": pack.currency,
            "lasts_days": pack.lasts_days,
            "gateway": gateway.name,
            "is_automatic": is_automatic,
            "created_at": at,
        },
    )
    if is_new:
        _note("asked", purchase, by=by, at=at)
    return purchase


def _charge(gateway: Gateway, order: PackOrder, card_id: str, *, at: datetime) -> PackPurchase:
    payment = gateway.charge(order, card_id)
    PackPurchase.objects.filter(pk=order.id).update(stripe_id=payment["id"])
    return record(gateway, order.id, at=at)


def _refuse(order: PackOrder, refusal: PaymentRefused | GatewayRejected, *, at: datetime) -> PackPurchase:
    with customers.alone(order.customer_id):
        purchase = PackPurchase.objects.get(pk=order.id)
        told = ProjectedPayment(purchase.stripe_id, State.FAILED, error=str(refusal))
        return _write(purchase, told, at=at) if purchase.state == State.OPEN else purchase


# ---- What the gateway says -------------------------------------------------------------------------------------------


def record(gateway: Gateway, purchase_id: UUID, *, at: datetime, payment_id: str = "") -> PackPurchase:
    """Ask the gateway, let its word stand, and tell whom it concerns. Raises `UnknownShape`, and as gateways do.

    `payment_id` is asked for where we were told of none yet.
    """
    workspace_id = PackPurchase.objects.values_list("workspace", flat=True).get(pk=purchase_id)
    customer = Customer.objects.get(workspace=workspace_id, gateway=gateway.name)
    with customers.alone(customer.stripe_id):
        purchase = PackPurchase.objects.get(pk=purchase_id)
        found = _found(gateway, customer, purchase, payment_id)
        if found:
            return _write(purchase, project_payment(found), at=at)
        if purchase.state == State.OPEN and purchase.created_at < at - ANSWERS_WITHIN:
            return _write(purchase, ProjectedPayment("", State.FAILED, error="It was never paid."), at=at)
        return purchase


def _found(gateway: Gateway, customer: Customer, purchase: PackPurchase, payment_id: str) -> StripeObject | None:
    if known := purchase.stripe_id or payment_id:
        return gateway.payment(known)
    return gateway.payment_of(customer.stripe_id, purchase.pk)


def record_recent(gateway: Gateway, customer: Customer, *, at: datetime) -> list[PackPurchase]:
    """Those that are open, and those that were paid lately, which may have been paid back since."""
    lately = Q(state=State.OPEN) | Q(state=State.PAID, paid_at__gt=at - REFUNDS_WITHIN)
    recent = bought(customer.workspace_id).filter(lately, gateway=gateway.name)
    return [record(gateway, purchase_id, at=at) for purchase_id in recent.values_list("pk", flat=True)]


def named_by(customer: Customer, about: StripeObject) -> UUID | None:
    """The purchase that an object of the gateway says it is for; None where it is no purchase of this customer's."""
    try:
        purchase_id = UUID((about.get("metadata") or {}).get("purchase", ""))
    except (TypeError, ValueError, AttributeError):
        return None
    return _of(customer).filter(pk=purchase_id).values_list("pk", flat=True).first()


def paid_by(customer: Customer, payment_id: str) -> UUID | None:
    """The purchase that was paid by this payment."""
    return _of(customer).filter(stripe_id=payment_id).values_list("pk", flat=True).first()


def _of(customer: Customer) -> QuerySet[PackPurchase]:
    return bought(customer.workspace_id).filter(gateway=customer.gateway)


def _write(purchase: PackPurchase, told: ProjectedPayment, *, at: datetime) -> PackPurchase:
    """Inside `customers.alone`, or an older state could come last."""
    before, refunded_before = purchase.state, purchase.refunded
    is_refunded = told.status == State.PAID and told.refunded >= purchase.price
    purchase.stripe_id = told.stripe_id
    purchase.state = State.REFUNDED if is_refunded else State(told.status)
    purchase.paid_at, purchase.refunded, purchase.error = told.paid_at, told.refunded, told.error[:300]
    purchase.save(update_fields=["stripe_id", "state", "paid_at", "refunded", "error"])
    if told.status == State.PAID and before not in (State.PAID, State.REFUNDED):
        _note("paid", purchase, by=audit.SYSTEM, at=at)
        transaction.on_commit(partial(pack_paid.send_robust, PackPurchase, purchase=purchase.pk, at=at))
    if purchase.refunded > refunded_before:
        _note("refunded", purchase, by=audit.SYSTEM, at=at)
        transaction.on_commit(partial(pack_refunded.send_robust, PackPurchase, purchase=purchase.pk))
    if purchase.state == State.FAILED and before != State.FAILED:
        _note("failed", purchase, by=audit.SYSTEM, at=at)
    return purchase


def _note(what: str, purchase: PackPurchase, *, by: Actor, at: datetime) -> None:
    """In the log, which is the customer's history too."""
    told = {"pack": purchase.pack_id, "price": purchase.price, "currency": purchase.currency}
    if purchase.refunded:
        told["refunded"] = purchase.refunded
    audit.record(f"pack.{what}", by=by, subject=purchase, at=at, workspace_id=purchase.workspace_id, after=told)
