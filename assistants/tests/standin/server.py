"""The server: Anthropic's endpoints, OpenAI's one, and the bill beside them."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from aiohttp import web
from aiohttp.typedefs import Handler

from assistants.tests.standin import chat
from assistants.tests.standin.answer import Event, Telling, Usage, dice, plan
from assistants.tests.standin.bill import Bill, Call
from assistants.tests.standin.checks import (
    MAX_INPUT,
    MAX_OUTPUT,
    MODELS,
    ApiError,
    check_count,
    check_headers,
    check_message,
    read,
)
from assistants.tests.standin.prompt import Body, input_tokens, last_user_blocks, text_of
from assistants.tests.standin.script import Break, Script, ScriptError

CHAT = "/v1/chat/completions"
OF_INTEREST = {"anthropic-version", "anthropic-beta", "idempotency-key", "traceparent", "user-agent", "x-request-id"}
MOST_BYTES = 32 * 1024 * 1024
OVERLOADED = Event("error", {"error": {"type": "overloaded_error", "message": "Overloaded"}})
GARBAGE = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"ty\n\n'


class Api:
    def __init__(self) -> None:
        self.bill = Bill()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=MOST_BYTES, middlewares=[in_our_shape])
        app.add_routes(
            [
                web.post("/v1/messages", self.create_message),
                web.post(CHAT, self.create_completion),
                web.post("/v1/messages/count_tokens", self.count_tokens),
                web.get("/v1/models", self.list_models),
                web.get("/v1/models/{model}", self.get_model),
                web.get("/bill", self.get_bill),
                web.delete("/bill", self.delete_bill),
            ]
        )
        return app

    async def create_message(self, request: web.Request) -> web.StreamResponse:
        call = self.bill.open(Call(request["id"], headers=_of_interest(request)))
        return await self._billed(self._answer(request, call), call)

    async def create_completion(self, request: web.Request) -> web.StreamResponse:
        call = self.bill.open(Call(request["id"], headers=_of_interest(request)))
        return await self._billed(self._complete(request, call), call)

    async def _billed(self, answer: Awaitable[web.StreamResponse], call: Call) -> web.StreamResponse:
        try:
            return await answer
        except ApiError as error:
            call.status = error.status
            self.bill.close(call, "refused")
            raise
        except (asyncio.CancelledError, ConnectionError):
            self.bill.close(call, "hung_up")
            raise
        finally:
            self.bill.close(call, "broken")  # a fault of our own, if nothing has closed it yet

    async def _answer(self, request: web.Request, call: Call) -> web.StreamResponse:
        version = check_headers(request.headers)
        body = read(await request.read())
        script, ordinal = self._note(call, body)
        check_message(body, version)
        breaks = self._failure(call, script, ordinal)
        telling = _telling(call, body, script)
        await self._hesitate(call, script, breaks)
        return await Reply(request, call, self.bill, telling, script, breaks).send()

    async def _complete(self, request: web.Request, call: Call) -> web.StreamResponse:
        chat.check_key(request.headers)
        body = read(await request.read())
        script, ordinal = self._note(call, body)
        chat.check(body)
        breaks = self._failure(call, script, ordinal)
        telling = _telling(call, chat.as_body(body), script)
        await self._hesitate(call, script, breaks)
        asked = not call.stream or (body.get("stream_options") or {}).get("include_usage")
        chunks = chat.Chunks(telling, request_id=call.request_id, with_usage=bool(asked) and not script.unreported)
        return await ChatReply(request, call, self.bill, telling, script, breaks, chunks).send()

    def _failure(self, call: Call, script: Script, ordinal: int) -> Break | None:
        if not script.fails(model=call.model, ordinal=ordinal):
            return None
        if script.status:
            raise ApiError(script.status, retry_after=script.retry_after)
        return script.broken_by()

    async def _hesitate(self, call: Call, script: Script, breaks: Break | None) -> None:
        if breaks == "hang":
            await self._silence(call)
        await asyncio.sleep(script.first / 1000)

    def _note(self, call: Call, body: Body) -> tuple[Script, int]:
        """Puts on the bill what is known before the request has been checked."""
        try:
            script = Script.read(text_of(last_user_blocks(body)))
        except ScriptError as exc:
            raise ApiError(400, f"stand-in: {exc}") from exc
        call.request = body
        call.model, call.stream = str(body.get("model")), body.get("stream") is True
        call.max_tokens = body.get("max_tokens")
        return script, self.bill.tag(call, script.tag)

    async def _silence(self, call: Call) -> None:
        """Until the client goes: then aiohttp cancels the handler."""
        self.bill.close(call, "broken")
        await asyncio.Event().wait()

    async def count_tokens(self, request: web.Request) -> web.Response:
        version = check_headers(request.headers)
        body = read(await request.read())
        check_count(body, version)
        return web.json_response({"input_tokens": input_tokens(body)})

    async def list_models(self, request: web.Request) -> web.Response:
        check_headers(request.headers)
        models = [_model(name) for name in MODELS]
        ends = {"first_id": models[0]["id"], "last_id": models[-1]["id"]}
        return web.json_response({"data": models, "has_more": False, **ends})

    async def get_model(self, request: web.Request) -> web.Response:
        check_headers(request.headers)
        name = request.match_info["model"]
        if name not in MODELS:
            raise ApiError(404, f"model: {name}")
        return web.json_response(_model(name))

    async def get_bill(self, request: web.Request) -> web.Response:
        """`?settled=N` waits until N calls are there and none of them is running; at most 10 seconds."""
        tag = request.query.get("tag")
        if "settled" in request.query:
            await self._settled(tag, at_least=int(request.query["settled"]))
        return web.json_response([asdict(call) for call in self.bill.of(tag)])

    async def _settled(self, tag: str | None, *, at_least: int) -> None:
        try:
            async with asyncio.timeout(10):
                await self.bill.settled(tag, at_least=at_least)
        except TimeoutError as exc:
            raise ApiError(504, f"stand-in: no {at_least} settled calls after 10 seconds") from exc

    async def delete_bill(self, request: web.Request) -> web.Response:
        self.bill.forget()
        return web.Response(status=204)


class Reply:
    """One answer on its way to the client, written on the bill as it goes."""

    overloaded = OVERLOADED.encode()
    garbage = GARBAGE

    def __init__(
        self, request: web.Request, call: Call, bill: Bill, telling: Telling, script: Script, breaks: Break | None
    ) -> None:
        self.request = request
        self.call = call
        self.bill = bill
        self.telling = telling
        self.script = script
        self.breaks = breaks

    async def send(self) -> web.StreamResponse:
        self.call.stop_reason = self.telling.answer.stop_reason
        if self.call.stream:
            return await self._stream()
        return await self._whole()

    async def _stream(self) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"cache-control": "no-cache"})
        answer.content_type = "text/event-stream"
        answer.charset = "utf-8"
        await self._begin(answer)
        for event in self.telling.events():
            if self.breaks and self._breaks_before(event):
                return await self._break_off(answer, self.breaks)
            if event.is_delta:
                await asyncio.sleep(self.script.gap / 1000)
            await self._write(answer, self._encode(event))
            self._enter(event)
        await answer.write_eof()
        return answer

    def _breaks_before(self, event: Event) -> bool:
        return event.name == "message_delta" or (event.is_delta and self.call.deltas >= self.script.after)

    def _enter(self, event: Event) -> None:
        self.call.output_tokens += event.tokens
        self.call.deltas += event.is_delta
        if event.name == "message_delta":
            self.call.reported = event.data["usage"]
        if event.name == "message_stop":
            self.bill.close(self.call, "finished")

    async def _break_off(self, answer: web.StreamResponse, how: Break) -> web.StreamResponse:
        self.bill.close(self.call, "broken")
        if how == "error":
            await self._write(answer, self.overloaded)
        elif how == "garbage":
            await self._write(answer, self.garbage)
        elif how == "reset":
            _reset(self.request)
        if how in ("reset", "silence"):
            await asyncio.Event().wait()  # aiohttp cancels the handler when the connection is gone
        await answer.write_eof()
        return answer

    async def _whole(self) -> web.StreamResponse:
        await asyncio.sleep(self.script.gap * self._events() / 1000)
        if self.breaks:
            return await self._break_whole(self.breaks)
        answer = web.json_response(self._message())
        await self._begin(answer)
        await answer.write_eof()
        self.call.output_tokens = self.telling.answer.tokens
        self.call.reported = self.telling.closing_usage()
        self.bill.close(self.call, "finished")
        return answer

    def _encode(self, event: Event) -> bytes:
        return event.encode()

    def _message(self) -> dict[str, Any]:
        return self.telling.message()

    def _events(self) -> int:
        return self.telling.answer.tokens // 3 if self.script.gap else 0

    async def _break_whole(self, how: Break) -> web.StreamResponse:
        """Without streaming: half a body, or (garbage) a whole one that is not JSON."""
        self.bill.close(self.call, "broken")
        if how == "error":
            raise ApiError(529)
        body = json.dumps(self._message()).encode()
        half = body[: len(body) // 2]
        answer = web.StreamResponse()
        answer.content_type = "application/json"
        answer.content_length = len(half) if how == "garbage" else len(body)
        await self._begin(answer)
        await self._write(answer, half)
        if how == "cut" and self.request.transport:
            self.request.transport.close()
        elif how == "reset":
            _reset(self.request)
        if how != "garbage":
            await asyncio.Event().wait()
        return answer

    async def _begin(self, answer: web.StreamResponse) -> None:
        self._check_open()
        answer.headers["request-id"] = self.call.request_id
        await answer.prepare(self.request)
        self.call.status = answer.status

    async def _write(self, answer: web.StreamResponse, data: bytes) -> None:
        self._check_open()
        await answer.write(data)

    def _check_open(self) -> None:
        transport = self.request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client hung up")


class ChatReply(Reply):
    """The same in OpenAI's words."""

    overloaded = chat.OVERLOADED
    garbage = chat.GARBAGE

    def __init__(
        self,
        request: web.Request,
        call: Call,
        bill: Bill,
        telling: Telling,
        script: Script,
        breaks: Break | None,
        chunks: chat.Chunks,
    ) -> None:
        super().__init__(request, call, bill, telling, script, breaks)
        self.chunks = chunks

    def _encode(self, event: Event) -> bytes:
        return self.chunks.encode(event)

    def _message(self) -> dict[str, Any]:
        return self.chunks.completion()


