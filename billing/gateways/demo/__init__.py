"""A simulated Stripe, in our own database: no money moves, nothing leaves this machine, and all of it says so.

It keeps Stripe's own shapes, so that what reads Stripe's answers reads these. It has a clock, as every service of
somebody else's has. `billing.demo_clock` moves what is due, `billing.demo_pages` shows the checkout and the portal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.timezone import now

from billing.errors import GatewayRejected
from billing.gateways.base import Card, PackOrder, Page, Purchase
from billing.gateways.demo import bills, books, cards, coupons, life, payments, shapes, travel, visits
from billing.gateways.demo.books import Object
from billing.gateways.demo.cards import TestNumber
from billing.models import Overage, Plan, Price, Simulated


class DemoGateway:
    name = "demo"

    def __init__(self, clock: Callable[[], datetime] = now) -> None:
        self.clock = clock

    # Customers

    @transaction.atomic
    def create_customer(self, workspace_id: UUID, *, name: str, email: str) -> str:
        customer_id = f"demo_cus_{workspace_id.hex}"
        made = shapes.customer(customer_id, workspace_id, name=name, email=email, at=self.clock())
        told = {"kind": "customer", "customer_id": customer_id, "data": made}
        Simulated.objects.get_or_create(pk=customer_id, defaults=told)
        return customer_id

    def delete_customer(self, customer_id: str) -> None:
        if (books.find("customer", customer_id) or {"deleted": True}).get("deleted"):
            return
        with books.held(customer_id) as customer:
            for subscription in filter(life.is_open, books.of_customer("subscription", customer_id)):
                life.end(customer, subscription, reason="cancellation_requested", at=self.clock())
            for kind in ("payment_method", visits.CHECKOUT, visits.PORTAL):
                books.erase(kind, customer_id)
            books.write({"id": customer_id, "object": "customer", "deleted": True})

    # Pages

    def start_checkout(self, purchase: Purchase) -> Page:
        with books.held(purchase.customer_id):
            return visits.checkout(purchase, at=self.clock())

    def start_pack_checkout(self, order: PackOrder, *, success_url: str, cancel_url: str) -> Page:
        with books.held(order.customer_id):
            return visits.pack_checkout(order, success_url=success_url, cancel_url=cancel_url, at=self.clock())

    def open_portal(self, customer_id: str, *, return_url: str) -> Page:
        with books.held(customer_id):
            return visits.portal(customer_id, return_url=return_url, at=self.clock())

    # Subscriptions

    def subscription(self, subscription_id: str) -> Object:
        return books.read("subscription", subscription_id)

    def subscriptions(self, customer_id: str) -> Iterator[Object]:
        yield from books.of_customer("subscription", customer_id)

    def subscribe(self, purchase: Purchase) -> Object:
        with books.held(purchase.customer_id) as customer:
            return life.begin(
                customer,
                shapes.price(purchase.price),
                trial_days=purchase.trial_days,
                discounts=[],
                present=False,
                at=self.clock(),
            )

    def change_price(self, subscription_id: str, price: Price, *, at: datetime) -> Object:
        with books.held(books.customer_of("subscription", subscription_id)) as customer:
            return life.change(customer, self.subscription(subscription_id), shapes.price(price), at=at)

    def lower_price(self, subscription_id: str, price: Price) -> Object:
        with books.held(books.customer_of("subscription", subscription_id)):
            return life.lower(self.subscription(subscription_id), shapes.price(price))

    def preview_change(self, subscription_id: str, price: Price, *, at: datetime) -> Object:
        before = self.subscription(subscription_id)
        after = life.changed(before, shapes.price(price), at=at)
        return life.bill_for_change(books.read("customer", before["customer"]), before, after, at=at)

    def cancel(self, subscription_id: str) -> Object:
        with books.held(books.customer_of("subscription", subscription_id)) as customer:
            subscription = self.subscription(subscription_id)
            if subscription["status"] == "canceled":
                return subscription
            return life.end(customer, subscription, reason="cancellation_requested", at=self.clock())

    def cancel_at_period_end(self, subscription_id: str) -> Object:
        with books.held(books.customer_of("subscription", subscription_id)):
            return life.set_ending(self.subscription(subscription_id), at=self.clock())

    def resume(self, subscription_id: str) -> Object:
        with books.held(books.customer_of("subscription", subscription_id)):
            return life.set_ending(self.subscription(subscription_id), at=None)

    # Money

    def invoice(self, invoice_id: str) -> Object:
        return books.read("invoice", invoice_id)

    def invoices(self, customer_id: str) -> Iterator[Object]:
        yield from books.of_customer("invoice", customer_id)

    def refunds(self, invoice_id: str) -> int:
        """Nobody pays anything back here: nobody has paid anything."""
        return 0

    def cards(self, customer_id: str) -> list[Card]:
        default = books.read("customer", customer_id).get("invoice_settings", {}).get("default_payment_method")
        return [_card(kept, default) for kept in books.of_customer("payment_method", customer_id)]

    def make_default(self, customer_id: str, card_id: str) -> None:
        """What is owed is tried with it at once."""
        with books.held(customer_id) as customer:
            self._make_default(customer, card_id)

    def detach(self, card_id: str) -> None:
        with books.held(books.customer_of("payment_method", card_id)) as customer:
            Simulated.objects.filter(pk=card_id, kind="payment_method").delete()
            if customer["invoice_settings"]["default_payment_method"] == card_id:
                customer["invoice_settings"]["default_payment_method"] = None
                books.write(customer)

    def card_that_pays(self, customer_id: str) -> str:
        return str(books.read("customer", customer_id)["invoice_settings"]["default_payment_method"] or "")

    def charge(self, order: PackOrder, card_id: str) -> Object:
        with books.held(order.customer_id):
            return payments.charge(order, books.find("payment_method", card_id), at=self.clock())

    def payment(self, payment_id: str) -> Object:
        return payments.look(payment_id, at=self.clock())

    def payment_of(self, customer_id: str, purchase_id: UUID) -> Object | None:
        return payments.of_purchase(customer_id, purchase_id)

    # The catalogue

    def push_plan(self, plan: Plan) -> bool:
        told = {"name": plan.name, "description": plan.description, "active": plan.is_offered}
        return _remember("product", f"demo_{plan.product_id}", told)

    def push_price(self, price: Price) -> str:
        told = shapes.price(price)
        _remember("price", told["id"], told)
        return str(told["id"])

    def push_meter(self, name: str, unit_price: int) -> bool:
        return _remember("billing.meter", f"demo_mtr_{name}_{unit_price}", {"name": name, "unit_price": unit_price})

    # Overage

    def report(self, customer_id: str, overage: Overage) -> None:
        event = shapes.meter_event(customer_id, overage)
        with books.held(customer_id):
            if not books.find(event["object"], event["id"]):
                books.write(event)

    # What is played on our own pages, where Stripe has its own

    def visit(self, kind: str, session_id: str) -> Object:
        """Raises `GatewayRejected` for a page that is not, or no more."""
        return visits.visit(kind, session_id, at=self.clock())

    def complete_checkout(
        self, session_id: str, card: TestNumber, *, code: str, authenticated: bool, country: str = ""
    ) -> Object:
        """The session, paid. Paying twice is paying once. `country` is that of the payer's address, where it was asked
        for, and stands on every bill. Raises `PaymentRefused` and `GatewayRejected`."""
        at = self.clock()
        with books.held(self.visit(visits.CHECKOUT, session_id)["customer"]) as customer:
            session = self.visit(visits.CHECKOUT, session_id)
            if session["status"] == "complete":
                return session
            if session["mode"] == "payment":
                cards.check_can_be_kept(card, authenticated=authenticated)
                return payments.complete(session, at=at)
            discounts = coupons.discounts_for(code)
            customer |= {"address": {"country": country}} if country else {}
            self._keep_card(customer, card, authenticated=authenticated)
            begun = life.begin(
                customer,
                visits.price_of(session),
                trial_days=session["subscription_data"]["trial_period_days"],
                discounts=discounts,
                present=True,
                at=at,
            )
            session |= {"status": "complete", "payment_status": "paid", "subscription": begun["id"]}
            books.write(session)
            return session

    def add_card(self, customer_id: str, card: TestNumber, *, authenticated: bool) -> None:
        """It is the default from now on, and what is owed is tried with it. Raises `PaymentRefused`."""
        with books.held(customer_id) as customer:
            card_id = self._keep_card(customer, card, authenticated=authenticated)
            self._make_default(customer, card_id)

    def pay_back(self, payment_id: str, amount: int | None = None) -> Object:
        """Of a pack's payment so much, or all that is left, as staff do at Stripe. Raises `GatewayRejected`."""
        with books.held(books.customer_of("payment_intent", payment_id)):
            return payments.pay_back(payment_id, amount)

    def catch_up(self, subscription_id: str) -> Object:
        """All that has come due, by this gateway's clock."""
        with books.held(books.customer_of("subscription", subscription_id)) as customer:
            return life.catch_up(customer, self.subscription(subscription_id), at=self.clock())

    def play_renewal(self, subscription_id: str) -> Object:
        """Its period, or its trial, ends now."""
        at = self.clock()
        with books.held(books.customer_of("subscription", subscription_id)) as customer:
            subscription = self.subscription(subscription_id)
            life.check_open(subscription)
            coming = bills.item_of(subscription)["current_period_end"]
            return life.catch_up(customer, travel.bring(subscription, coming, at=at), at=at)

    def play_retry(self, subscription_id: str) -> Object:
        """The payment that failed is tried now as it would be next. Nothing happens where none failed."""
        at = self.clock()
        with books.held(books.customer_of("subscription", subscription_id)) as customer:
            subscription = self.subscription(subscription_id)
            coming = min(life.retries(subscription), default=0)
            return life.catch_up(customer, travel.bring(subscription, coming, at=at), at=at)

    def _keep_card(self, customer: Object, card: TestNumber, *, authenticated: bool) -> str:
        cards.check_can_be_kept(card, authenticated=authenticated)
        kept = cards.kept(card, card_id=books.new_id("pm"), customer_id=customer["id"], at=self.clock())
        customer["invoice_settings"]["default_payment_method"] = kept["id"]
        books.write(kept)
        books.write(customer)
        return str(kept["id"])

    def _make_default(self, customer: Object, card_id: str) -> None:
        if books.read("payment_method", card_id)["customer"] != customer["id"]:
            raise GatewayRejected("This is another customer's card.")
        customer["invoice_settings"]["default_payment_method"] = card_id
        books.write(customer)
        life.take_new_card(customer, at=self.clock())


def _card(kept: Object, default: str | None) -> Card:
    shown = kept["card"]
    return Card(
        id=kept["id"],
        brand=shown["brand"],
        last4=shown["last4"],
        exp_month=shown["exp_month"],
        exp_year=shown["exp_year"],
        is_default=kept["id"] == default,
    )


def _remember(kind: str, row_id: str, told: Object) -> bool:
    """False where it was known, and the same."""
    thing = told | {"id": row_id, "object": kind}
    if books.find(kind, row_id) == thing:
        return False
    books.write(thing)
    return True
