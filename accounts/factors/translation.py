"""allauth's answers in our words: tokens for a finished log-in, a problem for what is missing."""

from __future__ import annotations

import json
from typing import Any

from allauth.headless.internal.restkit.response import APIResponse
from allauth.mfa.models import Authenticator
from django.contrib.auth import SESSION_KEY
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse
from rest_framework.exceptions import ValidationError

from accounts.errors import EmailRequired, InvalidCredentials, ReauthenticationRequired, SecondFactorRequired
from accounts.factors.pending import factors_of
from accounts.models import User
from accounts.serializers import SignedIn, StaffSignedIn

Json = dict[str, Any]

PROOFS = {
    "password": "/api/v1/auth/reauthenticate",
    "totp": "/api/v1/auth/reauthenticate/2fa",
    "recovery_codes": "/api/v1/auth/reauthenticate/2fa",
    "webauthn": "/api/v1/auth/reauthenticate/passkey",
}


def translated(request: Any, said: HttpResponse) -> HttpResponse:
    """Raises our own errors for allauth's."""
    if request.finished is not None:
        return signed_in(request.finished)
    if not isinstance(said, APIResponse):
        return said
    body: Json = json.loads(said.content)
    match said.status_code:
        case 200:
            return whole(body)
        case 400:
            raise ValidationError(errors_by_field(body["errors"]))
        case 401:
            raise what_is_missing(request, body)
        case _:
            raise PermissionDenied


def signed_in(finished: Json) -> HttpResponse:
    """The very answer of the log-in by password."""
    shape = SignedIn if "refresh" in finished else StaffSignedIn
    return never_kept(JsonResponse(shape(finished).data))


def whole(body: Json) -> HttpResponse:
    """The options of a ceremony, with the session that waits for its end; or nothing, where a proof was taken."""
    if "request_options" not in body.get("data", {}):
        return HttpResponse(status=204)
    answer = {"options": body["data"]["request_options"]}
    if token := body.get("meta", {}).get("session_token"):
        answer["session_token"] = token
    return never_kept(JsonResponse(answer))


def never_kept(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response


def errors_by_field(errors: list[Json]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for error in errors:
        found.setdefault(error.get("param", "non_field_errors"), []).append(error["message"])
    return found


def what_is_missing(request: Any, body: Json) -> Exception:
    flows = {flow["id"]: flow for flow in body["data"]["flows"]}
    if body["meta"]["is_authenticated"]:
        return reauthentication_required(User.objects.get(pk=request.flow[SESSION_KEY]))
    if flows.get("mfa_authenticate", {}).get("is_pending"):
        token = body["meta"].get("session_token") or request.headers["x-session-token"]
        return SecondFactorRequired(token, flows["mfa_authenticate"]["types"])
    if flows.get("provider_signup", {}).get("is_pending"):
        return EmailRequired(body["meta"].get("session_token") or request.headers["x-session-token"])
    return InvalidCredentials("No log-in waits for this. Begin with email and password.")


def reauthentication_required(user: User) -> ReauthenticationRequired:
    """By a second factor, for who has one; else by the password. Who has neither signs in anew."""
    ways = factors_of(user) or (["password"] if user.has_usable_password() else [])
    return ReauthenticationRequired(list(dict.fromkeys(PROOFS[way] for way in ways)))


def shown(factor: Authenticator) -> Json:
    """An authenticator without its secrets."""
    answer: Json = {"type": factor.type, "created_at": factor.created_at, "last_used_at": factor.last_used_at}
    if factor.type == Authenticator.Type.WEBAUTHN:
        return {"id": factor.pk, "name": factor.wrap().name, **answer}
    if factor.type == Authenticator.Type.RECOVERY_CODES:
        recovery = factor.wrap()
        answer |= {"total": len(recovery.generate_codes()), "unused": len(recovery.get_unused_codes())}
    return answer


def made(factor: Authenticator, recovery: Authenticator | None) -> Json:
    """A new one, with the recovery codes if any came of it. They are shown here alone."""
    return {**shown(factor), "recovery_codes": recovery.wrap().get_unused_codes() if recovery else None}
