"""Bringing the future here. What a subscription waits for comes now, because all that it remembers becomes older.

Time itself stays as it is for everybody else: allowances, sessions and the ledger know one clock, and so a period that
was played begins now and not in a month.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from billing.gateways.demo import bills, books, life
from billing.gateways.demo.shapes import stamp

Object = dict[str, Any]

MOMENTS = frozenset(
    """
    billing_cycle_anchor canceled_at created current_period_end current_period_start end finalized_at
    next_payment_attempt paid_at period_end period_start start start_date trial_end trial_start
    """.split()
)


def bring(subscription: Object, coming: int, *, at: datetime) -> Object:
    """Age a subscription and its invoices, so that the moment `coming` is now. Its months are counted from then on."""
    by = coming - stamp(at)
    if by <= 0:
        return subscription
    for invoice in bills.invoices_of(subscription):
        books.write(_aged(invoice, by))
    aged: Object = _aged(subscription, by)
    aged["billing_cycle_anchor"] = bills.item_of(aged)["current_period_end"]
    return life.keep(aged)


def _aged(thing: Any, by: int) -> Any:
    if isinstance(thing, dict):
        return {
            name: value - by if name in MOMENTS and isinstance(value, int) else _aged(value, by)
            for name, value in thing.items()
        }
    return [_aged(each, by) for each in thing] if isinstance(thing, list) else thing
