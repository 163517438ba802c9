from __future__ import annotations

from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import callers, rates
from accounts.authentication import caller_of
from accounts.bodies import read_object
from accounts.callers import Caller
from accounts.database import Row
from accounts.models import Scope
from accounts.views import parsed
from assistants import attachments, branches, conversations, providers, replies, running, stopping, transcripts
from assistants.conversations import Again, NewMessage, Root
from assistants.errors import InvalidRequest, UnknownMessage, UnknownModel
from assistants.models import Conversation, LanguageModel, Message
from assistants.serializers import (
    ConversationChange,
    ConversationView,
    FeedbackChange,
    MessageView,
    ModelView,
    NewConversation,
)
from assistants.streaming import EventStream
from assistants.turns import LiveTurn
from billing import subscriptions
from quotas import headers
from quotas.errors import ModelNotAllowed, ModelNotInPlan

EVENT_STREAM = "text/event-stream"
PDF = "application/pdf"
LONGEST_MESSAGE = 100_000


def allowed_models(caller: Caller) -> QuerySet[LanguageModel]:
    """The models on offer that both the workspace's plan and the caller's key may use, the default first."""
    offered = LanguageModel.objects.filter(
        is_offered=True, provider__in=providers.names(), prices__valid_from__lte=now()
    ).distinct()
    for allowed in (subscriptions.current_plan(caller.workspace_id).allowed_models, caller.allowed_models):
        if allowed:
            offered = offered.filter(slug__in=allowed)
    return offered


def checked_model(slug: str | None, caller: Caller) -> str:
    """The model asked for, or the default where none is. Raises `UnknownModel`, `ModelNotInPlan`, `ModelNotAllowed`."""
    allowed = list(allowed_models(caller).values_list("slug", flat=True))
    if slug in allowed:
        return slug
    if slug is None and allowed:
        return allowed[0]
    if slug and not LanguageModel.objects.filter(slug=slug, is_offered=True, provider__in=providers.names()).exists():
        raise UnknownModel(slug)
    if slug is None or not caller.may_use(slug):
        raise ModelNotAllowed(slug)
    raise ModelNotInPlan(slug, subscriptions.current_plan(caller.workspace_id).slug)


def conversation_of(request: Request, conversation_id: UUID) -> Conversation:
    return get_object_or_404(Conversation.objects.of(caller_of(request).workspace_id), id=conversation_id)


