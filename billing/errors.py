"""What can go wrong with plans, subscriptions and money."""

from __future__ import annotations

from typing import Any


class BillingError(Exception):
    code = "billing_error"


class InvalidCatalogue(BillingError):
    """A catalogue file that cannot be loaded; nothing of it was."""

    code = "invalid_catalogue"


class NoCatalogue(BillingError):
    """There is not one plan. The product was not set up."""

    code = "no_catalogue"

    def __init__(self) -> None:
        super().__init__("No catalogue is loaded: run `manage.py load_catalogue default`.")


class UnknownPlan(BillingError):
    code = "unknown_plan"

    def __init__(self, slug: str, known: list[str]) -> None:
        super().__init__(f"There is no plan {slug}; there are: {', '.join(known)}.")


class UnknownPack(BillingError):
    """Not on offer, or never was."""

    code = "unknown_pack"

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is no pack {slug} on offer.")


class UnknownShape(BillingError):
    """An object of the gateway that is not what it should be."""

    code = "unknown_shape"

    def __init__(self, expected: str, cause: Exception) -> None:
        super().__init__(f"This is no {expected} as Stripe writes them: {cause!r}")


class UnknownPrice(BillingError):
    """A subscription at a price that no plan of ours has."""

    code = "unknown_price"


class NoSubscription(BillingError):
    code = "no_subscription"

    def __init__(self) -> None:
        super().__init__("This workspace has no subscription. Begin one with a checkout.")


class AlreadySubscribed(BillingError):
    code = "already_subscribed"

    def __init__(self) -> None:
        super().__init__("This workspace has a subscription. Change it, or end it first.")


class NothingToChange(BillingError):
    """The subscription is as was asked already, or in a state where that cannot be."""

    code = "nothing_to_change"


class PreviewStale(BillingError):
    """It is too old, or something was billed since."""

    code = "preview_stale"

    def __init__(self) -> None:
        super().__init__("What was previewed no longer holds. Preview the change again.")


class CardInUse(BillingError):
    code = "card_in_use"

    def __init__(self) -> None:
        super().__init__("The subscription is paid by this card. Make another the default first.")


class PaymentRequired(BillingError):
    """A plan that costs something is paid first, at `checkout_url`."""

    code = "payment_required"

    def __init__(self, plan: str, checkout_url: str, *, simulated: bool) -> None:
        super().__init__(f"{plan} is paid for first, at checkout_url.")
        self.extra: dict[str, Any] = {"checkout_url": checkout_url, "simulated": simulated}


class PaymentOverdue(BillingError):
    """What is owed comes first."""

    code = "payment_overdue"

    def __init__(self, pay_url: str) -> None:
        super().__init__("A payment of this subscription is overdue. Pay it first, or update the card.")
        self.extra: dict[str, Any] = {"pay_url": pay_url}


class PaymentRefused(BillingError):
    """The bank said no, or wants to be asked by the customer in person. The message may be shown to them."""

    code = "payment_refused"

    def __init__(self, message: str, decline_code: str = "", *, needs_action: bool = False) -> None:
        super().__init__(message)
        self.extra: dict[str, Any] = {"decline_code": decline_code, "needs_action": needs_action}


class GatewayRejected(BillingError):
    """The gateway does not take what we asked. Asking again will not help."""

    code = "gateway_rejected"


class GatewayUnavailable(BillingError):
    """The gateway is away, or busy. Nothing was changed that asking again would do twice."""

    code = "gateway_unavailable"

    def __init__(self) -> None:
        super().__init__("The payment service cannot be reached at the moment. Nothing was changed; try again.")


class InvalidSignature(BillingError):
    """A webhook that is not Stripe's, or too old."""

    code = "invalid_signature"
