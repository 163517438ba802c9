from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import callers, rates
from accounts.authentication import caller_of
from accounts.bodies import read_object
from accounts.callers import Caller
from accounts.models import Scope
from accounts.views import parsed
from assistants import attachments, conversations, replies, running, stopping
from assistants.coaching import chat as talk
from assistants.coaching import context as contexts
from assistants.coaching import decisions, profiles, projects, tasks, templates
from assistants.coaching.serializers import (
    CreatorProfileChange,
    NewDecision,
    NewProject,
    ProfileView,
    ProgressView,
    ProjectChange,
    ProjectDecisionView,
    ProjectLine,
    ProjectView,
    TaskChange,
    TaskView,
    TemplateLine,
    TemplateView,
)
from assistants.conversations import NewMessage
from assistants.errors import UnknownMessage
from assistants.models import Conversation, Decision, Message, Project
from assistants.serializers import FeedbackChange, MessageView
from assistants.streaming import EventStream
from assistants.turns import LiveTurn
from assistants.views import (
    EVENT_STREAM,
    FeedbackView,
    again,
    checked_model,
    headers_of,
    max_tokens_of,
    offset_after,
    parent_of,
    reply_of,
    reply_of_row,
    said,
)

TAGS = ["coaching"]


class ProfileDetailView(APIView):
    needs = {"GET": Scope.READ, "PUT": Scope.CHAT}

    @extend_schema(responses=ProfileView, tags=TAGS)
    def get(self, request: Request) -> Response:
        """What you told about yourself as a creator."""
        return Response(ProfileView(profiles.existing(caller_of(request).user_id)).data)

    @extend_schema(request=CreatorProfileChange, responses={200: ProfileView, 201: ProfileView}, tags=TAGS)
    def put(self, request: Request) -> Response:
        """Tell it, in whole. Plans that were made before stay as they are."""
        told = parsed(CreatorProfileChange, request)
        profile, made = profiles.put(caller_of(request).user_id, at=now(), **told)
        return Response(ProfileView(profile).data, status=status.HTTP_201_CREATED if made else status.HTTP_200_OK)


class TemplateListView(APIView):
    needs = {"GET": (Scope.READ, Scope.CHAT)}

    @extend_schema(responses=TemplateLine(many=True), tags=TAGS)
    def get(self, request: Request) -> Response:
        """The templates that projects are made from."""
        return Response(TemplateLine(templates.every(), many=True).data)


class TemplateDetailView(APIView):
    needs = {"GET": (Scope.READ, Scope.CHAT)}

    @extend_schema(responses=TemplateView, tags=TAGS)
    def get(self, request: Request, slug: str) -> Response:
        """One template with all of its phases and tasks."""
        return Response(TemplateView(templates.named(slug)).data)