class ModelListView(generics.ListAPIView[LanguageModel]):
    needs = {"GET": (Scope.CHAT, Scope.READ)}
    queryset = LanguageModel.objects.none()  # for the schema; `get_queryset` needs a caller
    serializer_class = ModelView
    pagination_class = None

    def get_queryset(self) -> QuerySet[LanguageModel]:
        return allowed_models(caller_of(self.request))

    @extend_schema(tags=["assistants"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The models your plan, and your API key, may use, the default first."""
        return self.list(request, *args, **kwargs)


class ConversationListView(generics.ListAPIView[Conversation]):
    needs = {"GET": Scope.READ, "POST": Scope.CHAT}
    queryset = Conversation.objects.none()  # for the schema, likewise
    serializer_class = ConversationView

    def get_queryset(self) -> QuerySet[Conversation]:
        asked = self.request.query_params
        archived = asked.get("archived") == "true"
        found = Conversation.objects.of(caller_of(self.request).workspace_id).filter(archived_at__isnull=not archived)
        # PostgreSQL has no NUL, so nothing holds one.
        if words := asked.get("search", "").replace("\x00", ""):
            said = Message.objects.filter(conversation=OuterRef("pk"), text__icontains=words)
            found = found.filter(Q(title__icontains=words) | Exists(said))
        return found

    @extend_schema(
        parameters=[
            OpenApiParameter("search", str, description="In titles and messages."),
            OpenApiParameter("archived", bool, description="Archived ones instead of the others."),
        ],
        tags=["assistants"],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Your workspace's conversations, newest first."""
        return self.list(request, *args, **kwargs)

    @extend_schema(request=NewConversation, responses={201: ConversationView}, tags=["assistants"])
    def post(self, request: Request) -> Response:
        """Begin a conversation."""
        asked = parsed(NewConversation, request)
        model = checked_model(asked.pop("model", None), caller_of(request))
        conversation = conversations.create(caller_of(request), model=model, **asked)
        return Response(ConversationView(conversation).data, status=status.HTTP_201_CREATED)


class ConversationDetailView(APIView):
    needs = {"GET": Scope.READ, "PATCH": Scope.CHAT, "DELETE": Scope.CHAT}

    @extend_schema(responses=ConversationView, tags=["assistants"])
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """One conversation, without its messages."""
        return Response(ConversationView(conversation_of(request, conversation_id)).data)

    @extend_schema(request=ConversationChange, responses=ConversationView, tags=["assistants"])
    def patch(self, request: Request, conversation_id: UUID) -> Response:
        """Rename it, archive it (`archived`), change its model or system prompt, show another branch (`tip_id`)."""
        conversation = conversation_of(request, conversation_id)
        change = parsed(ConversationChange, request)
        if "model" in change:
            checked_model(change["model"], caller_of(request))
        if "archived" in change:
            change["archived_at"] = now() if change.pop("archived") else None
        if "tip_id" in change:
            change["tip_id"] = branches.newest_end(conversation, change["tip_id"])
        for name, value in change.items():
            setattr(conversation, name, value)
        conversation.save(update_fields=[*change, "updated_at"])
        return Response(ConversationView(conversation).data)

    @extend_schema(responses={204: None}, tags=["assistants"])
    def delete(self, request: Request, conversation_id: UUID) -> Response:
        """Delete it. What it used of your allowance stays used."""
        conversation = conversation_of(request, conversation_id)
        conversation.deleted_at = now()
        conversation.save(update_fields=["deleted_at"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class ConversationExportView(APIView):
    needs = {"GET": Scope.READ}

    @property
    def rate(self) -> str:
        """Setting a PDF takes its time."""
        return "costly" if self.request.query_params.get("as") == "pdf" else "any"

    @extend_schema(
        parameters=[OpenApiParameter("as", str, enum=["markdown", "pdf", "json"])],
        responses={(200, "text/markdown"): str, (200, PDF): bytes, (200, "application/json"): dict},
        tags=["assistants"],
    )
    def get(self, request: Request, conversation_id: UUID) -> Response | HttpResponse:
        """The whole conversation as Markdown, or with `?as=pdf` or `?as=json`, all its branches included."""
        conversation = conversation_of(request, conversation_id)
        match request.query_params.get("as", "markdown"):
            case "json":
                messages = MessageView(conversation.messages.with_all_that_is_told(), many=True).data
                return Response({**ConversationView(conversation).data, "messages": messages})
            case "pdf":
                return HttpResponse(transcripts.as_pdf(conversation), content_type=PDF)
            case "markdown":
                return HttpResponse(transcripts.as_markdown(conversation), content_type="text/markdown; charset=utf-8")
        raise serializers.ValidationError({"as": ["One of markdown, pdf, json."]})


class MessageListView(generics.ListAPIView[Message]):
    needs = {"GET": Scope.READ}
    serializer_class = MessageView

    def get_queryset(self) -> QuerySet[Message]:
        conversation = conversation_of(self.request, self.kwargs["conversation_id"])
        found = conversation.messages.with_all_that_is_told()
        if self.request.query_params.get("all") == "true":
            return found
        return found.leading_to(conversation.tip_id)

    @extend_schema(tags=["assistants"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The messages of the branch that is shown, newest first; of all branches with `?all=true`."""
        return self.list(request, *args, **kwargs)


class FeedbackView(APIView):
    needs = {"PUT": Scope.CHAT}

    def conversations_of(self, request: Request) -> QuerySet[Conversation]:
        found = Conversation.objects.of(caller_of(request).workspace_id)
        return found.filter(pk=self.kwargs["conversation_id"])

    @extend_schema(request=FeedbackChange, responses=MessageView, tags=["assistants"])
    def put(self, request: Request, conversation_id: UUID, message_id: UUID) -> Response:
        """Thumbs `up` or `down` for a reply, or neither."""
        return self.judged(request, message_id)

    def judged(self, request: Request, message_id: UUID) -> Response:
        replies_here = Message.objects.filter(
            role=Message.Role.ASSISTANT, conversation__in=self.conversations_of(request)
        )
        message = replies_here.with_all_that_is_told().filter(id=message_id).first()
        if message is None:
            raise UnknownMessage
        message.feedback = parsed(FeedbackChange, request)["feedback"]
        message.save(update_fields=["feedback"])
        return Response(MessageView(message).data)


# ---- What waits on a model is asynchronous, and holds no database connection while it waits -------------------------

_list_messages = sync_to_async(MessageListView.as_view())


@csrf_exempt
async def messages(request: HttpRequest, conversation_id: UUID) -> HttpResponse | EventStream:
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return await _list_messages(request, conversation_id=conversation_id)
    if request.method != "POST":
        return HttpResponseNotAllowed(["GET", "POST"])
    return await _post_message(request, conversation_id)


async def _post_message(request: HttpRequest, conversation_id: UUID) -> HttpResponse | EventStream:
    """Say something. The reply streams where the client accepts an event stream, and comes whole where not."""
    caller = await callers.aidentify(request.headers, needs=Scope.CHAT)
    return await _replied(request, conversation_id, caller, _new_message(read_object(request.body)))


@csrf_exempt
@require_POST
async def regenerate(request: HttpRequest, conversation_id: UUID, message_id: UUID) -> HttpResponse | EventStream:
    """Have the same question answered once more, beside the answers there are."""
    caller = await callers.aidentify(request.headers, needs=Scope.CHAT)
    return await _replied(request, conversation_id, caller, again(message_id, request.body))


async def _replied(
    request: HttpRequest, conversation_id: UUID, caller: Caller, new: NewMessage | Again
) -> HttpResponse | EventStream:
    turn = await conversations.reply_to(
        new, conversation_id=conversation_id, caller=caller, request_id=request.headers["X-Request-ID"], at=now()
    )
    listener = turn.listener
    await listener.opened()
    if EVENT_STREAM in request.headers.get("accept", ""):
        return EventStream(replies.follow(listener, conversation_id), listener, headers_of(turn))
    async for _ in listener.pieces():
        pass
    await turn.finished()
    return JsonResponse(reply_of(turn, conversation_id), status=201, headers=headers_of(turn))


@csrf_exempt
@require_POST
async def stop(request: HttpRequest, conversation_id: UUID, message_id: UUID) -> JsonResponse:
    """End a reply that is being written, and answer with it as it ends; 202 where another process has yet to end it."""
    caller = await callers.aidentify(request.headers, needs=Scope.CHAT)
    await rates.acheck(request, "any", account=caller.user_id)
    row = await stopping.stop(message_id, conversation_id, caller, at=now())
    is_running = row["state"] == Message.State.STREAMING
    reply = reply_of_row(row, row["request_id"] or "") | {"state": row["state"]}
    return JsonResponse(reply, status=202 if is_running else 200)


async def kept_reply(
    request: HttpRequest, request_id: str, *, conversation_id: UUID, **_: UUID
) -> HttpResponse | EventStream | None:
    """The reply to an earlier request whose process died, as the database has it; None where it never began."""
    caller = await callers.aidentify(request.headers, needs=Scope.CHAT)
    message_id = conversations.reply_id(request_id)
    try:
        row = await conversations.reply_state(message_id, conversation_id, caller)
    except UnknownMessage:
        return None
    if EVENT_STREAM in request.headers.get("accept", ""):
        return EventStream(replies.replay(message_id, conversation_id, caller, offset=0), None, {})
    return JsonResponse(reply_of_row(row, request_id), status=201)


@require_GET
async def resume(request: HttpRequest, conversation_id: UUID, message_id: UUID) -> EventStream:
    """Pick a reply's stream up again after `Last-Event-ID`."""
    caller = await callers.aidentify(request.headers, needs=Scope.READ)
    await rates.acheck(request, "any", account=caller.user_id)
    offset = offset_after(request.headers.get("Last-Event-ID", "0"))
    await conversations.reply_state(message_id, conversation_id, caller)
    if turn := running.answering(message_id):
        listener = turn.listen()
        return EventStream(replies.follow(listener, conversation_id, offset=offset), listener, {})
    return EventStream(replies.replay(message_id, conversation_id, caller, offset=offset), None, {})


def headers_of(turn: LiveTurn) -> dict[str, str]:
    demo = {"X-Stipend-Demo": "true"} if turn.provider.demo else {}
    fallback = {"X-Stipend-Fallback": turn.fallback} if turn.fallback else {}
    return headers.rate_limit(turn.limits, now()) | demo | fallback


def reply_of(turn: LiveTurn, conversation_id: UUID) -> dict[str, Any]:
    return {
        "id": str(turn.order.message_id),
        "conversation_id": str(conversation_id),
        "parent_id": replies.id_of(turn.order.question_id),
        "role": "assistant",
        "state": str(turn.message_state),
        "text": turn.text,
        "model": turn.order.offer.slug,
        "stop_reason": turn.reading.stop_reason,
        "usage": replies.usage_of(turn),
        "request_id": turn.order.request_id,
        "demo": turn.provider.demo,
    }


def reply_of_row(row: Row, request_id: str) -> dict[str, Any]:
    state = Message.State.INCOMPLETE if row["state"] == Message.State.STREAMING else row["state"]
    return {
        "id": str(row["id"]),
        "conversation_id": str(row["conversation_id"]),
        "parent_id": replies.id_of(row["parent_id"]),
        "role": "assistant",
        "state": str(state),
        "text": row["text"],
        "model": row["model"] or "",
        "stop_reason": row["stop_reason"] or "",
        "usage": replies.usage_of_row(row),
        "request_id": request_id,
        "demo": row["provider"] == "demo",
    }


def _new_message(body: dict[str, Any]) -> NewMessage:
    files = attachments.parsed_ids(body.get("attachments", []))
    text = said(body, files, most=LONGEST_MESSAGE)
    return NewMessage(text, max_tokens_of(body), parent=parent_of(body), attachments=files)


def said(body: dict[str, Any], files: tuple[UUID, ...], *, most: int) -> str:
    """What somebody says; empty where files say it all. Raises `InvalidRequest`."""
    text = body.get("text", "")
    if not isinstance(text, str) or not (text.strip() or files):
        raise InvalidRequest("text: say something, or attach a file.", "text")
    if len(text) > most:
        raise InvalidRequest(f"text: at most {most} characters.", "text")
    return text if text.strip() else ""


def again(message_id: UUID, raw: bytes, *, most: int | None = None) -> Again:
    body = read_object(raw) if raw else {}
    model = body.get("model")
    if not isinstance(model, str | None) or model == "":
        raise InvalidRequest("model: the slug of a model.", "model")
    return Again(message_id, max_tokens_of(body, most=most), model)


def max_tokens_of(body: dict[str, Any], *, most: int | None = None) -> int:
    """Left out, it is the most there may be, or what is usual. Raises `InvalidRequest`."""
    max_tokens = body.get("max_tokens", most or settings.CONVERSATION_MAX_TOKENS)
    if not isinstance(max_tokens, int) or isinstance(max_tokens, bool) or max_tokens < 1:
        raise InvalidRequest("max_tokens: a whole number of at least 1.", "max_tokens")
    if most and max_tokens > most:
        raise InvalidRequest(f"max_tokens: at most {most}.", "max_tokens")
    return max_tokens


def parent_of(body: dict[str, Any]) -> UUID | Root | None:
    """Null is a beginning anew; left out, it goes on where the conversation is."""
    if "parent_id" not in body:
        return None
    return Root.ROOT if body["parent_id"] is None else _id(body["parent_id"], "parent_id")


def _id(value: object, name: str) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as exc:
        raise InvalidRequest(f"{name}: not an id.", name) from exc


def offset_after(last_event_id: str) -> int:
    if not last_event_id.isdecimal():
        raise InvalidRequest("Last-Event-ID: the id of an event of this stream.", "Last-Event-ID")
    return int(last_event_id[:12])
