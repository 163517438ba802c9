"""Bills, as the gateway has them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from accounts import audit
from billing import customers, dunning
from billing.gateways import Gateway
from billing.models import Customer, Invoice, Subscription
from billing.models.subscriptions import Gateway as Takers
from billing.projections import ProjectedInvoice, project_invoice
from billing.signals import payment_received

Status = Invoice.Status
NAMED_ELSEWHERE = {"stripe_id", "customer_id", "subscription_id"}


def record(gateway: Gateway, customer_id: str, invoice_id: str, *, at: datetime) -> Invoice:
    """Ask the gateway, let its word stand, and tell whom it concerns. Raises `UnknownShape`, and as gateways do."""
    with customers.alone(customer_id):
        return _write(gateway, project_invoice(gateway.invoice(invoice_id)), at=at)


def record_all(gateway: Gateway, customer: Customer, *, at: datetime) -> list[Invoice]:
    with customers.alone(customer.stripe_id):
        told = [project_invoice(each) for each in gateway.invoices(customer.stripe_id)]
        return [_write(gateway, each, at=at) for each in told]


def record_newest(gateway: Gateway, customer: Customer, *, at: datetime) -> None:
    """Those that something just done may have made or paid: what is new, and what was open."""
    with customers.alone(customer.stripe_id):
        closed = Invoice.objects.filter(workspace=customer.workspace_id).exclude(status__in=[Status.DRAFT, Status.OPEN])
        known = set(closed.values_list("stripe_id", flat=True))
        waiting = set(
            Invoice.objects.filter(
                workspace=customer.workspace_id, gateway=gateway.name, status=Status.OPEN
            ).values_list("stripe_id", flat=True)
        )
        for each in gateway.invoices(customer.stripe_id):  # The newest first.
            if each["id"] in known:
                break
            _write(gateway, project_invoice(each), at=at)
            waiting.discard(each["id"])
        for invoice_id in waiting:
            _write(gateway, project_invoice(gateway.invoice(invoice_id)), at=at)


def _write(gateway: Gateway, told: ProjectedInvoice, *, at: datetime) -> Invoice:
    customer = Customer.objects.get(stripe_id=told.customer_id)
    before = Invoice.objects.filter(stripe_id=told.stripe_id).first()
    fields = {name: value for name, value in asdict(told).items() if name not in NAMED_ELSEWHERE}
    after, _ = Invoice.objects.update_or_create(
        stripe_id=told.stripe_id,
        defaults={
            **fields,
            "workspace_id": customer.workspace_id,
            "subscription": Subscription.objects.filter(stripe_id=told.subscription_id).first(),
            "gateway": gateway.name,
            "refunded": gateway.refunds(told.stripe_id) if told.amount_paid else 0,
        },
    )
    happened = _happened(before, after)
    if "paid" in happened and after.amount_paid:
        _announce(after, at)
    for action in happened:
        audit.record(
            f"invoice.{action}",
            by=audit.SYSTEM,
            subject=after,
            at=at,
            workspace_id=after.workspace_id,
            after=_said(after),
        )
    dunning.follow(after, at=at)
    return after


def _announce(paid: Invoice, at: datetime) -> None:
    news = {
        "invoice": paid.pk,
        "workspace_id": paid.workspace_id,
        "amount": paid.amount_paid,
        "currency": paid.currency,
        "simulated": paid.gateway == Takers.DEMO,
        "at": at,
    }
    transaction.on_commit(partial(payment_received.send_robust, Invoice, **news))


def _happened(before: Invoice | None, after: Invoice) -> list[str]:
    """What a customer finds in their history."""
    told = {
        "paid": after.status == Status.PAID and (before is None or before.status != Status.PAID),
        "payment_failed": after.attempts > (before.attempts if before else 0) and after.status == Status.OPEN,
        "voided": after.status == Status.VOID and (before is None or before.status != Status.VOID),
        "credited": after.credited > (before.credited if before else 0),
        "refunded": after.refunded > (before.refunded if before else 0),
    }
    return [name for name, happened in told.items() if happened]


def _said(invoice: Invoice) -> dict[str, Any]:
    return {
        "number": invoice.number,
        "currency": invoice.currency,
        "total": invoice.total,
        "amount_paid": invoice.amount_paid,
        "credited": invoice.credited,
        "refunded": invoice.refunded,
    }
