"""Stripe's objects as its API of today writes them, with the fields it always has: see `test_payloads.py`."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

DAY = 86_400
MONTH = 30 * DAY

Json = dict[str, Any]


def some_id(prefix: str) -> str:
    return f"{prefix}_{uuid4().hex[:24]}"


def page(*objects: Json) -> Json:
    return {"object": "list", "data": list(objects), "has_more": False, "url": "/v1/some"}


def price(lookup_key: str, amount: int = 7900, *, meter: str | None = None, price_id: str = "") -> Json:
    return {
        "id": price_id or f"price_{lookup_key}",
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": 1_790_000_000,
        "currency": "usd",
        "livemode": False,
        "lookup_key": lookup_key,
        "metadata": {},
        "nickname": None,
        "product": "prod_1",
        "recurring": {
            "interval": "month",
            "interval_count": 1,
            "meter": meter,
            "trial_period_days": None,
            "usage_type": "metered" if meter else "licensed",
        },
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }


def plan_of(price: Json) -> Json:
    """The older twin of a price, which items still carry."""
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": True,
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price["created"],
        "currency": "usd",
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": {},
        "meter": recurring["meter"],
        "nickname": None,
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": recurring["usage_type"],
    }


def item(subscription_id: str, price: Json, *, start: int, end: int) -> Json:
    licensed = {"quantity": 1} if price["recurring"]["usage_type"] == "licensed" else {}
    return {
        "id": some_id("si"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": start,
        "current_period_start": start,
        "current_period_end": end,
        "discounts": [],
        "metadata": {},
        "plan": plan_of(price),
        "price": price,
        "subscription": subscription_id,
        "tax_rates": [],
        **licensed,
    }


def subscription(
    customer: str,
    *prices: Json,
    status: str = "active",
    start: int | None = None,
    subscription_id: str = "",
    **others: Any,
) -> Json:
    subscription_id = subscription_id or some_id("sub")
    start = start or int(time.time())
    end = start + MONTH
    return {
        "id": subscription_id,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": start,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": None, "type": "classic"},
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": start,
        "currency": "usd",
        "customer": customer,
        "customer_account": None,
        "days_until_due": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": page(*(item(subscription_id, price, start=start, end=end) for price in prices)),
        "latest_invoice": None,
        "livemode": False,
        "metadata": {},
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": start,
        "status": status,
        "test_clock": None,
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
    } | others


def line(amount: int, *, start: int, end: int, subscription_id: str, description: str = "1 x Team") -> Json:
    return {
        "id": some_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": "usd",
        "description": description,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "parent": None,
        "period": {"start": start, "end": end},
        "pretax_credit_amounts": [],
        "pricing": None,
        "quantity": 1,
        "quantity_decimal": "1",
        "subscription": subscription_id,
        "subtotal": amount,
        "taxes": [],
    }


def invoice(
    customer: str,
    subscription_id: str | None = None,
    *,
    status: str = "paid",
    amount: int = 7900,
    start: int | None = None,
    invoice_id: str = "",
    **others: Any,
) -> Json:
    start = start or int(time.time())
    paid = amount if status == "paid" else 0
    parent = subscription_id and {
        "type": "subscription_details",
        "quote_details": None,
        "subscription_details": {"metadata": {}, "subscription": subscription_id},
    }
    lines = [line(amount, start=start, end=start + MONTH, subscription_id=subscription_id)] if subscription_id else []
    return {
        "id": invoice_id or some_id("in"),
        "object": "invoice",
        "account_country": "US",
        "account_name": "Stipend",
        "account_tax_ids": None,
        "amount_due": amount,
        "amount_overpaid": 0,
        "amount_paid": paid,
        "amount_remaining": amount - paid,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 1,
        "attempted": True,
        "auto_advance": False,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": None,
        "billing_reason": "subscription_cycle",
        "collection_method": "charge_automatically",
        "created": start,
        "currency": "usd",
        "custom_fields": None,
        "customer": customer,
        "customer_account": None,
        "customer_address": None,
        "customer_email": "alice@example.com",
        "customer_name": "Alice",
        "customer_phone": None,
        "customer_shipping": None,
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "due_date": None,
        "effective_at": start,
        "ending_balance": 0,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": "https://invoice.stripe.com/i/acct_1/test_1",
        "invoice_pdf": "https://pay.stripe.com/invoice/acct_1/test_1/pdf",
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": page(*lines),
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": "STIP-0001",
        "on_behalf_of": None,
        "parent": parent or None,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": start + MONTH,
        "period_start": start,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "status": status,
        "status_transitions": {
            "finalized_at": start,
            "marked_uncollectible_at": None,
            "paid_at": start if status == "paid" else None,
            "voided_at": None,
        },
        "subtotal": amount,
        "subtotal_excluding_tax": amount,
        "test_clock": None,
        "total": amount,
        "total_discount_amounts": [],
        "total_excluding_tax": amount,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": start,
    } | others


def customer(customer_id: str) -> Json:
    return {
        "id": customer_id,
        "object": "customer",
        "balance": 0,
        "created": int(time.time()),
        "currency": "usd",
        "default_source": None,
        "delinquent": False,
        "description": None,
        "email": "alice@example.com",
        "invoice_prefix": "STIP",
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": "Alice",
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def event(type: str, about: Json, *, at: int | None = None, before: Json | None = None) -> Json:  # noqa: A002
    return {
        "id": some_id("evt"),
        "object": "event",
        "api_version": "2026-08-26.dahlia",
        "created": at or int(time.time()),
        "data": {"object": about} | ({"previous_attributes": before} if before else {}),
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": type,
    }


def checkout_session(customer: str, subscription_id: str, invoice_id: str, workspace_id: object) -> Json:
    """Of its many fields those that a webhook's reader looks for."""
    return {
        "id": some_id("cs"),
        "object": "checkout.session",
        "client_reference_id": str(workspace_id),
        "customer": customer,
        "invoice": invoice_id,
        "mode": "subscription",
        "payment_status": "paid",
        "status": "complete",
        "subscription": subscription_id,
    }