@web.middleware
async def in_our_shape(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Gives every answer its `request-id`, and every error the API's shape."""
    request["id"] = f"req_{uuid4().hex[:24]}"
    try:
        answer = await handler(request)
    except web.HTTPException as exc:
        answer = _error(ApiError(exc.status, f"{request.method} {request.path}: {exc.reason}"), request)
    except ApiError as error:
        answer = _error(error, request)
    if not answer.prepared:
        answer.headers["request-id"] = request["id"]
    return answer


def _error(error: ApiError, request: web.Request) -> web.Response:
    told = {"type": "error", "error": {"type": error.type, "message": error.message}, "request_id": request["id"]}
    answer = web.json_response(chat.error(error) if request.path == CHAT else told, status=error.status)
    if error.retry_after is not None and error.status in (429, 529):
        answer.headers["retry-after"] = str(error.retry_after)
    return answer


def _telling(call: Call, body: Body, script: Script) -> Telling:
    call.input_tokens = input_tokens(body)
    if call.input_tokens > MAX_INPUT:
        raise ApiError(400, f"prompt is too long: {call.input_tokens} tokens > {MAX_INPUT} maximum")
    call.cache_read_input_tokens = script.cache_read
    call.cache_write_5m_input_tokens = script.cache_write
    call.cache_write_1h_input_tokens = script.cache_write_1h
    answer = plan(body, script)
    usage = Usage(call.input_tokens, script.cache_read, script.cache_write, script.cache_write_1h)
    reported = body["max_tokens"] + script.over if script.over else answer.tokens
    return Telling(call.model, answer, usage, reported, dice(body, script))


def _model(name: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": name,
        "display_name": MODELS[name],
        "created_at": "2026-10-01T00:00:00Z",
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "line": name.split("-")[1],
        "max_input_tokens": MAX_INPUT,
        "max_tokens": MAX_OUTPUT,
    }


def _of_interest(request: web.Request) -> dict[str, str]:
    seen = {name.lower(): value for name, value in request.headers.items()}
    return {name: value for name, value in seen.items() if name in OF_INTEREST or name.startswith("x-stainless-")}


def _reset(request: web.Request) -> None:
    """Closes the connection so that the client sees a TCP reset, not an end."""
    transport = request.transport
    if transport is None:
        return
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
