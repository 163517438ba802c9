"""Credits: what is left of them, codes, top-ups, and what staff give."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import audit
from accounts.authentication import actor_of, caller_of
from accounts.callers import STAFF
from accounts.models import Scope, Workspace
from accounts.views import parsed
from billing import packs
from quotas import grants, promotions
from quotas.credit_serializers import Code, GrantView, NewGrant, NewTopUp, Revocation, TopUpView
from quotas.errors import NotThisPack
from quotas.grants import Gift
from quotas.models import Grant, TopUp

TAGS = ["quotas"]


class GrantListView(generics.ListAPIView[Grant]):
    needs = {"GET": Scope.READ, "POST": STAFF}
    queryset = Grant.objects.none()
    serializer_class = GrantView
    filterset_fields = ["meter", "source"]

    def get_queryset(self) -> QuerySet[Grant]:
        return Grant.objects.filter(workspace=caller_of(self.request).workspace_id).select_related("bucket")

    @extend_schema(tags=TAGS)
    def get(self, request: Request) -> Response:
        """Your credits, the newest first: so much of a meter beside what the plan allows."""
        return self.list(request)

    @extend_schema(request=NewGrant, responses={201: GrantView}, tags=TAGS)
    def post(self, request: Request) -> Response:
        """Give a workspace credit, as staff may."""
        asked, at, by = parsed(NewGrant, request), now(), actor_of(request)
        workspace = get_object_or_404(Workspace, pk=asked.pop("workspace"), deleted_at=None)
        grant = grants.give(workspace.pk, Gift(**asked), by=by, at=at)
        return Response(GrantView(grant).data, status=status.HTTP_201_CREATED)


class RevokeView(APIView):
    needs = {"POST": STAFF}

    @extend_schema(request=Revocation, responses=GrantView, tags=TAGS)
    def post(self, request: Request, grant_id: str) -> Response:
        """Take back what is left of a credit, as staff may."""
        reason = parsed(Revocation, request)["reason"]
        grant = get_object_or_404(Grant, pk=grant_id)
        grants.revoke(grant, by=actor_of(request), reason=reason, at=now())
        return Response(GrantView(Grant.objects.select_related("bucket").get(pk=grant_id)).data)


class RedeemView(APIView):
    needs = {"POST": Scope.BILLING}
    rate = "costly"

    @extend_schema(request=Code, responses={201: GrantView}, tags=TAGS)
    def post(self, request: Request) -> Response:
        """Redeem a code for your workspace, once."""
        code = parsed(Code, request)["code"]
        grant = promotions.redeem(caller_of(request).workspace_id, code, by=actor_of(request), at=now())
        return Response(GrantView(grant).data, status=status.HTTP_201_CREATED)


class OwnTopUps(generics.GenericAPIView[TopUp]):
    queryset = TopUp.objects.none()
    serializer_class = TopUpView

    def get_queryset(self) -> QuerySet[TopUp]:
        return TopUp.objects.filter(workspace=caller_of(self.request).workspace_id)


@extend_schema(tags=TAGS)
class TopUpListView(OwnTopUps, generics.ListAPIView[TopUp]):
    """Which packs are bought by themselves, and when."""

    needs = {"GET": Scope.BILLING}
    pagination_class = None


class TopUpDetailView(OwnTopUps):
    needs = {"PUT": Scope.BILLING, "DELETE": Scope.BILLING}

    @extend_schema(request=NewTopUp, responses=TopUpView, tags=TAGS)
    def put(self, request: Request, slug: str) -> Response:
        """Buy a pack by the saved card whenever less than `below` is left. What was paused goes on."""
        asked, at = parsed(NewTopUp, request), now()
        pack = packs.named(asked["pack"])
        if pack.meter != slug:
            raise NotThisPack(pack.slug, slug)
        wanted = {**asked, "pack": pack, "paused_at": None}
        workspace_id = caller_of(request).workspace_id
        top_up, _ = TopUp.objects.update_or_create(
            workspace_id=workspace_id, meter=slug, defaults=wanted, create_defaults={**wanted, "created_at": at}
        )
        told = {"meter": slug, "below": top_up.below, "pack": pack.slug, "a_month": top_up.a_month}
        audit.record("top_up.set", by=actor_of(request), subject=top_up, at=at, workspace_id=workspace_id, after=told)
        return Response(TopUpView(top_up).data)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, slug: str) -> Response:
        """Buy none by itself any more."""
        top_up = get_object_or_404(self.get_queryset(), meter=slug)
        workspace_id = caller_of(request).workspace_id
        audit.record("top_up.ended", by=actor_of(request), subject=top_up, at=now(), workspace_id=workspace_id)
        top_up.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)
