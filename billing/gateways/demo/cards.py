"""The simulated cards: Stripe's public test numbers, and what each of them does here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from billing.errors import GatewayRejected, PaymentRefused

Object = dict[str, Any]


class Does(StrEnum):
    PAYS = "Pays"
    DECLINED = "Is declined"
    IS_EMPTY = "Has insufficient funds"
    FAILS_LATER = "Pays now, and fails at every renewal"
    ASKS = "Asks for authentication first"
    ALWAYS_ASKS = "Asks for authentication every time"


@dataclass(frozen=True)
class TestNumber:
    """`number` is public and nobody's. Of the card that is kept, its last four digits say again what it does."""

    __test__ = False  # for pytest, which takes it for a test

    number: str
    brand: str
    does: Does

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def spaced(self) -> str:
        return " ".join(re.findall("....", self.number))


NUMBERS = (
    TestNumber("4242424242424242", "visa", Does.PAYS),
    TestNumber("5555555555554444", "mastercard", Does.PAYS),
    TestNumber("4000002500003155", "visa", Does.ASKS),
    TestNumber("4000002760003184", "visa", Does.ALWAYS_ASKS),
    TestNumber("4000000000000341", "visa", Does.FAILS_LATER),
    TestNumber("4000000000000002", "visa", Does.DECLINED),
    TestNumber("4000000000009995", "visa", Does.IS_EMPTY),
)
BY_NUMBER = {each.number: each for each in NUMBERS}
BY_LAST4 = {each.last4: each for each in NUMBERS}
YEARS_GOOD = 4


def typed(number: str) -> TestNumber:
    """By whatever spaces or dashes. Raises `GatewayRejected`, which repeats nothing of what was typed."""
    found = BY_NUMBER.get(re.sub(r"[\s-]", "", number))
    if found is None:
        raise GatewayRejected(
            "This is a simulation: it takes the test numbers alone. Never type the number of a real card here."
        )
    return found


def kept(card: TestNumber, *, card_id: str, customer_id: str, at: datetime) -> Object:
    """As much of it as Stripe shows."""
    return {
        "id": card_id,
        "object": "payment_method",
        "type": "card",
        "customer": customer_id,
        "created": int(at.timestamp()),
        "livemode": False,
        "metadata": {},
        "card": {
            "brand": card.brand,
            "display_brand": card.brand,
            "last4": card.last4,
            "exp_month": 12,
            "exp_year": at.year + YEARS_GOOD,
            "funding": "credit",
        },
    }


def check_can_be_kept(card: TestNumber, *, authenticated: bool) -> None:
    """What the bank says while the customer is there. Raises `PaymentRefused`."""
    match card.does:
        case Does.DECLINED:
            raise PaymentRefused("The card was declined. Try another.", "generic_decline")
        case Does.IS_EMPTY:
            raise PaymentRefused("The card has insufficient funds. Try another.", "insufficient_funds")
        case Does.ASKS | Does.ALWAYS_ASKS if not authenticated:
            raise PaymentRefused("The bank wants to know that it is you.", "authentication_required", needs_action=True)


def check_pays(card: Object | None) -> None:
    """What the bank says to a card that is kept, whose owner is away. Raises `PaymentRefused`."""
    if card is None:
        raise PaymentRefused("There is no card to pay with.", "no_card")
    last4 = card["card"]["last4"]
    match BY_LAST4[last4].does:
        case Does.FAILS_LATER:
            raise PaymentRefused(f"The card ending in {last4} was declined.", "generic_decline")
        case Does.ALWAYS_ASKS:
            raise PaymentRefused("The bank wants to know that it is you.", "authentication_required", needs_action=True)
