"""From exceptions to answers: which status, in which shape. One page for the whole product.

Three shapes: Anthropic's under /v1/messages, OpenAI's elsewhere under /v1/, problem+json (RFC 9457) everywhere else.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils.timezone import now
from django.views import defaults
from psycopg import OperationalError as DatabaseAway
from rest_framework import exceptions as drf
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response

from accounts.bodies import MalformedBody
from accounts.errors import (
    AlreadyMember,
    AnswerNotKept,
    AuthenticatorExists,
    EmailNotVerified,
    EmailRequired,
    EmailTaken,
    IdempotencyKeyInUse,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    InsufficientScope,
    InvalidCredentials,
    KeyRefused,
    LastWayIn,
    NotAuthenticated,
    OwnerOnly,
    OwnerStays,
    OwnsATeam,
    PersonalWorkspace,
    ProviderAccountTaken,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
    ReauthenticationRequired,
    SecondFactorMissing,
    SecondFactorRequired,
    TooMany,
    TooManyAttempts,
    TooManyWorkspaces,
    UnknownMember,
    UnknownProvider,
    UnknownWorkspace,
    WrongPassword,
)
from accounts.moments import seconds_until
from analytics.errors import AddressRefused, TooManyWebhooks
from assistants.errors import (
    ActiveProjectExists,
    AttachmentTaken,
    ContentRefused,
    ConversationBusy,
    FileRefused,
    FilesWaiting,
    FileTooLarge,
    InvalidRequest,
    JobEnded,
    ModerationUnavailable,
    NoActiveProject,
    NoProfile,
    NothingToExport,
    NotYourProject,
    OperationFailed,
    TooLongToExport,
    TooManyAttachments,
    UnknownAttachment,
    UnknownCrew,
    UnknownMessage,
    UnknownModel,
    UnknownTask,
    UnknownTemplate,
    UnsupportedFile,
)
from assistants.providers.base import ProviderBroken, ProviderBusy, ProviderRejected, ProviderTimeout
from assistants.wire import anthropic, openai
from billing.errors import (
    AlreadySubscribed,
    CardInUse,
    GatewayRejected,
    GatewayUnavailable,
    InvalidSignature,
    NoCatalogue,
    NoSubscription,
    NothingToChange,
    PaymentOverdue,
    PaymentRefused,
    PaymentRequired,
    PreviewStale,
    UnknownPack,
    UnknownPlan,
    UnknownPrice,
    UnknownShape,
)
from quotas import headers
from quotas.errors import (
    ModelNotAllowed,
    ModelNotInPlan,
    NotThisPack,
    PromotionUnknown,
    PromotionUsed,
    QuotaExceeded,
    ResetNotAllowed,
    TooFast,
)
from quotas.limits import Limit

logger = logging.getLogger(__name__)

STATUSES: dict[type[Exception], int] = {
    MalformedBody: 400,
    SuspiciousOperation: 400,
    InvalidRequest: 400,
    ProviderRefused: 400,
    KeyRefused: 400,
    IdempotencyKeyInvalid: 400,
    UnknownPlan: 400,
    InvalidSignature: 400,
    NotAuthenticated: 401,
    InvalidCredentials: 401,
    SecondFactorRequired: 401,
    EmailRequired: 401,
    ReauthenticationRequired: 401,
    PaymentRequired: 402,
    PaymentOverdue: 402,
    PaymentRefused: 402,
    PermissionDenied: 403,
    WrongPassword: 403,
    InsufficientScope: 403,
    SecondFactorMissing: 403,
    OwnerOnly: 403,
    NotYourProject: 403,
    EmailNotVerified: 403,
    ModelNotInPlan: 403,
    ModelNotAllowed: 403,
    ResetNotAllowed: 403,
    NotThisPack: 422,
    PromotionUnknown: 404,
    PromotionUsed: 409,
    Http404: 404,
    UnknownModel: 404,
    UnknownCrew: 404,
    UnknownTemplate: 404,
    UnknownTask: 404,
    NoActiveProject: 404,
    NoProfile: 404,
    UnknownMessage: 404,
    UnknownAttachment: 404,
    UnknownProvider: 404,
    UnknownWorkspace: 404,
    UnknownMember: 404,
    NoSubscription: 404,
    UnknownPack: 404,
    EmailTaken: 409,
    ProviderAccountTaken: 409,
    LastWayIn: 409,
    AuthenticatorExists: 409,
    OwnerStays: 409,
    PersonalWorkspace: 409,
    TooManyWorkspaces: 409,
    AlreadyMember: 409,
    OwnsATeam: 409,
    AlreadySubscribed: 409,
    JobEnded: 409,
    NothingToExport: 409,
    NothingToChange: 409,
    PreviewStale: 409,
    CardInUse: 409,
    ConversationBusy: 409,
    ActiveProjectExists: 409,
    AttachmentTaken: 409,
    TooManyAttachments: 409,
    TooManyWebhooks: 409,
    IdempotencyKeyInUse: 409,
    AnswerNotKept: 409,
    AddressRefused: 422,
    RequestDataTooBig: 413,
    FileTooLarge: 413,
    UnsupportedFile: 415,
    FileRefused: 422,
    TooLongToExport: 422,
    IdempotencyKeyReused: 422,
    ContentRefused: 422,
    QuotaExceeded: 429,
    ProviderBroken: 502,
    OperationFailed: 502,
    ProviderUnavailable: 502,
    GatewayRejected: 502,
    UnknownPrice: 502,
    UnknownShape: 502,
    ProviderBusy: 503,
    ModerationUnavailable: 503,
    FilesWaiting: 503,
    GatewayUnavailable: 503,
    NoCatalogue: 503,
    OperationalError: 503,
    DatabaseAway: 503,
    ProviderTimeout: 504,
}

# Where Django's own exceptions, and the database's, have no code or no words for a client.
CODES = {
    400: "malformed_request",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    500: "server_error",
}
WORDS = {
    400: "The request is malformed, or has too many fields or files.",
    403: "You may not do that.",
    404: "There is nothing like that, or not for you.",
    405: "This address does not take that method.",
    413: "The body is too large.",
    500: "Something went wrong here. It is logged under this request id.",
    503: "The service is away for a moment. Try again.",
}
WRONG_ADDRESS = "There is nothing here. The API is at /api/v1/; the base URL ends in /v1 for OpenAI's SDK alone."
TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    402: "Payment required",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Unprocessable content",
    429: "Quota exceeded",
    500: "Server error",
    502: "Provider error",
    503: "Unavailable",
    504: "Provider timeout",
}
QUOTA_TYPE = "https://iana.org/assignments/http-problem-types#quota-exceeded"
ABNORMAL_TYPE = "https://iana.org/assignments/http-problem-types#abnormal-usage-detected"
SOON_SECONDS = 5


@dataclass(frozen=True)
class Problem:
    """What went wrong, before it takes a shape. `kind` is the provider's own word for it, `extra` what helps on."""

    status: int
    code: str
    message: str
    kind: str | None = None
    param: str | None = None
    limits: list[Limit] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


