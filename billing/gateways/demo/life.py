"""A subscription from its beginning to its end, and what time does to it. The customer is held by whoever calls."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from billing.errors import GatewayRejected
from billing.gateways.demo import bills, books, shapes
from billing.gateways.demo.shapes import moment, stamp

Object = dict[str, Any]

REMINDER = timedelta(days=3)
"""So long before its end a trial's end is told, as Stripe does."""
REMINDED = "trial_will_end"
ENDED = ("canceled", "incomplete_expired")


# ---- What the customer does


def begin(
    customer: Object, price: Object, *, trial_days: int, discounts: list[Object], present: bool, at: datetime
) -> Object:
    """Paid at once, unless it begins with a trial. Raises `PaymentRefused`, and `GatewayRejected` beside another."""
    if any(is_open(each) for each in books.of_customer("subscription", customer["id"])):
        raise GatewayRejected("There is a subscription already.")
    subscription = shapes.subscription(
        books.new_id("sub"), customer["id"], price, trial_days=trial_days, discounts=discounts, at=at
    )
    lines = [bills.period_line(subscription)]
    invoice = bills.draft(customer, subscription, lines, reason="subscription_create", at=at)
    bills.pay(customer, bills.issue(customer, subscription, invoice), at=at, present=present)
    return keep(subscription)


def lower(subscription: Object, price: Object) -> Object:
    """From the next period on."""
    check_open(subscription)
    if price["currency"] != subscription["currency"]:
        raise GatewayRejected("A subscription keeps its currency.")
    bills.item_of(subscription)["price"] = price
    return keep(subscription)


def changed(subscription: Object, price: Object, *, at: datetime) -> Object:
    """As it would be. Its period stays, unless the new price has another; then that begins now."""
    check_open(subscription)
    if price["currency"] != subscription["currency"]:
        raise GatewayRejected("A subscription keeps its currency.")
    after = deepcopy(subscription)
    item = bills.item_of(after)
    if item["price"]["recurring"] != price["recurring"] and after["status"] != "trialing":
        after["billing_cycle_anchor"] = item["current_period_start"] = stamp(at)
        item["current_period_end"] = stamp(shapes.period_end(price, at, anchor=at))
    item["price"] = price
    return after


def bill_for_change(customer: Object, before: Object, after: Object, *, at: datetime) -> Object:
    lines = bills.change_lines(before, after, at)
    return bills.draft(customer, after, lines, reason="subscription_update", at=at)


def change(customer: Object, before: Object, price: Object, *, at: datetime) -> Object:
    """Paid at once, or not done. Raises `PaymentRefused`."""
    after = changed(before, price, at=at)
    invoice = bills.issue(customer, after, bill_for_change(customer, before, after, at=at))
    bills.pay(customer, invoice, at=at)
    return keep(after)


def set_ending(subscription: Object, *, at: datetime | None) -> Object:
    """With its period, as was said `at` that moment; None takes it back."""
    check_open(subscription)
    said = {"cancel_at_period_end": at is not None, "canceled_at": stamp(at) if at else None}
    return keep(subscription | said)


def end(customer: Object, subscription: Object, *, reason: str, at: datetime) -> Object:
    """Now. What was used beyond the plan is billed; what is owed is no longer asked for."""
    check_open(subscription)
    bill_last_overage(customer, subscription, at=at)
    bills.stop_trying(subscription)
    ended = {"status": "canceled", "ended_at": stamp(at), "cancellation_details": {"reason": reason}}
    return keep(subscription | ended | {"canceled_at": subscription["canceled_at"] or stamp(at)})


def bill_last_overage(customer: Object, subscription: Object, *, at: datetime) -> None:
    events = bills.unbilled(subscription)
    if events:
        period = (bills.item_of(subscription)["current_period_start"], stamp(at))
        lines = bills.overage_lines(events, period)
        bill = bills.draft(customer, subscription, lines, reason="subscription_cycle", at=at, period=period)
        _bill(customer, subscription, bill, events, at=at)


