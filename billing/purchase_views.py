"""What a customer does about plans and money. All of it for the workspace that the request acts for."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import actor_of, caller_of
from accounts.models import AuditEntry, Scope, Workspace
from accounts.views import parsed
from billing import purchases, subscriptions
from billing import summary as summaries
from billing.gateways import Page, gateway
from billing.models import Customer, Invoice, Subscription
from billing.purchase_serializers import (
    Cancellation,
    CardView,
    ChosenPlan,
    CurrentSubscription,
    HistoryEntry,
    InvoiceView,
    NewCheckout,
    NewPortal,
    PageView,
    PlanChange,
    PreviewView,
    SummaryView,
)

TAGS = ["billing"]


def workspace_of(request: Request) -> Workspace:
    return Workspace.objects.get(pk=caller_of(request).workspace_id)


def ways_back(chosen: dict[str, Any]) -> dict[str, str]:
    """The pages to come back to from a checkout: those asked for, else those of our own."""
    page = f"{settings.FRONTEND_URL}/billing"
    return {
        "success_url": chosen.get("success_url") or f"{page}?checkout=done",
        "cancel_url": chosen.get("cancel_url") or f"{page}?checkout=left",
    }


def shown(page: Page) -> Response:
    told = {"url": page.url, "expires_at": page.expires_at, "simulated": gateway().name == "demo"}
    return Response(PageView(told).data, status=status.HTTP_201_CREATED)


def current(request: Request, status_code: int = status.HTTP_200_OK) -> Response:
    workspace_id = caller_of(request).workspace_id
    told = {
        "current_plan": subscriptions.current_plan(workspace_id).slug,
        "subscription": purchases.subscription_of(workspace_id),
    }
    return Response(CurrentSubscription(told).data, status=status_code)


class SubscriptionDetailView(APIView):
    needs = {"GET": Scope.READ, "POST": Scope.BILLING, "PATCH": Scope.BILLING}
    rate = "costly"

    @extend_schema(responses=CurrentSubscription, tags=TAGS)
    def get(self, request: Request) -> Response:
        """The plan you are on, and the subscription it comes from."""
        return current(request)

    @extend_schema(request=NewCheckout, responses={201: CurrentSubscription}, tags=TAGS)
    def post(self, request: Request) -> Response:
        """Begin a subscription with the card that is saved; without one, 402 with `checkout_url`."""
        chosen = parsed(NewCheckout, request)
        plan = subscriptions.offered(chosen["plan"])
        purchases.subscribe(gateway(), workspace_of(request), plan, **ways_back(chosen), by=actor_of(request), at=now())
        return current(request, status.HTTP_201_CREATED)

    @extend_schema(request=PlanChange, responses=CurrentSubscription, tags=TAGS)
    def patch(self, request: Request) -> Response:
        """Change the plan: to a higher one at once, less what is left of the old; to a lower one as the period ends."""
        chosen = parsed(PlanChange, request)
        mine, plan = self.mine(request), subscriptions.offered(chosen["plan"])
        previewed_at = chosen.get("previewed_at")
        purchases.change(gateway(), mine, plan, previewed_at=previewed_at, by=actor_of(request), at=now())
        return current(request)

    def mine(self, request: Request) -> Subscription:
        return purchases.open_subscription(caller_of(request).workspace_id)


class PreviewChangeView(APIView):
    needs = {"POST": Scope.BILLING}
    rate = "costly"

    @extend_schema(request=ChosenPlan, responses=PreviewView, tags=TAGS)
    def post(self, request: Request) -> Response:
        """What a change to this plan would bill now. Nothing is changed."""
        mine = purchases.open_subscription(caller_of(request).workspace_id)
        plan = subscriptions.offered(parsed(ChosenPlan, request)["plan"])
        return Response(PreviewView(purchases.preview(gateway(), mine, plan, at=now())).data)


class CancelView(APIView):
    needs = {"POST": Scope.BILLING}
    rate = "costly"

    @extend_schema(request=Cancellation, responses=CurrentSubscription, tags=TAGS)
    def post(self, request: Request) -> Response:
        """End the subscription with its period, or now."""
        ends_now = parsed(Cancellation, request)["now"]
        mine = purchases.open_subscription(caller_of(request).workspace_id)
        purchases.cancel(gateway(), mine, now=ends_now, by=actor_of(request), at=now())
        return current(request)


class ResumeView(APIView):
    needs = {"POST": Scope.BILLING}
    rate = "costly"

    @extend_schema(request=None, responses=CurrentSubscription, tags=TAGS)
    def post(self, request: Request) -> Response:
        """Take back that it ends, or wake a paused one."""
        mine = purchases.open_subscription(caller_of(request).workspace_id)
        purchases.resume(gateway(), mine, by=actor_of(request), at=now())
        return current(request)


class CheckoutView(APIView):
    needs = {"POST": Scope.BILLING}
    rate = "costly"

    @extend_schema(request=NewCheckout, responses={201: PageView}, tags=TAGS)
    def post(self, request: Request) -> Response:
        """A page where a plan is paid for. Promotion codes are entered there."""
        chosen = parsed(NewCheckout, request)
        plan = subscriptions.offered(chosen["plan"])
        return shown(
            purchases.checkout(
                gateway(), workspace_of(request), plan, **ways_back(chosen), by=actor_of(request), at=now()
            )
        )


class PortalView(APIView):
    needs = {"POST": Scope.BILLING}
    rate = "costly"

    @extend_schema(request=NewPortal, responses={201: PageView}, tags=TAGS)
    def post(self, request: Request) -> Response:
        """A page for cards, invoices, and the end of the subscription."""
        return_url = parsed(NewPortal, request).get("return_url") or f"{settings.FRONTEND_URL}/billing"
        return shown(purchases.portal(gateway(), workspace_of(request), return_url=return_url))


class OwnInvoices(generics.GenericAPIView[Invoice]):
    needs = {"GET": Scope.BILLING}
    queryset = Invoice.objects.none()
    serializer_class = InvoiceView

    def get_queryset(self) -> QuerySet[Invoice]:
        return Invoice.objects.filter(workspace=caller_of(self.request).workspace_id)


@extend_schema(tags=TAGS)
class InvoiceListView(OwnInvoices, generics.ListAPIView[Invoice]):
    """Your invoices, the newest first."""

    filterset_fields = ["status"]


@extend_schema(tags=TAGS)
class InvoiceDetailView(OwnInvoices, generics.RetrieveAPIView[Invoice]):
    """One invoice, with its lines, where it can be paid, and its PDF."""

    lookup_field = "stripe_id"


@extend_schema(tags=TAGS)
class HistoryView(generics.ListAPIView[AuditEntry]):
    """What happened to your subscription and your money: `subscription.*`, `invoice.*`, `checkout.*`, `pack.*`."""

    needs = {"GET": Scope.BILLING}
    queryset = AuditEntry.objects.none()
    serializer_class = HistoryEntry
    newest_by = "at"

    def get_queryset(self) -> QuerySet[AuditEntry]:
        mine = AuditEntry.objects.filter(workspace=caller_of(self.request).workspace_id)
        return mine.filter(action__regex=r"^(subscription|invoice|checkout|payment_method|pack)\.")


class SummaryDetailView(APIView):
    needs = {"GET": Scope.BILLING}

    @extend_schema(responses=SummaryView, tags=TAGS)
    def get(self, request: Request) -> Response:
        """Your money at a glance."""
        found = summaries.summary(caller_of(request).workspace_id, simulated=gateway().name == "demo")
        return Response(SummaryView(asdict(found)).data)


class CardListView(APIView):
    needs = {"GET": Scope.BILLING}
    rate = "costly"

    @extend_schema(responses=CardView(many=True), tags=TAGS)
    def get(self, request: Request) -> Response:
        """The ways to pay that are saved. New ones are added in the portal."""
        found = purchases.cards(gateway(), caller_of(request).workspace_id)
        return Response(CardView(found, many=True).data)


def customer_with(request: Request, card_id: str) -> Customer:
    """Raises `Http404` for a card of somebody else."""
    found = purchases.customer_with(gateway(), caller_of(request).workspace_id, card_id)
    if found is None:
        raise Http404
    return found


class CardDetailView(APIView):
    needs = {"DELETE": Scope.BILLING}
    rate = "costly"

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, card_id: str) -> Response:
        """Forget a way to pay."""
        purchases.detach(gateway(), customer_with(request, card_id), card_id, by=actor_of(request), at=now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class DefaultCardView(APIView):
    needs = {"POST": Scope.BILLING}
    rate = "costly"

    @extend_schema(request=None, responses=CardView(many=True), tags=TAGS)
    def post(self, request: Request, card_id: str) -> Response:
        """Pay by this one from now on."""
        customer = customer_with(request, card_id)
        purchases.make_default(gateway(), customer, card_id, by=actor_of(request), at=now())
        return Response(CardView(purchases.cards(gateway(), customer.workspace_id), many=True).data)