# ---- the doors ------------------------------------------------------------------------------------------------------


def speaks_json(request: HttpRequest) -> bool:
    return request.path_info.startswith(("/v1/", "/api/v1/")) or request.path_info == "/metrics"


def answer(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    """None for an exception nobody foresaw: Django logs it and calls `server_error`."""
    problem = describe(exception)
    return shaped(request, problem) if problem else None


def page(exception: Exception) -> HttpResponse | None:
    """For a person with a browser. None for what Django has pages for, or nobody foresaw."""
    if not isinstance(exception, TooMany | OperationalError | DatabaseAway):
        return None
    problem = describe(exception)
    if problem is None:
        return None
    return HttpResponse(problem.message, "text/plain; charset=utf-8", problem.status, headers=problem.headers)


def answer_for_drf(exception: Exception, context: dict[str, Any]) -> Response | None:
    problem = describe(exception)
    if problem is None:
        return None
    # In a browser it is a page like any other.
    renderer = getattr(context["request"], "accepted_renderer", None)
    kind = None if renderer and renderer.format == "api" else "application/problem+json"
    response = Response(native_body(context["request"], problem), problem.status, content_type=kind)
    for name, value in (problem.headers | native_headers(problem)).items():
        response[name] = value
    return response


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A page for a browser alone: a program that asks at a wrong address is told so in JSON."""
    if "text/html" in request.headers.get("accept", "") and not speaks_json(request):
        return defaults.page_not_found(request, exception)
    return shaped(request, Problem(404, CODES[404], WRONG_ADDRESS))


def server_error(request: HttpRequest) -> HttpResponse:
    return shaped(request, of_status(500)) if speaks_json(request) else defaults.server_error(request)


def method_not_allowed(request: HttpRequest, response: HttpResponseNotAllowed) -> HttpResponse:
    shape = shaped(request, of_status(405))
    shape["Allow"] = response["Allow"]
    return shape


# ---- what went wrong ------------------------------------------------------------------------------------------------


def describe(exception: Exception) -> Problem | None:
    match exception:
        case QuotaExceeded():
            return quota_problem(exception, now())
        case TooFast():
            return too_fast(exception)
        case TooMany():
            return too_many(exception)
        case ProviderRejected():
            return Problem(
                exception.status, exception.code, str(exception), kind=exception.kind, limits=[*exception.limits]
            )
        case drf.NotAuthenticated():
            return describe(NotAuthenticated())
        case APIException():
            return drf_problem(exception)
    status = next((STATUSES[kind] for kind in type(exception).__mro__ if kind in STATUSES), None)
    if status is None:
        return None
    return Problem(
        status,
        getattr(exception, "code", None) or CODES.get(status, "unavailable"),
        str(exception) if hasattr(exception, "code") else WORDS[status],
        kind=getattr(exception, "kind", None),
        param=getattr(exception, "param", None),
        limits=[*getattr(exception, "limits", [])],
        extra=getattr(exception, "extra", {}),
        headers=whether_to_retry(exception, status),
    )


def whether_to_retry(exception: Exception, status: int) -> dict[str, str]:
    """The SDKs try a 409 again by themselves."""
    if isinstance(exception, AnswerNotKept):
        return {"x-should-retry": "false"}
    if status == 503 or isinstance(exception, IdempotencyKeyInUse):
        return {"Retry-After": str(getattr(exception, "retry_after", SOON_SECONDS))}
    return {}


def of_status(status: int) -> Problem:
    return Problem(status, CODES[status], WORDS[status])


def quota_problem(refusal: QuotaExceeded, at: datetime) -> Problem:
    """Waiting a moment helps only where other work holds what is missing; else a client is told to stop trying."""
    tightest = refusal.tightest
    ends = refusal.resets_at
    seconds = SOON_SECONDS if refusal.passes else seconds_until(ends, at) if ends else None
    waiting = {} if seconds is None else {"Retry-After": str(seconds)}
    return Problem(
        429,
        refusal.code,
        str(refusal),
        limits=refusal.limits,
        extra={
            "violated-policies": [limit.policy for limit in refusal.violated],
            "limit": tightest.limit,
            "remaining": tightest.room,
            "resets_at": ends,
            "decision": f"/api/v1/quotas/decisions/{refusal.request_id}",
            **({"upgrade_url": "/api/v1/billing/plans/compare"} if refusal.upgrade_helps else {}),
        },
        headers={**waiting, "x-should-retry": "true" if refusal.passes else "false"},
    )


def too_fast(refusal: TooFast) -> Problem:
    return Problem(
        429,
        refusal.code,
        str(refusal),
        limits=[refusal.limit],
        extra={
            "title": "Too many requests",
            "violated-policies": [refusal.limit.policy],
            "limit": refusal.limit.limit,
            "remaining": 0,
            "resets_at": refusal.limit.resets_at,
            "retry_after": refusal.retry_after,
            "upgrade_url": "/api/v1/billing/plans/compare",
        },
        headers={"Retry-After": str(refusal.retry_after), "x-should-retry": "true"},
    )


def too_many(refusal: TooMany) -> Problem:
    kind = ABNORMAL_TYPE if isinstance(refusal, TooManyAttempts) else QUOTA_TYPE
    limits = rate_headers(refusal) if isinstance(refusal, RateLimited) else {}
    return Problem(
        429,
        refusal.code,
        str(refusal),
        extra={"type": kind, "title": "Too many requests", "retry_after": refusal.retry_after},
        headers={"Retry-After": str(refusal.retry_after), "x-should-retry": "true", **limits},
    )


def rate_headers(refusal: RateLimited) -> dict[str, str]:
    name = refusal.policy
    return {
        "RateLimit-Policy": f'"{name}";q={refusal.limit};w={refusal.window}',
        "RateLimit": f'"{name}";r=0;t={refusal.retry_after}',
    }


def drf_problem(exception: APIException) -> Problem:
    extra = {"errors": exception.detail} if isinstance(exception, ValidationError) else {}
    message = "Some fields are not valid." if extra else str(exception.detail)
    challenge = getattr(exception, "auth_header", None)
    return Problem(
        exception.status_code,
        "invalid_request" if extra else str(exception.default_code),
        message,
        extra=extra,
        headers={"WWW-Authenticate": challenge} if challenge else {},
    )


# ---- the shapes -----------------------------------------------------------------------------------------------------


def shaped(request: HttpRequest, problem: Problem) -> HttpResponse:
    request_id = request.headers["X-Request-ID"]
    path = request.path_info
    if path.startswith("/v1/"):
        problem = as_on_the_wire(problem)
    if path.startswith("/v1/messages") or (path.startswith("/v1/") and "anthropic-version" in request.headers):
        return anthropic_shape(problem, request_id)
    if path.startswith("/v1/"):
        return openai_shape(problem)
    return JsonResponse(
        native_body(request, problem),
        status=problem.status,
        content_type="application/problem+json",
        headers=problem.headers | native_headers(problem),
    )


def as_on_the_wire(problem: Problem) -> Problem:
    """Both originals refuse content with a 400."""
    return replace(problem, status=400) if problem.code == ContentRefused.code else problem


def native_body(request: HttpRequest, problem: Problem) -> dict[str, Any]:
    return {
        "type": QUOTA_TYPE if problem.status == 429 else "about:blank",
        "title": TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "detail": problem.message,
        "code": problem.code,
        "request_id": request.headers["X-Request-ID"],
        **problem.extra,
    }


def native_headers(problem: Problem) -> dict[str, str]:
    challenge = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else {}
    return headers.rate_limit(problem.limits, now()) | challenge


def wire_headers(problem: Problem) -> dict[str, str]:
    return problem.headers | headers.rate_limit(problem.limits, now())


def anthropic_shape(problem: Problem, request_id: str) -> HttpResponse:
    status = 529 if problem.kind == "overloaded_error" else problem.status
    kind = problem.kind or anthropic.KINDS.get(status, "invalid_request_error" if status < 500 else "api_error")
    said = {"request-id": request_id, **wire_headers(problem), **anthropic.rate_limit_headers(problem.limits)}
    return JsonResponse(anthropic.error_body(kind, problem.message, request_id), status=status, headers=said)


def openai_shape(problem: Problem) -> HttpResponse:
    kind, code = openai_words(problem)
    body = openai.error_body(problem.message, kind=kind, code=code, param=problem.param)
    said = {**wire_headers(problem), **openai.rate_limit_headers(problem.limits, now())}
    return JsonResponse(body, status=problem.status, headers=said)


def openai_words(problem: Problem) -> tuple[str, str | None]:
    """OpenAI's `type` and `code`."""
    if problem.status == 429:
        word = "rate_limit_exceeded" if problem.headers.get("x-should-retry") == "true" else "insufficient_quota"
        return word, word
    if problem.status == 401:
        return "invalid_request_error", "invalid_api_key"
    if problem.status in (403, 404) and problem.code.startswith("model_"):
        return "invalid_request_error", "model_not_found"
    if problem.code == ContentRefused.code:
        return "invalid_request_error", "content_policy_violation"
    if problem.status < 500:
        return "invalid_request_error", None if problem.status == 400 else problem.code
    return "server_error", problem.code