def take_new_card(customer: Object, *, at: datetime) -> None:
    """What is owed is tried at once; it does not move the retries."""
    for subscription in books.of_customer("subscription", customer["id"]):
        if is_open(subscription):
            for invoice in bills.open_invoices(subscription):
                bills.try_to_pay(customer, invoice, at=at, then=invoice["next_payment_attempt"])
            keep(_standing(subscription))


# ---- What time does


def next_due(subscription: Object) -> datetime | None:
    if not is_open(subscription):
        return None
    moments = [bills.item_of(subscription)["current_period_end"], *retries(subscription)]
    if subscription["status"] == "trialing" and REMINDED not in subscription["metadata"]:
        moments.append(subscription["trial_end"] - int(REMINDER.total_seconds()))
    return moment(min(moments))


def catch_up(customer: Object, subscription: Object, *, at: datetime) -> Object:
    """Everything that has come due, each at its own moment."""
    while (due := next_due(subscription)) and due <= at:
        subscription = _happen(customer, subscription, at=due)
    return subscription


def _happen(customer: Object, subscription: Object, *, at: datetime) -> Object:
    now = stamp(at)
    if any(retry <= now for retry in retries(subscription)):
        return _retry(customer, subscription, at=at)
    if bills.item_of(subscription)["current_period_end"] > now:
        return keep(subscription | {"metadata": subscription["metadata"] | {REMINDED: now}})
    if subscription["cancel_at_period_end"]:
        return end(customer, subscription, reason="cancellation_requested", at=at)
    return _renew(customer, subscription, at=at)


def _renew(customer: Object, subscription: Object, *, at: datetime) -> Object:
    item, events = bills.item_of(subscription), bills.unbilled(subscription)
    period = (item["current_period_start"], item["current_period_end"])
    anchor = moment(subscription["billing_cycle_anchor"])
    item["current_period_start"] = stamp(at)
    item["current_period_end"] = stamp(shapes.period_end(item["price"], at, anchor=anchor))
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    lines = [bills.period_line(subscription), *bills.overage_lines(events, period)]
    bill = bills.draft(customer, subscription, lines, reason="subscription_cycle", at=at, period=period)
    _bill(customer, subscription, bill, events, at=at)
    return keep(_standing(subscription))


def _retry(customer: Object, subscription: Object, *, at: datetime) -> Object:
    """The last one that fails ends it."""
    for invoice in bills.open_invoices(subscription):
        due = invoice["next_payment_attempt"]
        if due and due <= stamp(at):
            then = bills.next_try(invoice, at)
            if not bills.try_to_pay(customer, invoice, at=at, then=then) and then is None:
                return end(customer, subscription, reason="payment_failed", at=at)
    return keep(_standing(subscription))


def _bill(customer: Object, subscription: Object, bill: Object, events: list[Object], *, at: datetime) -> None:
    invoice = bills.issue(customer, subscription, bill)
    for event in events:
        books.write(event | {"invoice": invoice["id"]})
    bills.try_to_pay(customer, invoice, at=at, then=bills.next_try(invoice, at))


def _standing(subscription: Object) -> Object:
    """Who owes is past due, and who has paid is active."""
    if subscription["status"] == "trialing":
        return subscription
    return subscription | {"status": "past_due" if bills.open_invoices(subscription) else "active"}


def retries(subscription: Object) -> list[int]:
    tries = [invoice["next_payment_attempt"] for invoice in bills.open_invoices(subscription)]
    return [each for each in tries if each]


# ---- What both need


def is_open(subscription: Object) -> bool:
    return subscription["status"] not in ENDED


def check_open(subscription: Object) -> None:
    if not is_open(subscription):
        raise GatewayRejected("This subscription has ended.")


def keep(subscription: Object) -> Object:
    books.write(subscription, due_at=next_due(subscription))
    return subscription