class ProjectListView(generics.ListAPIView[Project]):
    needs = {"GET": Scope.READ, "POST": Scope.CHAT}
    queryset = Project.objects.none()  # for the schema; `get_queryset` needs a caller
    serializer_class = ProjectLine
    filterset_fields = ["status", "template"]

    def get_queryset(self) -> QuerySet[Project]:
        caller = caller_of(self.request)
        return Project.objects.seen_by(caller.user_id, caller.workspace_id)

    @extend_schema(tags=TAGS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Your projects and those shared with you in this workspace, newest first, without their plans."""
        return self.list(request, *args, **kwargs)

    @extend_schema(request=NewProject, responses={201: ProjectView}, tags=TAGS)
    def post(self, request: Request) -> Response:
        """Make one from a template and your profile. It begins active, of which your plan allows so many."""
        asked = parsed(NewProject, request)
        model = checked_model(asked.pop("model", None), caller_of(request))
        project = projects.create(caller_of(request), model=model, at=now(), **asked)
        return Response(ProjectView(project).data, status=status.HTTP_201_CREATED)


class ActiveProjectView(APIView):
    needs = {"GET": Scope.READ}

    @extend_schema(responses=ProjectView, tags=TAGS)
    def get(self, request: Request) -> Response:
        """Your newest active project in this workspace."""
        return Response(ProjectView(projects.active(caller_of(request))).data)


class ProjectDetailView(APIView):
    needs = {"GET": Scope.READ, "PATCH": Scope.CHAT, "DELETE": Scope.CHAT}

    @extend_schema(responses=ProjectView, tags=TAGS)
    def get(self, request: Request, project_id: UUID) -> Response:
        """One project with its plan."""
        return Response(ProjectView(projects.seen(caller_of(request), project_id)).data)

    @extend_schema(request=ProjectChange, responses=ProjectView, tags=TAGS)
    def patch(self, request: Request, project_id: UUID) -> Response:
        """Rename it, pause it, end it or take it up again, share it, change tasks of its plan."""
        changes = parsed(ProjectChange, request)
        return Response(ProjectView(projects.change(caller_of(request), project_id, at=now(), **changes)).data)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, project_id: UUID) -> Response:
        """Delete it with its chat, tasks, decisions and documents. What it used of your allowance stays used."""
        projects.delete(caller_of(request), project_id, at=now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class ProjectMessageListView(generics.ListAPIView[Message]):
    needs = {"GET": Scope.READ}
    queryset = Message.objects.none()
    serializer_class = MessageView

    def get_queryset(self) -> QuerySet[Message]:
        project = projects.seen(caller_of(self.request), self.kwargs["project_id"])
        found = project.conversation.messages.with_all_that_is_told()
        if self.request.query_params.get("all") == "true":
            return found
        return found.leading_to(project.conversation.tip_id)

    @extend_schema(parameters=[OpenApiParameter("all", bool, description="Of all branches.")], tags=TAGS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What was said in a project, newest first, with what each reply took and cost."""
        return self.list(request, *args, **kwargs)


class ProjectFeedbackView(FeedbackView):
    def conversations_of(self, request: Request) -> QuerySet[Conversation]:
        project = projects.seen(caller_of(request), self.kwargs["project_id"])
        return Conversation.objects.filter(pk=project.conversation_id)

    @extend_schema(request=FeedbackChange, responses=MessageView, tags=TAGS)
    def put(self, request: Request, project_id: UUID, message_id: UUID) -> Response:
        """Thumbs `up` or `down` for a reply, or neither."""
        return self.judged(request, message_id)


class TaskListView(APIView):
    needs = {"GET": Scope.READ}

    @extend_schema(
        parameters=[OpenApiParameter("done", bool, description="Those that are done, or those that are not.")],
        responses=TaskView(many=True),
        tags=TAGS,
    )
    def get(self, request: Request, project_id: UUID) -> Response:
        """The tasks of a project in the order of its plan."""
        found = tasks.of(projects.seen(caller_of(request), project_id))
        if wanted := request.query_params.get("done"):
            found = [task for task in found if task.done is (wanted == "true")]
        return Response(TaskView(found, many=True).data)


class TaskDetailView(APIView):
    needs = {"PATCH": Scope.CHAT}

    @extend_schema(request=TaskChange, responses=TaskView, tags=TAGS)
    def patch(self, request: Request, project_id: UUID, task_key: str) -> Response:
        """Say that a task is done, or is not, and note something."""
        caller = caller_of(request)
        project = projects.seen(caller, project_id)
        changes = parsed(TaskChange, request)
        return Response(TaskView(tasks.change(project, task_key, by=caller.user_id, at=now(), **changes)).data)


class DecisionListView(generics.ListAPIView[Decision]):
    needs = {"GET": Scope.READ, "POST": Scope.CHAT}
    queryset = Decision.objects.none()
    serializer_class = ProjectDecisionView
    filterset_fields = ["category", "confidence"]

    def get_queryset(self) -> QuerySet[Decision]:
        project = projects.seen(caller_of(self.request), self.kwargs["project_id"])
        found = project.decisions.all()
        return found if self.request.query_params.get("all") == "true" else found.filter(superseded_at=None)

    @extend_schema(
        parameters=[OpenApiParameter("all", bool, description="Those that a later one took the place of, too.")],
        tags=TAGS,
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The decisions that stand, newest first: one of each category at most."""
        return self.list(request, *args, **kwargs)

    @extend_schema(request=NewDecision, responses={201: ProjectDecisionView}, tags=TAGS)
    def post(self, request: Request, project_id: UUID) -> Response:
        """Record a decision by hand, in the place of the category's former one."""
        caller = caller_of(request)
        project = projects.seen(caller, project_id)
        made = decisions.record(project, by=caller.user_id, at=now(), **parsed(NewDecision, request))
        return Response(ProjectDecisionView(made).data, status=status.HTTP_201_CREATED)


class DecisionDetailView(APIView):
    needs = {"DELETE": Scope.CHAT}

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, project_id: UUID, decision_id: UUID) -> Response:
        """Withdraw one that was recorded wrongly. If it stood, the one it took the place of stands again."""
        decisions.withdraw(projects.seen(caller_of(request), project_id), decision_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ProgressDetailView(APIView):
    needs = {"GET": Scope.READ}

    @extend_schema(responses=ProgressView, tags=TAGS)
    def get(self, request: Request, project_id: UUID) -> Response:
        """How far a project is, by phase and in all, what comes next, and what is left by the estimates."""
        project = projects.seen(caller_of(request), project_id)
        return Response(ProgressView(tasks.progress(project.plan, tasks.of(project))).data)


# ---- What waits on a model -------------------------------------------------------------------------------------------


@csrf_exempt
async def chat(request: HttpRequest, project_id: UUID) -> HttpResponse | EventStream:
    """Say something to the coach. As with conversations, and `actions` tells what was read from it."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    caller = await callers.aidentify(request.headers, needs=Scope.CHAT)
    new = _said(read_object(request.body))
    return await _replied(request, *await talk.say(new, **_asked(request, project_id, caller)))


@csrf_exempt
@require_POST
async def regenerate(request: HttpRequest, project_id: UUID, message_id: UUID) -> HttpResponse | EventStream:
    """As `assistants.views.regenerate`. What was decided in the question is not decided again."""
    caller = await callers.aidentify(request.headers, needs=Scope.CHAT)
    new = again(message_id, request.body, most=settings.COACHING_MAX_TOKENS)
    return await _replied(request, *await talk.say_again(new, **_asked(request, project_id, caller)))


def _asked(request: HttpRequest, project_id: UUID, caller: Caller) -> dict[str, Any]:
    return {"project_id": project_id, "caller": caller, "request_id": request.headers["X-Request-ID"], "at": now()}


async def _replied(request: HttpRequest, turn: LiveTurn, conversation_id: UUID) -> HttpResponse | EventStream:
    reply_id = conversations.reply_id(turn.order.request_id)
    listener = turn.listener
    await listener.opened()
    if EVENT_STREAM in request.headers.get("accept", ""):
        frames = talk.with_actions(replies.follow(listener, conversation_id), reply_id)
        return EventStream(frames, listener, headers_of(turn))
    async for _ in listener.pieces():
        pass
    await turn.finished()
    actions, _reply = await talk.actions(reply_id)
    body = reply_of(turn, conversation_id) | {"actions": actions}
    return JsonResponse(body, status=201, headers=headers_of(turn))


async def kept_reply(
    request: HttpRequest, request_id: str, *, project_id: UUID, **_: UUID
) -> HttpResponse | EventStream | None:
    """As `assistants.views.kept_reply`, of a project."""
    caller = await callers.aidentify(request.headers, needs=Scope.CHAT)
    message_id = conversations.reply_id(request_id)
    try:
        context = await contexts.seen(caller, project_id)
        conversation_id = UUID(context["conversation_id"])
        row = await conversations.reply_state(message_id, conversation_id, caller, project_id=project_id)
    except (Http404, UnknownMessage):
        return None
    if EVENT_STREAM in request.headers.get("accept", ""):
        frames = replies.replay(message_id, conversation_id, caller, offset=0, project_id=project_id)
        return EventStream(talk.with_actions(frames, message_id), None, {})
    actions, _reply = await talk.actions(message_id)
    return JsonResponse(reply_of_row(row, request_id) | {"actions": actions}, status=201)


@require_GET
async def resume(request: HttpRequest, project_id: UUID, message_id: UUID) -> EventStream:
    """Pick a reply's stream up again after `Last-Event-ID`."""
    caller = await callers.aidentify(request.headers, needs=Scope.READ)
    await rates.acheck(request, "any", account=caller.user_id)
    offset = offset_after(request.headers.get("Last-Event-ID", "0"))
    conversation_id = UUID((await contexts.seen(caller, project_id))["conversation_id"])
    await conversations.reply_state(message_id, conversation_id, caller, project_id=project_id)
    turn = running.answering(message_id)
    if turn:
        listener = turn.listen()
        frames = replies.follow(listener, conversation_id, offset=offset)
        return EventStream(talk.with_actions(frames, message_id), listener, {})
    frames = replies.replay(message_id, conversation_id, caller, offset=offset, project_id=project_id)
    return EventStream(talk.with_actions(frames, message_id), None, {})


@csrf_exempt
@require_POST
async def stop(request: HttpRequest, project_id: UUID, message_id: UUID) -> JsonResponse:
    """As `assistants.views.stop`. What was decided in the message that it answers stays decided."""
    caller = await callers.aidentify(request.headers, needs=Scope.CHAT)
    await rates.acheck(request, "any", account=caller.user_id)
    conversation_id = UUID((await contexts.seen(caller, project_id))["conversation_id"])
    row = await stopping.stop(message_id, conversation_id, caller, at=now(), project_id=project_id)
    is_running = row["state"] == Message.State.STREAMING
    actions, _reply = await talk.actions(message_id)
    reply = reply_of_row(row, row["request_id"] or "") | {"state": row["state"], "actions": actions}
    return JsonResponse(reply, status=202 if is_running else 200)


def _said(body: dict[str, Any]) -> NewMessage:
    files = attachments.parsed_ids(body.get("attachments", []))
    text = said(body, files, most=settings.COACHING_MESSAGE_CHARACTERS)
    max_tokens = max_tokens_of(body, most=settings.COACHING_MAX_TOKENS)
    return NewMessage(text, max_tokens, parent=parent_of(body), attachments=files)
