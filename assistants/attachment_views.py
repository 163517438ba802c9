from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from django.utils.timezone import now
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller_of
from accounts.callers import Caller
from accounts.models import Scope
from assistants import attachments
from assistants.errors import InvalidRequest
from assistants.models import Attachment, Project
from assistants.serializers import AttachmentView, NewAttachment


def attachments_of(caller: Caller) -> QuerySet[Attachment]:
    """The workspace's, but for what is attached in a conversation that is deleted, or in a project they do not see."""
    plain = Q(message__conversation__deleted_at=None, message__conversation__project=None)
    coached = Q(message__conversation__project__in=Project.objects.seen_by(caller.user_id, caller.workspace_id))
    return Attachment.objects.filter(Q(message=None) | plain | coached, workspace_id=caller.workspace_id)


def attachment_of(request: Request, attachment_id: UUID) -> Attachment:
    return get_object_or_404(attachments_of(caller_of(request)), pk=attachment_id)


class AttachmentListView(generics.ListAPIView[Attachment]):
    needs = {"GET": Scope.READ, "POST": Scope.CHAT}
    queryset = Attachment.objects.none()  # for the schema; `get_queryset` needs a caller
    serializer_class = AttachmentView
    parser_classes = [MultiPartParser]

    @property
    def rate(self) -> str:
        """Looking into a file takes its time."""
        return "costly" if self.request.method == "POST" else "any"

    def get_queryset(self) -> QuerySet[Attachment]:
        found = attachments_of(caller_of(self.request))
        used = self.request.query_params.get("used")
        return found.filter(message__isnull=used != "true") if used else found

    @extend_schema(
        parameters=[OpenApiParameter("used", bool, description="Those that a message has taken, or the others.")],
        tags=["assistants"],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The files of your workspace's conversations, and those that wait for a message, newest first."""
        return self.list(request, *args, **kwargs)

    @extend_schema(request={"multipart/form-data": NewAttachment}, responses={201: AttachmentView}, tags=["assistants"])
    def post(self, request: Request) -> Response:
        """Upload an image, a PDF file or a text, to be named in a message's `attachments`.

        PNG, JPEG, GIF and WebP, PDF without a password, text in UTF-8: the content decides, not the name. Whatever no
        message takes within a day is deleted.
        """
        files = request.FILES.getlist("file")
        if len(files) != 1 or len(request.FILES) > 1:
            raise InvalidRequest("file: one file, as multipart/form-data.", "file")
        made = attachments.take_in(files[0].name or "", files[0].read(), caller_of(request), at=now())
        return Response(AttachmentView(made).data, status=status.HTTP_201_CREATED)


class AttachmentDetailView(APIView):
    needs = {"GET": Scope.READ, "DELETE": Scope.CHAT}

    @extend_schema(responses=AttachmentView, tags=["assistants"])
    def get(self, request: Request, attachment_id: UUID) -> Response:
        """What a file is, without its content."""
        return Response(AttachmentView(attachment_of(request, attachment_id)).data)

    @extend_schema(responses={204: None}, tags=["assistants"])
    def delete(self, request: Request, attachment_id: UUID) -> Response:
        """Delete a file, also out of the message that has it."""
        with transaction.atomic():
            attachments.let_go([attachment_of(request, attachment_id)])
        return Response(status=status.HTTP_204_NO_CONTENT)


class AttachmentContentView(APIView):
    needs = {"GET": Scope.READ}

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY}, tags=["assistants"])
    def get(self, request: Request, attachment_id: UUID) -> HttpResponse:
        """The file itself, to be saved: no browser shows it under our name."""
        found = attachment_of(request, attachment_id)
        headers = {
            "Content-Disposition": str(content_disposition_header(as_attachment=True, filename=found.name)),
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        }
        return HttpResponse(attachments.read(found), content_type=found.media_type, headers=headers)
