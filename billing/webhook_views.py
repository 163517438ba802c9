"""Stripe's door. A plain view: whoever asks is known by a signature, not by a credential of ours."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing import webhooks

LARGEST = 1024 * 1024


@csrf_exempt
@require_POST
def stripe(request: HttpRequest) -> JsonResponse:
    """What fails is no 2xx, so that Stripe comes again."""
    if not (settings.STRIPE_SECRET_KEY and settings.STRIPE_WEBHOOK_SECRET):
        raise Http404
    if len(request.body) > LARGEST:
        raise RequestDataTooBig
    event = webhooks.receive(request.body, request.headers.get("stripe-signature", ""))
    return JsonResponse({"id": event.id, "handled": webhooks.handle(event.id, at=now())})
