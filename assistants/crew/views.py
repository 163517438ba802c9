"""Strategies, operations and deliverables: three kinds of jobs, seen and steered alike."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync, sync_to_async
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.views import APIView

from accounts import callers, rates
from accounts.authentication import caller_of
from accounts.bodies import read_object
from accounts.callers import Caller
from accounts.models import Scope
from accounts.views import parsed
from assistants.crew import charges, deliverables, documents, here, jobs, progress, roles, statistics
from assistants.crew.jobs import NewJob
from assistants.crew.preferences import Preference
from assistants.crew.serializers import (
    CrewView,
    JobsQuery,
    JobSummary,
    JobView,
    NewDeliverable,
    NewStrategy,
    StatisticsView,
    TypesView,
)
from assistants.errors import InvalidRequest, OperationFailed
from assistants.models import Job, Project
from assistants.streaming import EventStream
from quotas.report_serializers import DaysQuery
from quotas.report_views import asked, days_of

Kind = Job.Kind
WHERE = {Kind.STRATEGY: "strategies", Kind.OPERATION: "operations", Kind.DELIVERABLE: "deliverables"}
FILTERS = {"type": "crew", "state": "state", "session": "session", "search": "title__icontains"}
LONGEST_SESSION = 80
LONGEST_CONTEXT = 20_000
JSON, PDF, MARKDOWN = "application/json", "application/pdf", "text/markdown; charset=utf-8"


def jobs_of(caller: Caller, kind: str) -> QuerySet[Job]:
    """Those of a coaching project are for those alone who see it."""
    seen = Project.objects.seen_by(caller.user_id, caller.workspace_id)
    return Job.objects.of(caller.workspace_id).filter(Q(project=None) | Q(project__in=seen), kind=kind)


def accepted(job_id: UUID, caller: Caller, kind: Kind) -> Response:
    """202: it is in the queue, and where to look for it."""
    job = jobs_of(caller, kind).get(id=job_id)
    return Response(JobView(job).data, status=status.HTTP_202_ACCEPTED, headers={"Location": address_of(job)})


def address_of(job: Job) -> str:
    return f"/api/v1/assistants/{WHERE[Kind(job.kind)]}/{job.pk}"


class OfOneKind(APIView):
    kind = Kind.STRATEGY

    def job(self, request: Request, job_id: UUID) -> Job:
        return get_object_or_404(jobs_of(caller_of(request), self.kind).prefetch_related("steps"), id=job_id)


# ---- what all kinds have


class JobListView(generics.ListAPIView[Job]):
    needs: dict[str, Any] = {"GET": Scope.READ}
    kind = Kind.STRATEGY
    queryset = Job.objects.none()  # for the schema; `get_queryset` needs a caller
    serializer_class = JobSummary

    def get_queryset(self) -> QuerySet[Job]:
        query = asked(JobsQuery, self.request)
        found = jobs_of(caller_of(self.request), self.kind)
        return found.filter(**{FILTERS[name]: value for name, value in query.items() if value})

    @extend_schema(parameters=[JobsQuery], tags=["assistants"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Your workspace's, newest first."""
        return self.list(request, *args, **kwargs)


