"""Our verbs as calls to Stripe. Its types are the proof of each: no parameter here is cast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import stripe
from stripe.params import (
    InvoiceCreatePreviewParamsSubscriptionDetailsItem,
    ProductCreateParams,
    SubscriptionCreateParams,
    SubscriptionCreateParamsItem,
    SubscriptionUpdateParamsItem,
)
from stripe.params.checkout import SessionCreateParamsLineItem, SessionCreateParamsSubscriptionData

from billing.errors import GatewayRejected
from billing.gateways.base import Card, PackOrder, Page, Purchase
from billing.gateways.stripe import items
from billing.gateways.stripe.calls import client, is_missing, translated
from billing.gateways.stripe.items import Change
from billing.models import Overage, Plan, Price
from billing.projections import StripeObject

PAGE_SIZE = 100
OWING = {"past_due", "unpaid"}


class StripeGateway:
    name = "stripe"

    def __init__(self, key: str) -> None:
        self._stripe = client(key).v1

    # Customers

    def create_customer(self, workspace_id: UUID, *, name: str, email: str) -> str:
        # Under one key Stripe wants the same words each time, and a name may change between two tries.
        with translated():
            made = self._stripe.customers.create(
                {"metadata": {"workspace": str(workspace_id)}}, {"idempotency_key": f"customer {workspace_id}"}
            )
            return self._stripe.customers.update(made.id, {"name": name, "email": email}).id

    def delete_customer(self, customer_id: str) -> None:
        with translated():
            try:
                self._stripe.customers.delete(customer_id)
            except stripe.InvalidRequestError as exc:
                if not is_missing(exc):
                    raise

    # Pages

    def start_checkout(self, purchase: Purchase) -> Page:
        wanted = self._prices(purchase.price)
        lines: list[SessionCreateParamsLineItem] = [{"price": wanted[0], "quantity": 1}]
        lines += [{"price": overage} for overage in wanted[1:]]
        details: SessionCreateParamsSubscriptionData = {"metadata": {"workspace": str(purchase.workspace_id)}}
        if purchase.trial_days:
            details["trial_period_days"] = purchase.trial_days
            details["trial_settings"] = {"end_behavior": {"missing_payment_method": "pause"}}
        with translated():
            session = self._stripe.checkout.sessions.create(
                {
                    "mode": "subscription",
                    "customer": purchase.customer_id,
                    "client_reference_id": str(purchase.workspace_id),
                    "line_items": lines,
                    "subscription_data": details,
                    "payment_method_collection": "always",
                    "allow_promotion_codes": True,
                    "success_url": purchase.success_url,
                    "cancel_url": purchase.cancel_url,
                }
            )
        return Page(session.id, session.url or "", datetime.fromtimestamp(session.expires_at, UTC))

    def start_pack_checkout(self, order: PackOrder, *, success_url: str, cancel_url: str) -> Page:
        metadata = {"purchase": str(order.id)}
        with translated():
            session = self._stripe.checkout.sessions.create(
                {
                    "mode": "payment",
                    "customer": order.customer_id,
                    "client_reference_id": str(order.workspace_id),
                    "line_items": [
                        {
                            "quantity": 1,
                            "price_data": {
                                "currency": order.currency.lower(),
                                "unit_amount": order.price,
                                "product_data": {"name": order.name},
                            },
                        }
                    ],
                    "metadata": metadata,
                    "payment_intent_data": {"metadata": metadata, "description": order.name},
                    "success_url": success_url,
                    "cancel_url": cancel_url,
                },
                {"idempotency_key": f"checkout of purchase {order.id}"},
            )
        return Page(session.id, session.url or "", datetime.fromtimestamp(session.expires_at, UTC))

    def open_portal(self, customer_id: str, *, return_url: str) -> Page:
        with translated():
            session = self._stripe.billing_portal.sessions.create({"customer": customer_id, "return_url": return_url})
        return Page(session.id, session.url)

    # Subscriptions

    def subscription(self, subscription_id: str) -> StripeObject:
        with translated():
            return self._stripe.subscriptions.retrieve(subscription_id).to_dict(for_json=True)

    def subscriptions(self, customer_id: str) -> Iterator[StripeObject]:
        with translated():
            found = self._stripe.subscriptions.list({"customer": customer_id, "status": "all", "limit": PAGE_SIZE})
            for each in found.auto_paging_iter():
                yield each.to_dict(for_json=True)

    def subscribe(self, purchase: Purchase) -> StripeObject:
        wanted = self._prices(purchase.price)
        bought: list[SubscriptionCreateParamsItem] = [{"price": wanted[0], "quantity": 1}]
        bought += [{"price": overage} for overage in wanted[1:]]
        params: SubscriptionCreateParams = {
            "customer": purchase.customer_id,
            "items": bought,
            "metadata": {"workspace": str(purchase.workspace_id)},
            "payment_behavior": "error_if_incomplete",
        }
        if purchase.trial_days:
            params["trial_period_days"] = purchase.trial_days
        with translated():
            running = self._stripe.subscriptions.list({"customer": purchase.customer_id, "price": wanted[0]}).data
            # An earlier try may have gone through though its answer was lost.
            begun = running[0] if running else self._stripe.subscriptions.create(params)
            return begun.to_dict(for_json=True)

    def change_price(self, subscription_id: str, price: Price, *, at: datetime) -> StripeObject:
        with translated():
            return self._stripe.subscriptions.update(
                subscription_id,
                {
                    "items": self._changed_items(subscription_id, price),
                    "proration_behavior": "always_invoice",
                    "proration_date": int(at.timestamp()),
                    "payment_behavior": "error_if_incomplete",
                },
                {"idempotency_key": f"change {subscription_id} to {price.lookup_key} at {at.isoformat()}"},
            ).to_dict(for_json=True)

    def lower_price(self, subscription_id: str, price: Price) -> StripeObject:
        with translated():
            return self._stripe.subscriptions.update(
                subscription_id,
                {"items": self._changed_items(subscription_id, price), "proration_behavior": "none"},
            ).to_dict(for_json=True)

    def preview_change(self, subscription_id: str, price: Price, *, at: datetime) -> StripeObject:
        with translated():
            changed: list[InvoiceCreatePreviewParamsSubscriptionDetailsItem] = []
            for step in self._steps(subscription_id, price):
                changed.append({"id": step.item_id} if step.item_id else {})
                if step.price_id:
                    changed[-1]["price"] = step.price_id
                else:
                    changed[-1]["deleted"] = True
            return self._stripe.invoices.create_preview(
                {
                    "subscription": subscription_id,
                    "subscription_details": {
                        "items": changed,
                        "proration_behavior": "always_invoice",
                        "proration_date": int(at.timestamp()),
                    },
                }
            ).to_dict(for_json=True)

    def cancel(self, subscription_id: str) -> StripeObject:
        with translated():
            # What was used beyond the plan is billed before it goes.
            ended = self._stripe.subscriptions.cancel(subscription_id, {"invoice_now": True, "prorate": False})
            return ended.to_dict(for_json=True)

    def cancel_at_period_end(self, subscription_id: str) -> StripeObject:
        with translated():
            return self._stripe.subscriptions.update(subscription_id, {"cancel_at_period_end": True}).to_dict(
                for_json=True
            )

    def resume(self, subscription_id: str) -> StripeObject:
        with translated():
            known = self._stripe.subscriptions.retrieve(subscription_id)
            if known.status == "paused":
                resumed = self._stripe.subscriptions.resume(subscription_id, {"billing_cycle_anchor": "now"})
            elif known.cancel_at_period_end:
                resumed = self._stripe.subscriptions.update(subscription_id, {"cancel_at_period_end": False})
            else:  # The portal names a moment.
                resumed = self._stripe.subscriptions.update(subscription_id, {"cancel_at": ""})
            return resumed.to_dict(for_json=True)

    # Money

    def invoice(self, invoice_id: str) -> StripeObject:
        with translated():
            return self._whole(self._stripe.invoices.retrieve(invoice_id))

    def invoices(self, customer_id: str) -> Iterator[StripeObject]:
        with translated():
            found = self._stripe.invoices.list({"customer": customer_id, "limit": PAGE_SIZE})
            for each in found.auto_paging_iter():
                yield self._whole(each)

    def refunds(self, invoice_id: str) -> int:
        with translated():
            return sum(
                refund.amount
                for payment in self._stripe.invoice_payments.list({"invoice": invoice_id, "limit": PAGE_SIZE}).data
                for refund in self._refunds_of(payment.payment)
                if refund.status not in ("failed", "canceled")
            )

    def invoices_paid_by(self, payment_intent_id: str) -> list[str]:
        """Their ids. A charge and a refund do not say which invoice they are of."""
        with translated():
            found = self._stripe.invoice_payments.list(
                {"payment": {"type": "payment_intent", "payment_intent": payment_intent_id}, "limit": PAGE_SIZE}
            )
            return [_id_of(payment.invoice) for payment in found.data]

    def cards(self, customer_id: str) -> list[Card]:
        with translated():
            settings = self._stripe.customers.retrieve(customer_id).invoice_settings
            default = settings.default_payment_method if settings else None
            found = self._stripe.customers.payment_methods.list(customer_id, {"limit": PAGE_SIZE})
            return [_card(method, default=_id_of(default)) for method in found.data]

    def make_default(self, customer_id: str, card_id: str) -> None:
        # A subscription that was bought on a page has the card of that day, which would be asked before the customer's.
        with translated():
            self._stripe.customers.update(customer_id, {"invoice_settings": {"default_payment_method": card_id}})
            for subscription in self._stripe.subscriptions.list({"customer": customer_id}).auto_paging_iter():
                self._stripe.subscriptions.update(subscription.id, {"default_payment_method": card_id})
        self.try_what_is_owed(customer_id)

    def try_what_is_owed(self, customer_id: str) -> None:
        """With the card that is the default by now. A refusal leaves everything as it is: Stripe goes on trying."""
        with translated():
            for subscription in self._stripe.subscriptions.list({"customer": customer_id}).auto_paging_iter():
                if subscription.status in OWING and subscription.latest_invoice:
                    with suppress(stripe.CardError):
                        self._stripe.invoices.pay(_id_of(subscription.latest_invoice))

    def detach(self, card_id: str) -> None:
        with translated():
            self._stripe.payment_methods.detach(card_id)

    def card_that_pays(self, customer_id: str) -> str:
        # Who bought a plan on a page has a card with the subscription, and perhaps none of their own.
        with translated():
            settings = self._stripe.customers.retrieve(customer_id).invoice_settings
            if settings and settings.default_payment_method:
                return _id_of(settings.default_payment_method)
            running = self._stripe.subscriptions.list({"customer": customer_id, "status": "active"}).data
            return next((_id_of(each.default_payment_method) for each in running if each.default_payment_method), "")

    def charge(self, order: PackOrder, card_id: str) -> StripeObject:
        with translated():
            return self._stripe.payment_intents.create(
                {
                    "amount": order.price,
                    "currency": order.currency.lower(),
                    "customer": order.customer_id,
                    "payment_method": card_id,
                    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                    "confirm": True,
                    "off_session": True,
                    "description": order.name,
                    "metadata": {"purchase": str(order.id)},
                },
                {"idempotency_key": f"purchase {order.id}"},
            ).to_dict(for_json=True)

    def payment(self, payment_id: str) -> StripeObject:
        with translated():
            if payment_id.startswith("cs_"):
                session = self._stripe.checkout.sessions.retrieve(
                    payment_id, {"expand": ["payment_intent.latest_charge"]}
                )
                return session.to_dict(for_json=True)
            intent = self._stripe.payment_intents.retrieve(payment_id, {"expand": ["latest_charge"]})
            return intent.to_dict(for_json=True)

    def payment_of(self, customer_id: str, purchase_id: UUID) -> StripeObject | None:
        with translated():
            found = self._stripe.payment_intents.list(
                {"customer": customer_id, "limit": PAGE_SIZE, "expand": ["data.latest_charge"]}
            )
            for each in found.auto_paging_iter():  # The newest first.
                said = each.to_dict(for_json=True)
                if (said["metadata"] or {}).get("purchase") == str(purchase_id):
                    return said
        return None

    # The catalogue

    def push_plan(self, plan: Plan) -> bool:
        wanted: ProductCreateParams = {"id": plan.product_id, "name": plan.name, "active": plan.is_offered}
        if plan.description:
            wanted["description"] = plan.description
        with translated():
            found = self._product(plan.product_id)
            if found is None:
                self._stripe.products.create(wanted)
                return True
            if (found.name, found.description or "", found.active) == (plan.name, plan.description, plan.is_offered):
                return False
            self._stripe.products.update(
                plan.product_id, {"name": plan.name, "description": plan.description, "active": plan.is_offered}
            )
            return True

    def push_price(self, price: Price) -> str:
        with translated():
            for limit in items.overages(price):
                self._push_overage(limit.meter, limit.overage_price or 0, price)
            found = self._by_lookup_key([price.lookup_key])
            if price.lookup_key in found:
                return found[price.lookup_key]
            return self._stripe.prices.create(
                {
                    "product": price.plan.product_id,
                    "currency": price.currency.lower(),
                    "unit_amount": price.amount,
                    "recurring": {"interval": price.interval, "interval_count": price.interval_count},
                    "lookup_key": price.lookup_key,
                },
                {"idempotency_key": f"price {price.lookup_key} {price.amount} {price.currency}"},
            ).id

    def push_meter(self, name: str, unit_price: int) -> bool:
        with translated():
            return self._push_overage(name, unit_price, Price(interval=Price.Interval.MONTH))

    # Overage

    def report(self, customer_id: str, overage: Overage) -> None:
        with translated():
            try:
                self._stripe.billing.meter_events.create(
                    {
                        "event_name": items.event_name(overage.meter),
                        "identifier": str(overage.id),
                        "timestamp": int(overage.used_at.timestamp()),
                        "payload": {"stripe_customer_id": customer_id, "value": str(overage.units)},
                    }
                )
            except stripe.InvalidRequestError as exc:
                if not _is_repeated(exc, str(overage.id)):
                    raise

    # What the verbs share. Inside `translated`.

    def _prices(self, price: Price) -> list[str]:
        """The ids of the plan's price and of those by which it bills overage. Raises `GatewayRejected`."""
        keys = [price.lookup_key, *items.overage_keys(price)]
        with translated():
            found = self._by_lookup_key(keys)
        missing = [key for key in keys if key not in found]
        if missing:
            raise GatewayRejected(f"Stripe has no price {', '.join(missing)}: run `manage.py push_catalogue`.")
        return [found[key] for key in keys]

    def _by_lookup_key(self, keys: list[str]) -> dict[str, str]:
        found = self._stripe.prices.list({"lookup_keys": keys, "limit": PAGE_SIZE})
        return {price.lookup_key: price.id for price in found.data if price.lookup_key}

    def _steps(self, subscription_id: str, price: Price) -> list[Change]:
        # As JSON: dj-stripe puts a method in place of the SDK's `Subscription.items`, which its types do not know.
        known = self._stripe.subscriptions.retrieve(subscription_id).to_dict(for_json=True)
        return items.change(items.of(known), self._prices(price))

    def _changed_items(self, subscription_id: str, price: Price) -> list[SubscriptionUpdateParamsItem]:
        changed: list[SubscriptionUpdateParamsItem] = []
        for step in self._steps(subscription_id, price):
            changed.append({"id": step.item_id} if step.item_id else {})
            if step.price_id:
                changed[-1]["price"] = step.price_id
            else:
                changed[-1]["deleted"] = True
        return changed

    def _whole(self, invoice: stripe.Invoice) -> StripeObject:
        """With every line: Stripe gives the first few alone."""
        said = invoice.to_dict(for_json=True)
        if invoice.lines.has_more:
            lines = self._stripe.invoices.line_items.list(invoice.id, {"limit": PAGE_SIZE})
            said["lines"]["data"] = [line.to_dict(for_json=True) for line in lines.auto_paging_iter()]
        return said

    def _refunds_of(self, payment: stripe.InvoicePayment.Payment) -> list[stripe.Refund]:
        if payment.payment_intent:
            intent = _id_of(payment.payment_intent)
            return self._stripe.refunds.list({"payment_intent": intent, "limit": PAGE_SIZE}).data
        if payment.charge:
            return self._stripe.refunds.list({"charge": _id_of(payment.charge), "limit": PAGE_SIZE}).data
        return []

    def _product(self, product_id: str) -> stripe.Product | None:
        try:
            return self._stripe.products.retrieve(product_id)
        except stripe.InvalidRequestError as exc:
            if is_missing(exc):
                return None
            raise

    def _push_overage(self, meter: str, unit_price: int, beside: Price) -> bool:
        """False where the price was there; all of a subscription's prices have one interval."""
        key = items.overage_key(meter, unit_price, beside)
        if self._by_lookup_key([key]):
            return False
        product = items.overage_product(meter)
        if self._product(product) is None:
            self._stripe.products.create({"id": product, "name": f"{meter.capitalize()} beyond the plan"})
        self._stripe.prices.create(
            {
                "product": product,
                "currency": items.OVERAGE_CURRENCY,
                "unit_amount": unit_price,
                "recurring": {
                    "interval": beside.interval,
                    "interval_count": beside.interval_count,
                    "usage_type": "metered",
                    "meter": self._meter(meter),
                },
                "lookup_key": key,
            },
            {"idempotency_key": f"price {key}"},
        )
        return True

    def _meter(self, name: str) -> str:
        event_name = items.event_name(name)
        found = self._stripe.billing.meters.list({"status": "active", "limit": PAGE_SIZE})
        for meter in found.auto_paging_iter():
            if meter.event_name == event_name:
                return meter.id
        return self._stripe.billing.meters.create(
            {
                "display_name": f"{name.capitalize()} beyond the plan",
                "event_name": event_name,
                "default_aggregation": {"formula": "sum"},
                "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
                "value_settings": {"event_payload_key": "value"},
            }
        ).id


def _id_of(
    expandable: str | stripe.PaymentMethod | stripe.PaymentIntent | stripe.Charge | stripe.Invoice | None,
) -> str:
    return expandable or "" if expandable is None or isinstance(expandable, str) else expandable.id


def _card(method: stripe.PaymentMethod, *, default: str) -> Card:
    card = method.card
    return Card(
        id=method.id,
        brand=card.brand if card else method.type,
        last4=(card.last4 or "") if card else "",
        exp_month=card.exp_month if card else None,
        exp_year=card.exp_year if card else None,
        is_default=method.id == default,
    )


def _is_repeated(failure: stripe.InvalidRequestError, identifier: str) -> bool:
    """Stripe's refusal of an event that it has already."""
    said = failure.user_message or ""
    return failure.code == "duplicate_meter_event" or ("already exists" in said and identifier in said)
