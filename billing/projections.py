"""Stripe's objects as we understand them. Pure: the same object always says the same.

They come out of API answers, webhooks and the nightly resync alike, and from the demo gateway, which speaks the same
shapes. Both where Stripe has kept a field until 2025 and where it keeps it now are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from billing.errors import UnknownShape

StripeObject = Mapping[str, Any]
"""An object of Stripe's API, as its JSON says it."""


@dataclass(frozen=True)
class ProjectedSubscription:
    """`lookup_key` and `price_id` name the licensed price; a metered one beside it is the overage's."""

    stripe_id: str
    customer_id: str
    status: str
    price_id: str
    lookup_key: str
    current_period_start: datetime
    current_period_end: datetime
    cancel_at_period_end: bool
    trial_end: datetime | None
    created_at: datetime
    canceled_at: datetime | None
    ended_unpaid: bool


@dataclass(frozen=True)
class ProjectedInvoice:
    """Amounts in minor units of `currency`, which is upper case."""

    stripe_id: str
    customer_id: str
    subscription_id: str
    number: str
    status: str
    currency: str
    subtotal: int
    discount: int
    tax: int
    total: int
    amount_paid: int
    amount_due: int
    credited: int
    period_start: datetime
    period_end: datetime
    lines: list[dict[str, Any]]
    attempts: int
    next_attempt_at: datetime | None
    country: str
    hosted_url: str
    pdf_url: str
    created_at: datetime
    paid_at: datetime | None


@dataclass(frozen=True)
class ProjectedPayment:
    """What is paid once. `stripe_id` is the payment's as soon as there is one, and the checkout's before.

    `status` is `open`, `paid` or `failed`; `refunded` in minor units; `error` says why it failed.
    """

    stripe_id: str
    status: str
    paid_at: datetime | None = None
    refunded: int = 0
    error: str = ""


def project_subscription(stripe_object: StripeObject) -> ProjectedSubscription:
    """Raises `UnknownShape` for what is no subscription with a price."""
    try:
        item = _licensed_item(stripe_object)
        price = item.get("price") or item["plan"]
        period_end = _moment(item.get("current_period_end") or stripe_object["current_period_end"])
        cancel_at = moment(stripe_object.get("cancel_at"))
        return ProjectedSubscription(
            stripe_id=stripe_object["id"],
            customer_id=id_of(stripe_object["customer"]),
            status=stripe_object["status"],
            price_id=price["id"],
            lookup_key=price.get("lookup_key") or "",
            current_period_start=_moment(item.get("current_period_start") or stripe_object["current_period_start"]),
            current_period_end=period_end,
            # The portal of today sets a moment, `cancel_at`, where it once set the flag.
            cancel_at_period_end=bool(stripe_object.get("cancel_at_period_end"))
            or (cancel_at is not None and cancel_at <= period_end),
            trial_end=moment(stripe_object.get("trial_end")),
            created_at=_moment(stripe_object["created"]),
            canceled_at=moment(stripe_object.get("ended_at")),
            ended_unpaid=(stripe_object.get("cancellation_details") or {}).get("reason") == "payment_failed",
        )
    except (KeyError, IndexError, TypeError, AttributeError) as exc:
        raise UnknownShape("subscription", exc) from exc


def project_invoice(stripe_object: StripeObject) -> ProjectedInvoice:
    """Raises `UnknownShape` for what is no invoice."""
    try:
        return ProjectedInvoice(
            stripe_id=stripe_object["id"],
            customer_id=id_of(stripe_object["customer"]),
            subscription_id=subscription_id_of(stripe_object),
            number=stripe_object.get("number") or "",
            status=stripe_object.get("status") or "draft",
            currency=stripe_object["currency"].upper(),
            subtotal=stripe_object["subtotal"],
            discount=_sum(stripe_object.get("total_discount_amounts")),
            tax=_tax(stripe_object),
            total=stripe_object["total"],
            amount_paid=stripe_object["amount_paid"],
            amount_due=stripe_object["amount_due"],
            credited=(stripe_object.get("pre_payment_credit_notes_amount") or 0)
            + (stripe_object.get("post_payment_credit_notes_amount") or 0),
            period_start=_moment(stripe_object["period_start"]),
            period_end=_moment(stripe_object["period_end"]),
            lines=[_line(line) for line in stripe_object["lines"]["data"]],
            attempts=stripe_object.get("attempt_count") or 0,
            next_attempt_at=moment(stripe_object.get("next_payment_attempt")),
            country=(stripe_object.get("customer_address") or {}).get("country") or "",
            hosted_url=stripe_object.get("hosted_invoice_url") or "",
            pdf_url=stripe_object.get("invoice_pdf") or "",
            created_at=_moment(stripe_object["created"]),
            paid_at=moment((stripe_object.get("status_transitions") or {}).get("paid_at")),
        )
    except (KeyError, IndexError, TypeError, AttributeError) as exc:
        raise UnknownShape("invoice", exc) from exc


def project_payment(stripe_object: StripeObject) -> ProjectedPayment:
    """Of a payment, or of the session of the checkout it is made at. Raises `UnknownShape` for what is neither."""
    try:
        if stripe_object["object"] != "checkout.session":
            return _payment(stripe_object)
        # Until the page is done with, whoever was refused there may try another card.
        if stripe_object["status"] == "complete":
            return _payment(stripe_object["payment_intent"])
        if stripe_object["status"] == "expired":
            return ProjectedPayment(stripe_object["id"], "failed", error="Nothing was paid while its page was there.")
        return ProjectedPayment(stripe_object["id"], "open")
    except (KeyError, TypeError, AttributeError) as exc:
        raise UnknownShape("payment", exc) from exc


def _payment(intent: StripeObject) -> ProjectedPayment:
    match intent["status"]:
        case "succeeded":
            charge = intent["latest_charge"]
            return ProjectedPayment(intent["id"], "paid", _moment(charge["created"]), charge["amount_refunded"])
        case "requires_payment_method" | "canceled":
            said = (intent.get("last_payment_error") or {}).get("message")
            return ProjectedPayment(intent["id"], "failed", error=said or "It was not paid.")
    return ProjectedPayment(intent["id"], "open")


def moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else _moment(seconds)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def id_of(expandable: str | StripeObject) -> str:
    """An object is named by its id, or stands there whole."""
    return expandable if isinstance(expandable, str) else str(expandable["id"])


def _licensed_item(subscription: StripeObject) -> StripeObject:
    items: list[StripeObject] = subscription["items"]["data"]
    return next((item for item in items if not _is_metered(item)), items[0])


def _is_metered(item: StripeObject) -> bool:
    recurring = (item.get("price") or {}).get("recurring") or {}
    return recurring.get("usage_type") == "metered"


def subscription_id_of(invoice: StripeObject) -> str:
    """Empty for an invoice of its own."""
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    named = details.get("subscription") or invoice.get("subscription")
    return id_of(named) if named else ""


def _tax(invoice: StripeObject) -> int:
    return _sum(invoice.get("total_taxes")) or invoice.get("tax") or 0


def _sum(amounts: list[StripeObject] | None) -> int:
    return sum(entry["amount"] for entry in amounts or [])


def _line(line: StripeObject) -> dict[str, Any]:
    return {
        "description": line.get("description") or "",
        "amount": line["amount"],
        "quantity": line.get("quantity"),
        "period_start": _moment(line["period"]["start"]).isoformat(),
        "period_end": _moment(line["period"]["end"]).isoformat(),
    }
