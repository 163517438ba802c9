"""A write sent again with its Idempotency-Key is done once, whatever became of the first: on every route there is."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any

import httpx2
import pytest
from django.db import transaction
from django.test import RequestFactory
from django.utils.timezone import now

from accounts import idempotency
from accounts.idempotency import Asked, Former, Packing
from accounts.models import ApiKey, IdempotentRequest, User, Workspace
from accounts.tests.factories import PASSWORD, Person
from assistants.models import Conversation, Message
from assistants.streaming import EventStream
from assistants.tests.roads import CHAT, CONVERSATION, MESSAGES, ROADS, Journey, Road, journey
from assistants.tests.standin.bill import Call
from assistants.tests.standin.client import StandIn
from config.idempotency import Recording, answer_once, drain
from config.tests.product import Product, eventually
from config.tests.test_every_route import API, METHODS, any_ids
from config.writes import STRIPE_S, takes_keys
from conftest import Run
from quotas import metering
from quotas.models import Basis, Reservation
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import charged, hold

JSON = {"content-type": "application/json"}
CONVERSATIONS = "/api/v1/assistants/conversations"
WRITES = [method for method in METHODS if takes_keys(method, "/v1/")]
AT_ONCE = 20


@dataclass
class Writer:
    """Somebody who sends things with a key of theirs."""

    product: Product
    person: Person
    key: str = field(default_factory=lambda: str(uuid.uuid4()))

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        sent = {**self.person.headers, **JSON, "idempotency-key": self.key, **headers}
        content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        return self.product.http.request(method, path, content=content, headers=sent)

    def post(self, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        return self.send("POST", path, body, **headers)

    def go(self, trip: Journey) -> httpx2.Response:
        return self.post(trip.path, trip.body, **trip.headers)

    def asked(self, method: str, path: str, body: Any = None, *, request_id: str = "req_dead") -> Asked:
        """The same request as the product sees it, in the hands of a process that is not the product."""
        caller = self.person.caller
        scope = f"{caller.user_id} {caller.workspace_id} {caller.key_id}"
        return Asked(self.key, scope, caller.user_id, f"{method} {path} ", json.dumps(body or {}).encode(), request_id)


@pytest.fixture
def writer(product: Product, alice: Person) -> Writer:
    return Writer(product, alice)


def code(answer: httpx2.Response) -> str:
    body = answer.json()
    return str(body.get("code") or body["error"].get("code"))


def is_replay(answer: httpx2.Response) -> bool:
    return answer.headers.get("idempotent-replayed") == "true"


def let_it_be_abandoned() -> None:
    """Every row that runs, as if its process had been dead for a while."""
    IdempotentRequest.objects.filter(status=None).update(lease_until=now().replace(year=2020))


# Every write


@pytest.mark.parametrize("address", [address for address in API if takes_keys("POST", f"/{address}")])
def test_every_write_looks_at_its_key(run: Run[Any], writer: Writer, address: str) -> None:
    run(idempotency.claim(writer.asked("POST", "/elsewhere")))
    path = "/" + address
    for name, value in any_ids(address).items():
        path = path.replace(f"<{'int' if isinstance(value, int) else 'uuid'}:{name}>", str(value))

    for method in WRITES:
        assert writer.send(method, path).status_code == 422, method


def test_stripe_needs_none(writer: Writer) -> None:
    writer.key = ""

    assert writer.post(STRIPE_S).status_code == 404


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9", "a\tb"])
@pytest.mark.parametrize("path", [CONVERSATIONS, "/v1/messages", "/v1/chat/completions"])
def test_a_key_is_printable_and_not_long(writer: Writer, path: str, key: str) -> None:
    answer = writer.post(path, **{"idempotency-key": key.encode()})  # type: ignore[arg-type]

    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.text


def test_without_a_key_nothing_is_asked(run: Run[Any]) -> None:
    async def view(request: object) -> Any:
        return request

    request = RequestFactory().post("/api/v1/quotas/set-plan")

    steps = answer_once(view)(request).__await__()
    with pytest.raises(StopIteration) as ended:
        next(steps)  # At its end without waiting for anything.
    assert ended.value.value is request


# What only reads and writes rows


def test_twenty_at_once_make_one(writer: Writer) -> None:
    with ThreadPoolExecutor(AT_ONCE) as clients:
        answers = list(clients.map(lambda _: writer.post(CONVERSATIONS, {"title": "Plans"}), range(AT_ONCE)))

    assert Conversation.objects.filter(user=writer.person.user).count() == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = {answer.text for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    assert {code(answer) for answer in answers if answer.status_code == 409} <= {"idempotency_key_in_use"}
    assert len([answer for answer in answers if answer.status_code == 201 and not is_replay(answer)]) == 1
    again = writer.post(CONVERSATIONS, {"title": "Plans"})
    assert (again.status_code, {again.text}, is_replay(again)) == (201, made, True)
    assert again.headers["content-type"] == "application/json"


def test_another_body_or_route_is_refused(writer: Writer) -> None:
    writer.post(CONVERSATIONS, {"title": "Plans"})

    others = [
        writer.post(CONVERSATIONS, {"title": "Other plans"}),
        writer.post(f"{CONVERSATIONS}?title=plans", {"title": "Plans"}),
        writer.post("/api/v1/auth/api-keys", {"title": "Plans"}),
        writer.send("PUT", CONVERSATIONS, {"title": "Plans"}),
    ]

    assert [(answer.status_code, code(answer)) for answer in others] == [(422, "idempotency_key_reused")] * 4


def test_the_same_key_is_another_s_too(product: Product, writer: Writer, charlie: Person) -> None:
    mine = writer.post(CONVERSATIONS, {"title": "Plans"})
    theirs = Writer(product, charlie, writer.key).post(CONVERSATIONS, {"title": "Plans"})
    stranger = writer.post(CONVERSATIONS, {"title": "Plans"}, **{"x-api-key": "sk-stipend-nobody"})

    assert mine.json()["id"] != theirs.json()["id"]
    assert not is_replay(theirs)
    assert stranger.status_code == 401


def test_a_refusal_is_not_kept(writer: Writer) -> None:
    refused = writer.post(CONVERSATIONS, {"model": "no-such-model"})
    done = writer.post(CONVERSATIONS, {"title": "Plans"})

    assert (refused.status_code, done.status_code, is_replay(done)) == (404, 201, False)


def test_what_has_no_body_is_answered_alike_too(writer: Writer) -> None:
    made = Writer(writer.product, writer.person).post(CONVERSATIONS).json()["id"]

    first, again = (writer.send("DELETE", f"{CONVERSATIONS}/{made}") for _ in range(2))

    assert (first.status_code, again.status_code) == (204, 204)
    assert (is_replay(first), is_replay(again), again.content) == (False, True, b"")


def test_a_secret_is_shown_again_and_lies_nowhere(writer: Writer) -> None:
    first, again = (writer.post("/api/v1/auth/api-keys", {"name": "laptop"}) for _ in range(2))

    assert first.json() == again.json()
    assert ApiKey.objects.filter(user=writer.person.user, name="laptop").count() == 1
    row = IdempotentRequest.objects.get(user=writer.person.user)
    kept = f"{row.id} {row.fingerprint} {bytes(row.sealed or b'')!r}"
    assert first.json()["key"] not in kept
    assert writer.key not in kept


def test_who_signs_up_twice_is_one(writer: Writer) -> None:
    body = {"email": f"{uuid.uuid4().hex}@example.com", "password": PASSWORD}

    first, again = (writer.post("/api/v1/auth/register", body, **{"x-api-key": ""}) for _ in range(2))
    elsewhere = writer.post("/api/v1/auth/register", body, **{"x-api-key": "", "x-session-token": "another"})

    assert (first.status_code, is_replay(again), again.json()) == (201, True, first.json())
    assert not is_replay(elsewhere)
    assert User.objects.filter(email=body["email"]).count() == 2  # A second claim, not a second look.


def test_an_answer_too_large_is_not_given_again(run: Run[Any], writer: Writer) -> None:
    asked = writer.asked("POST", CONVERSATIONS)
    run(idempotency.claim(asked))
    run(idempotency.keep(asked, Packing(201, {}).add(os.urandom(2 * 1024 * 1024))))

    answer = writer.post(CONVERSATIONS)

    assert (answer.status_code, code(answer)) == (409, "answer_not_kept")
    assert answer.headers["x-should-retry"] == "false"


def test_old_answers_are_forgotten(run: Run[Any], writer: Writer) -> None:
    run(idempotency.claim(writer.asked("POST", CONVERSATIONS)))
    mine = IdempotentRequest.objects.filter(user=writer.person.user)
    mine.update(created_at=now().replace(year=2020))

    assert idempotency.forget_old(now()) >= 1
    assert not mine.exists()


# After its process died


def test_while_it_is_alive_nobody_takes_the_key(run: Run[Any], writer: Writer) -> None:
    run(idempotency.claim(writer.asked("POST", CONVERSATIONS)))

    answer = writer.post(CONVERSATIONS)

    assert (answer.status_code, code(answer)) == (409, "idempotency_key_in_use")
    assert answer.headers["retry-after"]


def test_what_may_have_been_posted_is_not_posted_again(run: Run[Any], writer: Writer) -> None:
    run(idempotency.claim(writer.asked("POST", CONVERSATIONS)))
    let_it_be_abandoned()

    answer = writer.post(CONVERSATIONS)

    assert (answer.status_code, code(answer)) == (409, "answer_not_kept")


def test_what_twice_is_the_same_as_once_is_done(run: Run[Any], writer: Writer) -> None:
    made = Writer(writer.product, writer.person).post(CONVERSATIONS).json()["id"]
    path = f"{CONVERSATIONS}/{made}"
    run(idempotency.claim(writer.asked("PATCH", path, {"title": "Plans"})))
    let_it_be_abandoned()

    first, again = (writer.send("PATCH", path, {"title": "Plans"}) for _ in range(2))

    assert (first.status_code, is_replay(first), is_replay(again)) == (200, False, True)
    assert first.json() == again.json()


@pytest.mark.parametrize("came", ["nothing", "a hold", "a hold given back", "a charge"])
def test_a_model_is_asked_anew_where_nothing_was_charged(
    run: Run[Any], writer: Writer, standin: StandIn, came: str
) -> None:
    trip = journey(writer.product, MESSAGES, writer.person, "tokens=5", stream=False)
    admission = run(hold(writer.person, 100))
    request_id = admission.request_id if came != "nothing" else "req_unheard_of"
    body = json.loads(trip.body)
    run(idempotency.claim(writer.asked("POST", "/v1/messages", body, request_id=request_id)))
    let_it_be_abandoned()
    if came in ("nothing", "a hold given back"):
        run(metering.release(admission.reservation_id))
    if came == "a charge":
        run(metering.settle(admission.reservation_id, {"tokens": 60}, basis=Basis.ESTIMATED))

    answer = writer.go(trip)

    anew = came in ("nothing", "a hold given back")
    assert answer.status_code == (200 if anew else 409), answer.text
    assert len(standin.bill(trip.tag)) == (1 if anew else 0)


# What asks a model


@dataclass
class Asking:
    """A call of a model on one of the roads, and the bill for it."""

    writer: Writer
    standin: StandIn
    trip: Journey

    def go(self) -> httpx2.Response:
        return self.writer.go(self.trip)

    def calls(self) -> list[Call]:
        return self.standin.settled(self.trip.tag)

    def charges(self) -> list[Reservation]:
        return list(Reservation.objects.filter(workspace=self.writer.person.workspace, state="settled"))


STREAMS = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
EACH_ROAD = pytest.mark.parametrize("road", ROADS, ids=str)


def asking(writer: Writer, standin: StandIn, road: Road, script: str, *, stream: bool) -> Asking:
    return Asking(writer, standin, journey(writer.product, road, writer.person, script, stream=stream))


@STREAMS
@EACH_ROAD
def test_twenty_at_once_ask_once(writer: Writer, standin: StandIn, road: Road, stream: bool) -> None:
    one = asking(writer, standin, road, "tokens=20 first=200", stream=stream)

    with ThreadPoolExecutor(AT_ONCE) as clients:
        answers = list(clients.map(lambda _: one.go(), range(AT_ONCE)))
    again = one.go()

    assert len(one.calls()) == 1
    [charge] = one.charges()
    [first] = [answer for answer in answers if answer.is_success and not is_replay(answer)]
    assert charge.request_id == first.headers["x-request-id"]
    others = [answer for answer in answers if answer is not first]
    assert {answer.content for answer in others if answer.is_success} <= {first.content}
    assert {answer.status_code for answer in others if not answer.is_success} == {409}
    assert (again.status_code, again.content, is_replay(again)) == (first.status_code, first.content, True)
    assert again.headers["content-type"] == first.headers["content-type"]
    assert road.end in again.content or not stream


@EACH_ROAD
def test_who_hangs_up_gets_the_whole_answer_later(writer: Writer, standin: StandIn, road: Road) -> None:
    one = asking(writer, standin, road, "tokens=60 gap=10", stream=True)
    keyed = Journey(
        one.trip.port, one.trip.path, {**one.trip.headers, "idempotency-key": writer.key}, one.trip.body, one.trip.tag
    )

    with keyed.sent() as line:
        line.events(3)
    eventually(lambda: one.go().status_code != 409)
    later = one.go()

    [call] = one.calls()
    assert (call.state, call.output_tokens) == ("finished", 60)
    assert is_replay(later)
    assert road.end in later.content
    assert len(one.charges()) == 1


def test_who_does_not_read_does_not_keep_it_from_being_kept(run: Run[Any], writer: Writer, settings: Any) -> None:
    settings.STALLED_LISTENER_SECONDS = 0.05
    asked = writer.asked("POST", "/v1/messages")

    async def frames() -> AsyncIterator[bytes]:
        for number in range(1000):
            yield b"%d\n" % number

    async def stall() -> tuple[bytes, Former | None]:
        await idempotency.claim(asked)
        response = EventStream(frames(), None, {})
        Recording(asked, response)
        content = aiter(response)
        heard = await anext(content)
        await drain(5)
        return b"".join([heard, *[part async for part in content]]), await idempotency.claim(asked)

    heard, former = run(stall())

    assert heard == b"0\n"
    assert former
    assert former.answer
    assert former.answer.body.endswith(b"\n999\n")


def test_who_hangs_up_while_rows_are_written_gets_the_answer_later(product: Product, alice: Person) -> None:
    """More often than the product has connections, so that it must have got them all back."""
    for _ in range(5):
        writer = Writer(product, alice)
        connection = HTTPConnection("127.0.0.1", product.port)
        with transaction.atomic():
            Workspace.objects.select_for_update().get(pk=alice.workspace.pk)
            connection.request("POST", CONVERSATIONS, b"{}", {**alice.headers, **JSON, "idempotency-key": writer.key})
            eventually(lambda: IdempotentRequest.objects.filter(user=alice.user, status=None).exists())
            connection.close()
            assert product.http.get("/health/live").is_success

        eventually(lambda mine=writer: is_replay(mine.post(CONVERSATIONS)))  # type: ignore[misc]

    assert Conversation.objects.filter(user=alice.user).count() == 5


@EACH_ROAD
def test_where_nothing_was_charged_it_is_asked_anew(writer: Writer, standin: StandIn, road: Road) -> None:
    one = asking(writer, standin, road, "tokens=5 status=400 times=1", stream=False)

    first, again = one.go(), one.go()

    assert first.status_code == 400
    assert (again.is_success, is_replay(again)) == (True, False)
    assert len(one.calls()) == 2
    assert len(one.charges()) == 1


@STREAMS
def test_what_broke_off_and_was_charged_is_not_asked_again(writer: Writer, standin: StandIn, stream: bool) -> None:
    one = asking(writer, standin, CONVERSATION, "tokens=20 break=error after=5", stream=stream)

    first, again = one.go(), one.go()

    assert first.status_code == (200 if stream else 502)
    assert (again.status_code, again.content, is_replay(again)) == (first.status_code, first.content, True)
    assert len(one.calls()) == len(one.charges()) == 1


def test_an_answer_asked_for_whole_is_not_streamed(writer: Writer, standin: StandIn) -> None:
    one = asking(writer, standin, CONVERSATION, "tokens=5", stream=True)
    one.go()

    assert writer.post(one.trip.path, one.trip.body, accept="application/json").status_code == 422


def test_the_key_is_refused_in_the_format_that_is_asked(writer: Writer, standin: StandIn) -> None:
    asking(writer, standin, MESSAGES, "tokens=5", stream=False).go()

    by_anthropic, by_openai = (
        asking(writer, standin, road, "tokens=5", stream=False).go() for road in (MESSAGES, CHAT)
    )

    assert by_anthropic.json()["error"]["type"] == "invalid_request_error"
    assert by_openai.json()["error"]["code"] == "idempotency_key_reused"
    assert charged(writer.person) > 0
    assert not Message.objects.filter(conversation__user=writer.person.user).exists()
