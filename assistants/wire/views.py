"""The endpoints that OpenAI's and Anthropic's SDKs call."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from accounts import callers, rates
from accounts.bodies import read_object
from accounts.callers import Caller
from accounts.models import Scope
from assistants import catalogue, chain, orders, providers, turns
from assistants.catalogue import Offer
from assistants.errors import UnknownModel
from assistants.listening import Listener
from assistants.models import Turn
from assistants.orders import Order
from assistants.providers.base import ModelCall
from assistants.streaming import KEEP_ALIVE, EventStream
from assistants.turns import LiveTurn
from assistants.wire import anthropic, openai
from quotas.errors import ModelNotAllowed
from quotas.headers import rate_limit

Body = dict[str, Any]

PASSED_ON = "application/json"
LOOKING = (Scope.CHAT, Scope.READ)


@csrf_exempt
@require_POST
async def messages(request: HttpRequest) -> HttpResponse | EventStream:
    caller = await callers.aidentify(request.headers, needs=Scope.CHAT)
    body = read_object(request.body)
    anthropic.check(body)
    beta, refused = anthropic.allowed_betas(request.headers.get("anthropic-beta", ""))
    offer = await catalogue.find(body["model"])
    fallbacks = await chain.fallbacks_of(offer, caller)
    body, dropped = _split_sampling(body, offer, *fallbacks)
    call = ModelCall(body, beta)
    order = Order(caller, _request_id(request), Turn.Road.MESSAGES, offer, call, fallbacks=fallbacks)
    turn = await turns.start(order, providers.of(order.offer), at=now())
    dropped += refused
    if not order.streams:
        await turn.finished()
        return HttpResponse(turn.raw, content_type=PASSED_ON, headers=_messages_headers(turn, dropped))
    listener = turn.listener
    await listener.opened()
    return EventStream(_messages_frames(listener), listener, _messages_headers(turn, dropped))


def _messages_headers(turn: LiveTurn, dropped: list[str]) -> dict[str, str]:
    return {**_headers(turn, dropped), **anthropic.rate_limit_headers(turn.limits)}


async def _messages_frames(listener: Listener) -> AsyncIterator[bytes]:
    async for piece in listener.pieces():
        yield piece.data if piece else KEEP_ALIVE
    if failure := listener.failure:
        yield anthropic.error_event(failure.kind, str(failure), listener.turn.order.request_id)


@csrf_exempt
@require_POST
async def count_tokens(request: HttpRequest) -> JsonResponse:
    """Free of charge, as the original is."""
    caller = await callers.aidentify(request.headers, needs=Scope.CHAT)
    await rates.acheck(request, "count-tokens", account=caller.user_id)
    body = read_object(request.body)
    anthropic.check(body, counting=True)
    asked = (await catalogue.find(body["model"])).slug
    if not caller.may_use(asked):
        raise ModelNotAllowed(asked)
    offer = await _allowed_model(caller, asked)
    call = ModelCall(body, anthropic.allowed_betas(request.headers.get("anthropic-beta", ""))[0])
    provider = providers.of(offer)
    tokens = await provider.count_tokens(orders.countable(call, offer))
    return JsonResponse({"input_tokens": tokens} | ({"demo": True} if provider.demo else {}))


@csrf_exempt
@require_POST
async def chat_completions(request: HttpRequest) -> HttpResponse | EventStream:
    caller = await callers.aidentify(request.headers, needs=Scope.CHAT)
    body = read_object(request.body)
    translated, dropped = openai.to_anthropic(body)
    with_usage = openai.wants_usage(body)
    offer = await catalogue.find(translated["model"])
    fallbacks = await chain.fallbacks_of(offer, caller)
    translated, refused = _split_sampling(translated, offer, *fallbacks)
    dropped += refused
    call = ModelCall(translated)
    order = Order(caller, _request_id(request), Turn.Road.CHAT_COMPLETIONS, offer, call, fallbacks=fallbacks)
    turn = await turns.start(order, providers.of(order.offer), at=now())
    created = int(time.time())
    if not order.streams:
        message = await turn.finished()
        answer = openai.completion(
            message or {}, request_id=order.request_id, model=turn.order.offer.slug, created=created, usage=turn.usage
        )
        return JsonResponse(answer, headers=_chat_headers(turn, dropped))
    listener = turn.listener
    await listener.opened()
    chunks = openai.Chunks(
        request_id=order.request_id,
        model=turn.order.offer.slug,
        created=created,
        with_usage=with_usage,
        demo=turn.provider.demo,
    )
    return EventStream(_chat_frames(listener, chunks), listener, _chat_headers(turn, dropped))


def _chat_headers(turn: LiveTurn, dropped: list[str]) -> dict[str, str]:
    return {**_headers(turn, dropped), **openai.rate_limit_headers(turn.limits, now())}


async def _chat_frames(listener: Listener, chunks: openai.Chunks) -> AsyncIterator[bytes]:
    async for piece in listener.pieces():
        yield b"".join(map(chunks.of, piece.events)) if piece else KEEP_ALIVE
    if failure := listener.failure:
        yield openai.error_event(str(failure), kind="server_error", code=failure.code)
        return
    for frame in chunks.end(listener.turn.usage):
        yield frame


def _split_sampling(body: Body, *offers: Offer) -> tuple[Body, list[str]]:
    """Only what each of these models takes stays."""
    kept = [name for name in offers[0].sampling if all(name in offer.sampling for offer in offers)]
    return anthropic.split_sampling(body, kept=kept)


@require_GET
async def models(request: HttpRequest) -> JsonResponse:
    caller = await callers.aidentify(request.headers, needs=LOOKING)
    await rates.acheck(request, "any", account=caller.user_id)
    offers = await _allowed(caller)
    return JsonResponse(_format(request).models(offers))


@require_GET
async def model(request: HttpRequest, slug: str) -> JsonResponse:
    caller = await callers.aidentify(request.headers, needs=LOOKING)
    await rates.acheck(request, "any", account=caller.user_id)
    offer = await _allowed_model(caller, slug)
    return JsonResponse(_format(request).model(offer))


async def _allowed_model(caller: Caller, slug: str) -> Offer:
    """Raises `UnknownModel` for one the caller's plan or key does not include, too."""
    found = [offer for offer in await _allowed(caller) if offer.slug == slug]
    if not found:
        raise UnknownModel(slug)
    return found[0]


async def _allowed(caller: Caller) -> list[Offer]:
    """The models that both the caller's plan and key may use."""
    return list((await catalogue.allowed(caller)).values())


def _format(request: HttpRequest):  # type: ignore[no-untyped-def]  # one of two modules
    """Both SDKs ask at the same address; Anthropic's names its version."""
    return anthropic if "anthropic-version" in request.headers else openai


def _request_id(request: HttpRequest) -> str:
    return request.headers["X-Request-ID"]


def _headers(turn: LiveTurn, dropped: list[str]) -> dict[str, str]:
    """What every answer on the wire says of itself."""
    headers = {"request-id": turn.order.request_id, **rate_limit(turn.limits, now())}
    if turn.provider.demo:
        headers["X-Stipend-Demo"] = "true"
    if turn.fallback:
        headers["X-Stipend-Fallback"] = turn.fallback
    if dropped:
        headers["X-Stipend-Dropped"] = ", ".join(dropped)
    return headers
