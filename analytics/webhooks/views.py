from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import actor_of, caller_of
from accounts.callers import STAFF
from accounts.models import Scope
from accounts.views import parsed
from analytics import webhooks
from analytics.models import Delivery, Webhook
from analytics.webhooks import outbox, registry
from analytics.webhooks.serializers import (
    CreatedWebhook,
    DeliveryView,
    NewOperatorsWebhook,
    NewWebhook,
    OperatorsWebhookChange,
    WebhookChange,
    WebhookView,
)


class Customers:
    """The webhooks of the workspace that asks."""

    @staticmethod
    def whose(request: Request) -> UUID | None:
        return caller_of(request).workspace_id

    def webhooks(self, request: Request) -> QuerySet[Webhook]:
        return registry.of(self.whose(request))


class Operators(Customers):
    """Those of the operator, for staff."""

    @staticmethod
    def whose(request: Request) -> UUID | None:
        return None


class WebhookListView(Customers, generics.ListAPIView[Webhook]):
    """The addresses that are told of your workspace's events, newest first."""

    needs: Mapping[str, str] = {"GET": Scope.ADMIN, "POST": Scope.ADMIN}
    queryset = Webhook.objects.none()  # for the schema
    serializer_class = WebhookView

    def get_queryset(self) -> QuerySet[Webhook]:
        return self.webhooks(self.request)

    @extend_schema(tags=["webhooks"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)

    @extend_schema(request=NewWebhook, responses={201: CreatedWebhook}, tags=["webhooks"])
    def post(self, request: Request) -> Response:
        """Have an address told of events, signed as Standard Webhooks has it. This answer alone shows the secret."""
        return self.create(parsed(NewWebhook, request))

    def create(self, asked: dict[str, Any]) -> Response:
        request = self.request
        made, secret = webhooks.create(self.whose(request), **asked, by=actor_of(request), at=now())
        return Response({**WebhookView(made).data, "secret": secret}, status=status.HTTP_201_CREATED)


class OperatorsWebhookListView(Operators, WebhookListView):
    """The operator's webhooks, which are told of everybody's events, for staff, newest first."""

    needs = {"GET": STAFF, "POST": STAFF}

    @extend_schema(tags=["analytics"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)

    @extend_schema(request=NewOperatorsWebhook, responses={201: CreatedWebhook}, tags=["analytics"])
    def post(self, request: Request) -> Response:
        """Have an address of yours told of everybody's events, for staff. This answer alone shows the secret."""
        return self.create(parsed(NewOperatorsWebhook, request))


class WebhookDetailView(Customers, APIView):
    needs: Mapping[str, str] = {"GET": Scope.ADMIN, "PATCH": Scope.ADMIN, "DELETE": Scope.ADMIN}

    @extend_schema(responses=WebhookView, tags=["webhooks"])
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """One of your webhooks."""
        return Response(WebhookView(self.found(webhook_id)).data)

    @extend_schema(request=WebhookChange, responses=WebhookView, tags=["webhooks"])
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        """Change where it leads, what it is told of, and whether it is."""
        return self.change(webhook_id, parsed(WebhookChange, request))

    @extend_schema(responses={204: None}, tags=["webhooks"])
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Tell it nothing any more, and forget what was."""
        return self.remove(webhook_id)

    def found(self, webhook_id: UUID) -> Webhook:
        return get_object_or_404(self.webhooks(self.request), pk=webhook_id)

    def change(self, webhook_id: UUID, asked: dict[str, Any]) -> Response:
        changed = webhooks.change(self.found(webhook_id), asked, by=actor_of(self.request), at=now())
        return Response(WebhookView(changed).data)

    def remove(self, webhook_id: UUID) -> Response:
        webhooks.delete(self.found(webhook_id), by=actor_of(self.request), at=now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class OperatorsWebhookDetailView(Operators, WebhookDetailView):
    needs = {"GET": STAFF, "PATCH": STAFF, "DELETE": STAFF}

    @extend_schema(responses=WebhookView, tags=["analytics"])
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """One of the operator's webhooks, for staff."""
        return Response(WebhookView(self.found(webhook_id)).data)

    @extend_schema(request=OperatorsWebhookChange, responses=WebhookView, tags=["analytics"])
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        """Change where it leads, what it is told of, and whether it is, for staff."""
        return self.change(webhook_id, parsed(OperatorsWebhookChange, request))

    @extend_schema(responses={204: None}, tags=["analytics"])
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Tell it nothing any more, and forget what was, for staff."""
        return self.remove(webhook_id)


class DeliveryListView(Customers, generics.ListAPIView[Delivery]):
    """What was sent to a webhook of yours, or will be, newest first."""

    needs: Mapping[str, str] = {"GET": Scope.ADMIN}
    queryset = Delivery.objects.none()  # for the schema
    serializer_class = DeliveryView

    def get_queryset(self) -> QuerySet[Delivery]:
        webhook = get_object_or_404(self.webhooks(self.request), pk=self.kwargs["webhook_id"])
        return webhook.deliveries.select_related("event")

    @extend_schema(tags=["webhooks"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)


class OperatorsDeliveryListView(Operators, DeliveryListView):
    """What was sent to a webhook of the operator's, or will be, for staff, newest first."""

    needs = {"GET": STAFF}

    @extend_schema(tags=["analytics"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)


class ResendView(Customers, APIView):
    needs: Mapping[str, str] = {"POST": Scope.ADMIN}

    @extend_schema(request=None, responses=DeliveryView, tags=["webhooks"])
    def post(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Send it again, under the same `webhook-id`, whether it arrived or not. One that is off waits."""
        return self.resend(webhook_id, delivery_id)

    def resend(self, webhook_id: UUID, delivery_id: UUID) -> Response:
        webhook = get_object_or_404(self.webhooks(self.request), pk=webhook_id)
        chosen = webhook.deliveries.select_related("event").filter(pk=delivery_id)
        get_object_or_404(chosen)
        outbox.send_again(chosen, by=actor_of(self.request), at=now())
        return Response(DeliveryView(chosen.get()).data)


class OperatorsResendView(Operators, ResendView):
    needs = {"POST": STAFF}

    @extend_schema(request=None, responses=DeliveryView, tags=["analytics"])
    def post(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Send it again, for staff."""
        return self.resend(webhook_id, delivery_id)
