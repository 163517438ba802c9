"""What a gateway can do. There are two: Stripe, and a simulated one that is there without a key.

Both answer with Stripe's own objects, as its JSON says them; `billing.projections` reads those. No class of an SDK and
no exception of one leaves a gateway: what fails is `PaymentRefused`, `GatewayRejected` or `GatewayUnavailable`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from billing.models import Overage, Plan, Price
from billing.projections import StripeObject


@dataclass(frozen=True)
class Purchase:
    """What a checkout is for. `trial_days` is 0 for who has had one."""

    customer_id: str
    workspace_id: UUID
    price: Price
    trial_days: int
    success_url: str
    cancel_url: str


@dataclass(frozen=True)
class PackOrder:
    """One pack to be paid for. `id` is the purchase's: whatever is asked for twice under it is done once."""

    id: UUID
    customer_id: str
    workspace_id: UUID
    name: str
    price: int
    currency: str


@dataclass(frozen=True)
class Page:
    """A page of the gateway to send somebody to, and until when it works."""

    id: str
    url: str
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Card:
    """A way to pay, as much of it as may be shown. `brand` is the kind's name where it is no card."""

    id: str
    brand: str
    last4: str
    exp_month: int | None
    exp_year: int | None
    is_default: bool


class Gateway(Protocol):
    name: str
    """As `models.Gateway` has it."""

    # Customers

    def create_customer(self, workspace_id: UUID, *, name: str, email: str) -> str:
        """Its id. Asked twice for the same workspace within a day, it is the same one."""

    def delete_customer(self, customer_id: str) -> None:
        """Its subscriptions end with it, at once. One that is gone already is no error."""

    # Pages

    def start_checkout(self, purchase: Purchase) -> Page: ...

    def start_pack_checkout(self, order: PackOrder, *, success_url: str, cancel_url: str) -> Page: ...

    def open_portal(self, customer_id: str, *, return_url: str) -> Page: ...

    # Subscriptions

    def subscription(self, subscription_id: str) -> StripeObject: ...

    def subscriptions(self, customer_id: str) -> Iterator[StripeObject]:
        """All of them, ended ones too."""

    def subscribe(self, purchase: Purchase) -> StripeObject:
        """Without a page, by the card that is the default. `PaymentRefused` where it does not pay."""

    def change_price(self, subscription_id: str, price: Price, *, at: datetime) -> StripeObject:
        """At once, what is left of the old price counted against the new, `at` that moment, and billed then.

        `PaymentRefused`, and nothing is changed, where that cannot be paid.
        """

    def lower_price(self, subscription_id: str, price: Price) -> StripeObject:
        """At once, from the next period on the new price: nothing is billed, and nothing given back."""

    def preview_change(self, subscription_id: str, price: Price, *, at: datetime) -> StripeObject:
        """The invoice that `change_price` at the same moment would bring."""

    def cancel(self, subscription_id: str) -> StripeObject:
        """At once. One that has ended already is no error."""

    def cancel_at_period_end(self, subscription_id: str) -> StripeObject: ...

    def resume(self, subscription_id: str) -> StripeObject:
        """Take back that it ends with its period, or wake a paused one."""

    # Money

    def invoice(self, invoice_id: str) -> StripeObject: ...

    def invoices(self, customer_id: str) -> Iterator[StripeObject]: ...

    def refunds(self, invoice_id: str) -> int:
        """What of this invoice was paid back, in minor units."""

    def cards(self, customer_id: str) -> list[Card]: ...

    def make_default(self, customer_id: str, card_id: str) -> None: ...

    def detach(self, card_id: str) -> None: ...

    def card_that_pays(self, customer_id: str) -> str:
        """The id of the one that is asked when nobody is there; empty where none is."""

    def charge(self, order: PackOrder, card_id: str) -> StripeObject:
        """The payment, though nobody is there. `PaymentRefused` where the card does not pay; within a day it is the
        same answer whenever it is asked for again.
        """

    def payment(self, payment_id: str) -> StripeObject:
        """A pack's payment, or the session of the checkout it is paid at, with the payment in it."""

    def payment_of(self, customer_id: str, purchase_id: UUID) -> StripeObject | None:
        """The last try to pay for it that is known; for when the answer to `charge` was lost."""

    # The catalogue

    def push_plan(self, plan: Plan) -> bool:
        """Make or mend its product. False where nothing had to change."""

    def push_price(self, price: Price) -> str:
        """Its id; made where there is none yet by its lookup key."""

    def push_meter(self, name: str, unit_price: int) -> bool:
        """Make the meter, and the price of what it counts, unless they are there. False where they were."""

    # Overage

    def report(self, customer_id: str, overage: Overage) -> None:
        """To the meter. Reporting it twice counts once."""
