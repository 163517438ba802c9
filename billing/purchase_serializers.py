from __future__ import annotations

from typing import Any

from django.utils.timezone import now
from rest_framework import serializers

from accounts import front_ends
from accounts.models import AuditEntry
from billing.models import Invoice, PackPurchase, Subscription
from billing.serializers import PriceView


class FrontEndAddress(serializers.URLField):
    """A page of ours to come back to."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=2000, **options)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        value = super().run_validation(data)
        if value and not front_ends.is_ours(value):
            raise serializers.ValidationError(front_ends.NOT_OURS)
        return value


class ChosenPlan(serializers.Serializer[Any]):
    plan = serializers.SlugField(max_length=40)


class WaysBack(serializers.Serializer[Any]):
    success_url = FrontEndAddress(required=False, help_text="Where the browser goes when it is paid.")
    cancel_url = FrontEndAddress(required=False, help_text="Where it goes when it is not.")


class NewCheckout(ChosenPlan, WaysBack):
    pass


class NewPackPurchase(WaysBack):
    """Where a checkout leads back to, should it take one."""


class PackPurchaseView(serializers.ModelSerializer[PackPurchase]):
    """A pack at the terms it was bought at. `price` and `refunded` in minor units of `currency`."""

    pack = serializers.CharField(source="pack_id")
    name = serializers.CharField(source="pack.name")
    automatic = serializers.BooleanField(source="is_automatic", help_text="Bought when little was left.")
    error = serializers.CharField(help_text="Why it failed.")
    simulated = serializers.SerializerMethodField()

    class Meta:
        model = PackPurchase
        fields = [
            "id",
            "pack",
            "name",
            "meter",
            "amount",
            "lasts_days",
            "price",
            "currency",
            "state",
            "error",
            "automatic",
            "created_at",
            "paid_at",
            "refunded",
            "simulated",
        ]

    def get_simulated(self, purchase: PackPurchase) -> bool:
        return purchase.gateway == "demo"


class NewPortal(serializers.Serializer[Any]):
    return_url = FrontEndAddress(required=False)


class PlanChange(ChosenPlan):
    previewed_at = serializers.DateTimeField(
        required=False, help_text="`at` of a preview of the last 15 minutes: what it said is then billed to the cent."
    )


class Cancellation(serializers.Serializer[Any]):
    now = serializers.BooleanField(default=False, help_text="Else it ends with the period that is paid for.")


class PageView(serializers.Serializer[Any]):
    url = serializers.URLField(help_text="Send the browser there.")
    expires_at = serializers.DateTimeField(allow_null=True)
    simulated = serializers.BooleanField(help_text="True where no Stripe key is set: no money moves.")


class SubscriptionView(serializers.ModelSerializer[Subscription]):
    """`plan` is what it is for; the plan that counts right now is `current_plan`."""

    plan = serializers.CharField(source="plan_id")
    price = PriceView(allow_null=True)
    next_plan = serializers.CharField(
        source="next_price.plan_id", default=None, allow_null=True, help_text="What it goes on with in the next period."
    )
    simulated = serializers.BooleanField(source="is_simulated")
    entitled = serializers.SerializerMethodField(help_text="Whether its plan counts now.")

    class Meta:
        model = Subscription
        fields = [
            "plan",
            "status",
            "entitled",
            "entitled_until",
            "price",
            "next_plan",
            "current_period_start",
            "current_period_end",
            "cancel_at_period_end",
            "trial_end",
            "past_due_since",
            "created_at",
            "canceled_at",
            "simulated",
        ]

    def get_entitled(self, subscription: Subscription) -> bool:
        return subscription.is_entitled(now())


class CurrentSubscription(serializers.Serializer[Any]):
    current_plan = serializers.CharField(help_text="What counts now; the default plan without a subscription.")
    subscription = SubscriptionView(allow_null=True)


class InvoiceLine(serializers.Serializer[Any]):
    description = serializers.CharField()
    amount = serializers.IntegerField()
    quantity = serializers.IntegerField(allow_null=True)
    period_start = serializers.DateTimeField()
    period_end = serializers.DateTimeField()


class InvoiceView(serializers.ModelSerializer[Invoice]):
    """Amounts in minor units of `currency`."""

    id = serializers.CharField(source="stripe_id")
    lines = InvoiceLine(many=True)
    simulated = serializers.SerializerMethodField()

    class Meta:
        model = Invoice
        fields = [
            "id",
            "number",
            "status",
            "currency",
            "subtotal",
            "discount",
            "tax",
            "total",
            "amount_due",
            "amount_paid",
            "credited",
            "refunded",
            "period_start",
            "period_end",
            "attempts",
            "next_attempt_at",
            "hosted_url",
            "pdf_url",
            "created_at",
            "paid_at",
            "lines",
            "simulated",
        ]

    def get_simulated(self, invoice: Invoice) -> bool:
        return invoice.gateway == "demo"


class PreviewView(serializers.Serializer[Any]):
    """What a change would bill now, in minor units. A lower plan bills nothing, and counts from the next period on."""

    plan = serializers.CharField(source="price.plan_id")
    at = serializers.DateTimeField(help_text="Name it as `previewed_at` to have exactly this.")
    counts_from = serializers.DateTimeField(allow_null=True)
    currency = serializers.CharField()
    total = serializers.IntegerField()
    amount_due = serializers.IntegerField()
    lines = InvoiceLine(many=True)


class CardView(serializers.Serializer[Any]):
    id = serializers.CharField()
    brand = serializers.CharField()
    last4 = serializers.CharField()
    exp_month = serializers.IntegerField(allow_null=True)
    exp_year = serializers.IntegerField(allow_null=True)
    is_default = serializers.BooleanField()


class HistoryEntry(serializers.ModelSerializer[AuditEntry]):
    """What happened to the subscription and the money, the newest first."""

    what = serializers.CharField(source="action")

    class Meta:
        model = AuditEntry
        fields = ["at", "what", "before", "after"]


class Sum(serializers.Serializer[Any]):
    currency = serializers.CharField()
    amount = serializers.IntegerField()


class SummaryView(serializers.Serializer[Any]):
    """Amounts in minor units; currencies are never added together."""

    current_plan = serializers.CharField()
    status = serializers.CharField(allow_null=True)
    next_payment_at = serializers.DateTimeField(allow_null=True)
    next_payment = Sum(allow_null=True, help_text="The plan's price and what was used beyond it so far.")
    overage_units = serializers.IntegerField(help_text="Beyond the plan in the running period.")
    overage = Sum()
    open_amounts = Sum(many=True, help_text="Of invoices that wait for a payment.")
    paid_amounts = Sum(many=True, help_text="Ever, less what was paid back.")
    simulated = serializers.BooleanField()
