from billing.models.catalogue import CreditPack, Plan, PlanLimit, Price
from billing.models.events import Effect, StripeEvent
from billing.models.invoices import Invoice
from billing.models.overage import Overage
from billing.models.packs import PackPurchase
from billing.models.revenue import RecurringRevenue
from billing.models.simulation import Simulated
from billing.models.subscriptions import Customer, Subscription

__all__ = [
    "CreditPack",
    "Customer",
    "Effect",
    "Invoice",
    "Overage",
    "PackPurchase",
    "Plan",
    "PlanLimit",
    "Price",
    "RecurringRevenue",
    "Simulated",
    "StripeEvent",
    "Subscription",
]
