"""Credit packs: what there is, buying one, and what was bought for the workspace that the request acts for."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import actor_of, caller_of
from accounts.models import Scope
from accounts.views import parsed
from billing import packs
from billing.gateways import gateway
from billing.models import CreditPack, PackPurchase
from billing.purchase_serializers import NewPackPurchase, PackPurchaseView
from billing.purchase_views import TAGS, ways_back, workspace_of
from billing.serializers import PackView


@extend_schema(tags=TAGS)
class PackListView(generics.ListAPIView[CreditPack]):
    """Every credit pack on offer: so much of a meter, bought once, beside what a plan allows."""

    permission_classes = (AllowAny,)
    serializer_class = PackView
    pagination_class = None

    def get_queryset(self) -> QuerySet[CreditPack]:
        return packs.offered()


class BuyPackView(APIView):
    needs = {"POST": Scope.BILLING}
    rate = "costly"

    @extend_schema(request=NewPackPurchase, responses={201: PackPurchaseView}, tags=TAGS)
    def post(self, request: Request, slug: str) -> Response:
        """Buy a pack with the card that is saved; without one, or where its bank asks, 402 with `checkout_url`."""
        ways = ways_back(parsed(NewPackPurchase, request))
        pack = packs.named(slug)
        bought = packs.buy(gateway(), workspace_of(request), pack, **ways, by=actor_of(request), at=now())
        return Response(PackPurchaseView(bought).data, status=status.HTTP_201_CREATED)


class OwnPurchases(generics.GenericAPIView[PackPurchase]):
    needs = {"GET": Scope.BILLING}
    queryset = PackPurchase.objects.none()
    serializer_class = PackPurchaseView

    def get_queryset(self) -> QuerySet[PackPurchase]:
        return packs.bought(caller_of(self.request).workspace_id).select_related("pack")


@extend_schema(tags=TAGS)
class PurchaseListView(OwnPurchases, generics.ListAPIView[PackPurchase]):
    """The packs you bought, the newest first, and those that were not paid."""

    filterset_fields = ["state"]


@extend_schema(tags=TAGS)
class PurchaseDetailView(OwnPurchases, generics.RetrieveAPIView[PackPurchase]):
    """One of them."""

    lookup_url_kwarg = "purchase_id"