class JobDetailView(OfOneKind):
    needs = {"GET": Scope.READ, "DELETE": Scope.CHAT}

    @extend_schema(responses=JobView, tags=["assistants"])
    def get(self, request: Request, job_id: UUID) -> Response:
        """One, with what each step gave and took, and what was charged."""
        return Response(JobView(self.job(request, job_id)).data)

    @extend_schema(responses={204: None}, tags=["assistants"])
    def delete(self, request: Request, job_id: UUID) -> Response:
        """Delete it; one that runs is cancelled. What it used of your allowance stays used."""
        job = self.job(request, job_id)
        async_to_sync(jobs.delete)(job.pk, now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class JobCancelView(OfOneKind):
    needs = {"POST": Scope.CHAT}

    @extend_schema(request=None, responses={202: JobView}, tags=["assistants"])
    def post(self, request: Request, job_id: UUID) -> Response:
        """Cancel it, within seconds where it runs. Steps that have finished stay, and stay charged."""
        job = self.job(request, job_id)
        async_to_sync(jobs.cancel)(job.pk, now())
        return accepted(job.pk, caller_of(request), self.kind)


class JobExportView(OfOneKind):
    needs = {"GET": Scope.READ}

    @extend_schema(
        parameters=[OpenApiParameter("as", str, enum=["markdown", "pdf", "json"])],
        responses={(200, "text/markdown"): str, (200, PDF): bytes, (200, JSON): dict},
        tags=["assistants"],
    )
    def get(self, request: Request, job_id: UUID) -> Response | HttpResponse:
        """The result as Markdown, or with `?as=pdf` or `?as=json`; of one that ended early, what its last step gave."""
        job = self.job(request, job_id)
        match request.query_params.get("as", "markdown"):
            case "json":
                return Response(JobView(job).data)
            case "pdf":
                return _file(documents.as_pdf(job), PDF, f"{job.crew}.pdf")
            case "markdown":
                return _file(documents.as_markdown(job).encode(), MARKDOWN, f"{job.crew}.md")
        raise serializers.ValidationError({"as": ["One of markdown, pdf, json."]})


def _file(content: bytes, media_type: str, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=media_type, headers={"Content-Disposition": f'inline; filename="{name}"'})


@require_GET
async def events(request: HttpRequest, job_id: UUID, kind: Kind) -> EventStream:
    """How it comes along, from the event behind `Last-Event-ID` on."""
    caller = await callers.aidentify(request.headers, needs=Scope.READ)
    await rates.acheck(request, "any", account=caller.user_id)
    after = request.headers.get("Last-Event-ID", "0")
    if not after.isdecimal():
        raise InvalidRequest("Last-Event-ID: the id of an event of this stream.", "Last-Event-ID")
    await progress.check_seen(job_id, kind, caller)
    return EventStream(progress.follow(job_id, after=int(after[:9])), None, {})


# ---- strategies


class StrategyListView(JobListView):
    needs = {"GET": Scope.READ, "POST": Scope.CHAT}

    @extend_schema(request=NewStrategy, responses={202: JobView}, tags=["assistants"])
    def post(self, request: Request) -> Response:
        """Have a crew work out a strategy

        It is held for as a whole and charged step by step; `…/events` tells how it comes along.
        """
        caller, wanted = caller_of(request), parsed(NewStrategy, request)
        new = NewJob(Kind.STRATEGY, "strategy", wanted["brief"], model=wanted["model"])
        job_id = async_to_sync(_queue)(new, caller, request.headers["X-Request-ID"])
        return accepted(job_id, caller, Kind.STRATEGY)


class StrategyCrewView(APIView):
    needs = {"GET": Scope.READ}

    @extend_schema(responses=CrewView, tags=["assistants"])
    def get(self, request: Request) -> Response:
        """Who works on a strategy, what they want to know, and what they give."""
        return Response(CrewView(roles.find("strategy", Kind.STRATEGY)).data)


async def _queue(new: NewJob, caller: Caller, request_id: str) -> UUID:
    job_id = await jobs.begin(new, caller, request_id=request_id, at=now())
    await jobs.hand_to_worker()
    return job_id


# ---- deliverables


class DeliverableTypesView(APIView):
    needs = {"GET": Scope.READ}

    @extend_schema(responses=CrewView(many=True), tags=["coaching"])
    def get(self, request: Request) -> Response:
        """What can be made from a project."""
        return Response(CrewView(roles.of_kind(Kind.DELIVERABLE), many=True).data)


class ProjectDeliverableListView(JobListView):
    needs = {"GET": Scope.READ, "POST": Scope.CHAT}
    kind = Kind.DELIVERABLE

    def get_queryset(self) -> QuerySet[Job]:
        return super().get_queryset().filter(project=self._project())

    @extend_schema(request=NewDeliverable, responses={202: JobView}, tags=["coaching"])
    def post(self, request: Request, project_id: UUID) -> Response:
        """Have a document made from the project, by all that is known of it now

        It is had at `assistants/deliverables/{id}`, as Markdown and PDF at `…/export`.
        """
        caller, project, wanted = caller_of(request), self._project(), parsed(NewDeliverable, request)
        brief = deliverables.brief_of(project, wanted["wishes"])
        new = NewJob(Kind.DELIVERABLE, wanted["type"], brief, model=wanted["model"], project_id=project.pk)
        job_id = async_to_sync(_queue)(new, caller, request.headers["X-Request-ID"])
        return accepted(job_id, caller, Kind.DELIVERABLE)

    def _project(self) -> Project:
        caller = caller_of(self.request)
        seen = Project.objects.seen_by(caller.user_id, caller.workspace_id)
        return get_object_or_404(seen, id=self.kwargs["project_id"])


# ---- operations


class OperationTypesView(APIView):
    needs = {"GET": Scope.READ}

    @extend_schema(responses=TypesView, tags=["assistants"])
    def get(self, request: Request) -> Response:
        """The types there are, and what the next operation costs."""
        price = async_to_sync(charges.ahead)(caller_of(request), now())
        return Response(TypesView({"types": roles.of_kind(Kind.OPERATION), "price": price}).data)


class StatisticsListView(APIView):
    needs = {"GET": Scope.READ}
    kind = Kind.OPERATION

    @extend_schema(parameters=[DaysQuery], responses=StatisticsView, tags=["assistants"])
    def get(self, request: Request) -> Response:
        """How many, of which type, how they ended, what they cost and how long they took, day by day."""
        caller = caller_of(request)
        days = days_of(asked(DaysQuery, request), caller)
        return Response(StatisticsView(statistics.of(caller.workspace_id, self.kind, days)).data)


@csrf_exempt
@require_POST
async def execute(request: HttpRequest) -> HttpResponse:
    """Wait for the result, or with `Prefer: respond-async` only for a place in the queue."""
    caller = await callers.aidentify(request.headers, needs=Scope.CHAT)
    new, preference = _operation(read_object(request.body)), Preference.of(request.headers.get("Prefer", ""))
    job_id = await jobs.begin(new, caller, request_id=request.headers["X-Request-ID"], at=now())
    if preference.wait:
        await here.do(job_id, seconds=preference.wait, at=now())
    else:
        await jobs.hand_to_worker()
    return await sync_to_async(_executed)(job_id, caller, preference)


async def kept_job(request: HttpRequest, request_id: str) -> HttpResponse | None:
    """The operation of an earlier request whose process died; None where it never began."""
    caller = await callers.aidentify(request.headers, needs=Scope.CHAT)
    found = await jobs_of(caller, Kind.OPERATION).filter(request_id=request_id).afirst()
    if found is None:
        return None
    return await sync_to_async(_executed)(found.pk, caller, Preference.of(request.headers.get("Prefer", "")))


def _executed(job_id: UUID, caller: Caller, preference: Preference) -> HttpResponse:
    """Raises `OperationFailed`."""
    job = jobs_of(caller, Kind.OPERATION).get(id=job_id)
    if job.state == Job.State.FAILED:
        raise OperationFailed(job.error, address_of(job))
    view = JobView(job).data
    headers = {"Location": address_of(job)} | preference.applied()
    if view["demo"]:
        headers["X-Stipend-Demo"] = "true"
    status_code = 202 if job.state in Job.UNFINISHED else 201
    return JsonResponse(view, status=status_code, headers=headers, encoder=JSONEncoder)


def _operation(body: dict[str, Any]) -> NewJob:
    """Raises `InvalidRequest`."""
    kinds = {"type": str, "brief": dict, "model": str, "context": dict, "session": str}
    for name, value in body.items():
        if name in kinds and not isinstance(value, kinds[name]):
            raise InvalidRequest(f"{name}: {'an object' if kinds[name] is dict else 'a text'} is wanted.", name)
    for name in ("type", "brief"):
        if name not in body:
            raise InvalidRequest(f"{name}: this is wanted.", name)
    if len(json.dumps(body.get("context", {}))) > LONGEST_CONTEXT:
        raise InvalidRequest(f"context: at most {LONGEST_CONTEXT} characters of JSON.", "context")
    if len(body.get("session", "")) > LONGEST_SESSION:
        raise InvalidRequest(f"session: at most {LONGEST_SESSION} characters.", "session")
    return NewJob(
        Kind.OPERATION,
        body["type"],
        body["brief"],
        model=body.get("model", ""),
        context=body.get("context", {}),
        session=body.get("session", ""),
    )
