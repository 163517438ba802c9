"""What a person may do with all we have of them: take it away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.files import File
from django.db import connections
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.utils.timezone import now
from django.views.decorators.http import require_GET
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import exports, rates
from accounts.audit import Actor
from accounts.authentication import actor_of
from accounts.callers import PERSON
from accounts.clients import address_of
from accounts.models import Export
from accounts.serializers import ExportView as Shown
from accounts.views import myself

PIECE = 256 * 1024


class ExportView(APIView):
    rate = "costly"
    needs = {"GET": PERSON, "POST": PERSON}

    @extend_schema(request=None, responses={202: Shown}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Have everything we keep about you put into one file, a ZIP of JSON.

        It takes a moment; a letter tells when it is ready, and it is kept for seven days. A former one is deleted. Five
        a day.
        """
        export = exports.ask(myself(request), by=actor_of(request), at=now())
        return Response(Shown(export).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses=Shown, tags=["auth"])
    def get(self, request: Request) -> Response:
        """The newest export: how far it is, and when it is ready a link to download it."""
        export = exports.latest(myself(request))
        if export is None:
            raise Http404
        return Response(Shown(export).data)


@require_GET
async def download(request: HttpRequest, export_id: UUID) -> StreamingHttpResponse:
    await rates.acheck(request, "costly")
    export, file = await sync_to_async(_opened)(request, export_id)
    name = f"stipend-{export.created_at:%Y-%m-%d}.zip"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(export.size),
        "Cache-Control": "no-store",
    }
    return StreamingHttpResponse(_pieces(file), content_type="application/zip", headers=headers)


def _opened(request: HttpRequest, export_id: UUID) -> tuple[Export, File[Any]]:
    by = Actor(None, None, address_of(request), request.headers["X-Request-ID"])
    try:
        return exports.opened(export_id, request.GET.get("key", ""), by=by, at=now())
    finally:
        connections.close_all()  # However slowly it is fetched, it holds no connection.


async def _pieces(file: File[Any]) -> AsyncIterator[bytes]:
    try:
        while piece := await sync_to_async(file.read, thread_sensitive=False)(PIECE):
            yield piece
    finally:
        file.close()
