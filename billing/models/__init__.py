from billing.models.catalogue import Plan, PlanLimit, Price
from billing.models.events import Effect, StripeEvent
from billing.models.invoices import Invoice
from billing.models.overage import Overage
from billing.models.simulation import Simulated
from billing.models.subscriptions import Customer, Subscription

__all__ = [
    "Customer",
    "Effect",
    "Invoice",
    "Overage",
    "Plan",
    "PlanLimit",
    "Price",
    "Simulated",
    "StripeEvent",
    "Subscription",
]
