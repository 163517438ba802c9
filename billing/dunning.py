"""When a payment fails: a letter for each try, some days' grace, then the default plan; and a letter when it is well.

What is told hangs on what the gateway says now and not on which event said it, so webhooks, the demo's clock and the
nightly resync may each come by, and one letter goes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import letters
from billing.effects import once
from billing.models import Effect, Invoice, Subscription

Status = Subscription.Status


def follow(invoice: Invoice, *, at: datetime) -> None:
    """Tell of a payment that failed, once for each try, and of one that came after all."""
    failed = invoice.status == Invoice.Status.OPEN and invoice.attempts
    if failed and once(f"{invoice.stripe_id} try {invoice.attempts}", "payment_failed", at=at):
        _write("payment_failed", invoice.workspace.email, **_about(invoice))
    came = invoice.status == Invoice.Status.PAID and _was_told(invoice)
    if came and once(invoice.stripe_id, "payment_recovered", at=at):
        _write("payment_recovered", invoice.workspace.email, **_about(invoice))


def follow_subscription(subscription: Subscription, *, ended_unpaid: bool = False, at: datetime) -> None:
    """Tell of a plan that stopped counting because nobody paid, once for each period."""
    lapsed = subscription.past_due_since and subscription.entitled_until and subscription.entitled_until <= at
    if lapsed or ended_unpaid or subscription.status == Status.UNPAID:
        period = subscription.current_period_start.date()
        if once(f"{subscription.stripe_id} {period}", "downgraded", at=at):
            _write("downgraded", subscription.workspace.email, plan=subscription.plan.name)


def end_grace(at: datetime) -> int:
    """Look for those whose days of grace are over: their plan has stopped counting by itself. How many were told."""
    told = 0
    over = Subscription.objects.filter(status=Status.PAST_DUE, entitled_until__lte=at)
    for subscription in over.select_related("workspace", "plan"):
        with transaction.atomic():
            follow_subscription(subscription, at=at)
            told += 1
    return told


def trial_will_end(subscription: Subscription, *, at: datetime) -> None:
    """Stripe says so three days before."""
    if subscription.status == Status.TRIALING and once(subscription.stripe_id, "trial_will_end", at=at):
        ends = subscription.trial_end.isoformat() if subscription.trial_end else ""
        _write("trial_will_end", subscription.workspace.email, plan=subscription.plan.name, ends_at=ends)


def _was_told(invoice: Invoice) -> bool:
    return Effect.objects.filter(event__startswith=f"{invoice.stripe_id} try ", name="payment_failed").exists()


def _about(invoice: Invoice) -> dict[str, Any]:
    return {
        "number": str(invoice),
        "amount": invoice.amount_due,
        "currency": invoice.currency,
        "next_attempt_at": invoice.next_attempt_at and invoice.next_attempt_at.isoformat(),
        "url": invoice.hosted_url,
        "simulated": invoice.gateway == "demo",
    }


def _write(kind: str, to: str, **context: Any) -> None:
    letters.post(kind, to=to, context=context)