def payment_intent(customer: str, purchase_id: object, *, amount: int = 300, refunded: int = 0, **others: Any) -> Json:
    """One that was paid, with its charge in it, as it is asked for."""
    payment_id = some_id("pi")
    at = int(time.time())
    return {
        "id": payment_id,
        "object": "payment_intent",
        "amount": amount,
        "amount_received": amount,
        "created": at,
        "currency": "usd",
        "customer": customer,
        "description": "50 operations",
        "last_payment_error": None,
        "latest_charge": charge(customer, payment_id, amount=amount, refunded=refunded),
        "livemode": False,
        "metadata": {"purchase": str(purchase_id)},
        "status": "succeeded",
    } | others


def charge(customer: str, payment_id: str, *, amount: int = 300, refunded: int = 0) -> Json:
    return {
        "id": some_id("ch"),
        "object": "charge",
        "amount": amount,
        "amount_refunded": refunded,
        "created": int(time.time()),
        "currency": "usd",
        "customer": customer,
        "metadata": {},
        "payment_intent": payment_id,
        "refunded": refunded >= amount,
        "status": "succeeded",
    }


def pack_session(customer: str, purchase_id: object, payment: Json | None = None, **others: Any) -> Json:
    """A checkout where a pack is paid; done with once there is a payment."""
    return {
        "id": some_id("cs"),
        "object": "checkout.session",
        "customer": customer,
        "expires_at": int(time.time()) + DAY,
        "invoice": None,
        "metadata": {"purchase": str(purchase_id)},
        "mode": "payment",
        "payment_intent": payment,
        "payment_status": "paid" if payment else "unpaid",
        "status": "complete" if payment else "open",
        "subscription": None,
        "url": "https://checkout.stripe.com/c/pay/cs_test_1",
    } | others
