"""All that is known of one customer, for who looks after them. What is said in their conversations is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from django.db.models import F, Sum

from accounts.models import AuditEntry, Workspace
from analytics.console import figures
from analytics.console.figures import Figures
from analytics.kpis import Money
from analytics.models import Alert, CustomerMonth, Event, Webhook
from analytics.moments import Moment
from assistants.models import Job, Turn
from billing.models import Invoice, PackPurchase, Subscription
from quotas.admin.why import Customer

MOST = 10


@dataclass(frozen=True)
class Story:
    """One workspace, the last rows of each kind. What a page does not ask for is not looked up."""

    workspace: Workspace
    moment: Moment

    @cached_property
    def customer(self) -> Customer:
        """Their limits, decisions, charges and credits."""
        return Customer(self.workspace, self.moment.at)

    @cached_property
    def figures(self) -> Figures:
        return figures.of_workspaces([self.workspace.pk], self.moment)[self.workspace.pk]

    @cached_property
    def subscriptions(self) -> list[Subscription]:
        """The newest first."""
        found = self.workspace.subscriptions.select_related("plan", "price", "next_price__plan")
        return list(found.order_by("-created_at", "-pk")[:MOST])

    @cached_property
    def paid(self) -> list[Money]:
        """In all, less what was paid back, by the gateway that is in use."""
        here = {"workspace": self.workspace, "gateway": self.moment.gateway}
        invoices = Invoice.objects.filter(**here).order_by().values_list("currency")
        packs = PackPurchase.objects.filter(**here).exclude(paid_at=None).order_by().values_list("currency")
        return _added_up(
            [
                *invoices.annotate(paid=Sum(F("amount_paid") - F("refunded"))),
                *packs.annotate(paid=Sum(F("price") - F("refunded"))),
            ]
        )

    @cached_property
    def invoices(self) -> list[Invoice]:
        return list(Invoice.objects.filter(workspace=self.workspace)[:MOST])

    @cached_property
    def packs(self) -> list[PackPurchase]:
        return list(PackPurchase.objects.filter(workspace=self.workspace).select_related("pack")[:MOST])

    @cached_property
    def months(self) -> list[CustomerMonth]:
        return list(CustomerMonth.objects.filter(workspace=self.workspace)[:MOST])

    @cached_property
    def calls(self) -> list[Turn]:
        return list(Turn.objects.filter(workspace=self.workspace).select_related("user")[:MOST])

    @cached_property
    def jobs(self) -> list[Job]:
        """Of which those that they deleted are known to have been."""
        told = ["kind", "crew", "state", "error", "step", "created_at", "finished_at", "deleted_at"]
        return list(Job.objects.filter(workspace=self.workspace).only(*told)[:MOST])

    @cached_property
    def alerts(self) -> list[Alert]:
        return list(Alert.objects.filter(workspace=self.workspace).select_related("rule")[:MOST])

    @cached_property
    def webhooks(self) -> list[Webhook]:
        return list(Webhook.objects.filter(workspace=self.workspace)[:MOST])

    @cached_property
    def events(self) -> list[Event]:
        return list(Event.objects.filter(workspace=self.workspace)[:MOST])

    @cached_property
    def log(self) -> list[AuditEntry]:
        return list(AuditEntry.objects.filter(workspace=self.workspace).select_related("actor")[:MOST])


def _added_up(sums: Iterable[tuple[str, int]]) -> list[Money]:
    """Currencies are never added together."""
    found: dict[str, int] = {}
    for currency, amount in sums:
        found[currency.upper()] = found.get(currency.upper(), 0) + amount
    return [Money(*one) for one in sorted(found.items())]
