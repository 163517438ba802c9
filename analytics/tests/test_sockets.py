"""The feed's socket: who may open it, what it tells, and that nobody who keeps a cursor misses anything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from socket import SO_RCVBUF, SOL_SOCKET
from socket import socket as Connection  # noqa: N812
from typing import Any

import pytest
from django.conf import settings
from django.utils.timezone import now
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from accounts.models import TokenFamily, User, Workspace
from accounts.tests.factories import Person
from accounts.tests.ways_in import in_console
from analytics import events
from analytics.events import Happened, Kind
from analytics.live import entry, tail, tickets
from analytics.live.entry import Pass
from analytics.live.tail import Frame, Watcher
from analytics.live.tickets import Holder
from analytics.models import Event, Ticket
from analytics.tests.sockets import is_refused, next_event, opened, ticket_of
from analytics.tests.test_receivers import HELLO
from analytics.tests.watching import staff
from config.tests.product import Product
from conftest import Run


@pytest.fixture(scope="module")
def dora(database: None) -> Person:
    """Staff."""
    return staff()


def tell(somebody: Person) -> int:
    return events.tell(Happened(Kind.USER_SIGNUP, somebody.workspace.pk, somebody.user.pk), at=now())


def cookie_of(somebody: Person) -> str:
    found = in_console(User.objects.get(pk=somebody.user.pk)).cookies[settings.SESSION_COOKIE_NAME]
    return f"{settings.SESSION_COOKIE_NAME}={found.value}"


# Who may


def test_nobody_comes_in_without_a_ticket_or_with_one_of_no_use(run: Run[Any], product: Product, dora: Person) -> None:
    expired = ticket_of(product, dora)
    Ticket.objects.update(expires_at=now())

    assert run(is_refused(product))
    assert run(is_refused(product, ticket="x" * 43))
    assert run(is_refused(product, ticket=expired))
    assert run(is_refused(product, query=f"?ticket={expired}"))


def test_a_ticket_is_good_once(run: Run[Any], product: Product, dora: Person) -> None:
    async def race(ticket: str) -> list[bool]:
        return await asyncio.gather(*(is_refused(product, ticket=ticket) for _ in range(10)))

    assert run(race(ticket_of(product, dora))).count(False) == 1


def test_a_ticket_may_stand_in_the_query(run: Run[Any], product: Product, dora: Person) -> None:
    assert not run(is_refused(product, query=f"?ticket={ticket_of(product, dora)}"))


def test_a_page_of_somebody_else_s_is_refused(run: Run[Any], product: Product, dora: Person) -> None:
    ours, evil = product.url, "https://evil.example"

    assert run(is_refused(product, origin=evil, ticket=ticket_of(product, dora)))
    assert run(is_refused(product, origin=evil, cookie=cookie_of(dora)))
    assert run(is_refused(product, origin="null", cookie=cookie_of(dora)))
    assert run(is_refused(product, cookie=cookie_of(dora)))
    assert not run(is_refused(product, origin=ours, ticket=ticket_of(product, dora)))


def test_a_host_that_is_not_ours_makes_no_page_ours() -> None:
    assert entry.is_ours("http://localhost:8000", "localhost:8000")
    assert not entry.is_ours("http://evil.example", "evil.example")
    assert not entry.is_ours("ftp://localhost:8000", "localhost:8000")


def test_what_is_no_handshake_is_refused(run: Run[Any], product: Product) -> None:
    assert run(is_refused(product, origin="http://["))
    assert run(is_refused(product, query="?" + "&".join(f"a{number}=1" for number in range(50))))
    assert run(is_refused(product, origin=product.url, cookie=f'{settings.SESSION_COOKIE_NAME}="abcdefgh\\000"'))


def test_the_console_s_session_opens_it_and_no_customer_s(
    run: Run[Any], product: Product, dora: Person, alice: Person
) -> None:
    assert not run(is_refused(product, origin=product.url, cookie=cookie_of(dora)))
    assert run(is_refused(product, origin=product.url, cookie=cookie_of(alice)))
    assert run(is_refused(product, origin=product.url, cookie=f"{settings.SESSION_COOKIE_NAME}=x"))


def test_no_ticket_is_given_to_a_customer(product: Product, alice: Person) -> None:
    for headers in (alice.headers, alice.session):
        assert product.http.post("/api/v1/analytics/activity/ticket", headers=headers).status_code == 403


def test_who_is_no_staff_any_more_watches_no_longer(run: Run[Any], product: Product) -> None:
    eve = staff()
    ticket_of(product, eve)
    family = TokenFamily.objects.get(user=eve.user)
    admitted = Pass(Holder(eve.user.pk, family.pk))
    assert run(admitted.is_good())

    TokenFamily.objects.filter(pk=family.pk).update(ended_at=now())

    assert not run(admitted.is_good())
    assert run(Pass(Holder(eve.user.pk, None)).is_good())
    User.objects.filter(pk=eve.user.pk).update(is_staff=False)
    assert not run(Pass(Holder(eve.user.pk, None)).is_good())


# What it tells


def test_it_begins_with_the_last_twenty_and_answers_pings(run: Run[Any], product: Product, dora: Person) -> None:
    async def begin(ticket: str) -> tuple[list[int], str]:
        async with opened(product, ticket=ticket) as socket:
            first = [json.loads(await socket.recv())["id"] for _ in range(20)]
            await socket.send("ping")
            return first, str(await next_text(socket))

    async def next_text(socket: Any) -> str:
        async for text in socket:
            if not text.startswith("{"):
                return str(text)
        raise AssertionError

    newest = [tell(dora) for _ in range(25)][-1]
    first, pong = run(begin(ticket_of(product, dora)))

    assert first == sorted(first)
    assert first[-1] >= newest
    assert pong == "pong"


def test_a_chat_is_seen_within_a_second(run: Run[Any], product: Product, dora: Person, alice: Person) -> None:
    async def watch(ticket: str) -> dict[str, Any]:
        async with opened(product, ticket=ticket) as socket:
            await socket.recv()
            answer = await asyncio.to_thread(product.http.post, "/v1/messages", json=HELLO, headers=alice.headers)
            assert answer.status_code == 200
            async with asyncio.timeout(1):
                return await next_event(socket, lambda event: event.get("workspace_id") == str(alice.workspace.pk))

    tell(dora)
    event = run(watch(ticket_of(product, dora)))

    assert (event["type"], event["kind"], event["user"]) == ("event", "chat_completed", alice.user.email)


def test_hostile_words_are_plain_json(run: Run[Any], product: Product, dora: Person, alice: Person) -> None:
    hostile = "</script><script>alert(1)</script>\u2028\"'=cmd|' /C calc'!A0"
    Workspace.objects.filter(pk=alice.workspace.pk).update(name=hostile)

    async def watch(ticket: str) -> tuple[str, dict[str, Any]]:
        async with opened(product, ticket=ticket, query=f"?after={before}") as socket:
            text = str(await socket.recv())
            return text, json.loads(text)

    before = tell(dora)
    tell(alice)
    text, event = run(watch(ticket_of(product, dora)))

    assert event["workspace"] == hostile
    assert text.isascii()


def test_it_goes_on_after_a_cursor(run: Run[Any], product: Product, dora: Person) -> None:
    async def ask(ticket: str) -> list[int]:
        async with opened(product, ticket=ticket) as socket:
            await socket.send(json.dumps({"after": ids[0]}))
            seen: list[int] = []
            while seen[-249:] != ids[1:]:
                seen.append(json.loads(await socket.recv())["id"])
            return seen

    ids = [tell(dora) for _ in range(250)]

    assert run(ask(ticket_of(product, dora)))[-1] == ids[-1]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"after": "x"}', '{"after": -1}', '{"after": true}', "[" * 3000])
def test_what_it_does_not_understand_it_says_so(run: Run[Any], product: Product, dora: Person, text: str) -> None:
    async def ask(ticket: str) -> dict[str, Any]:
        async with opened(product, ticket=ticket) as socket:
            await socket.send(text)
            return await next_event(socket, lambda event: event["type"] == "error")

    assert run(ask(ticket_of(product, dora))) == {"type": "error", "code": "unknown_message"}


# Those who do not keep up


def test_a_full_queue_lets_its_watcher_go_and_no_other(run: Run[Any]) -> None:
    async def fill() -> tuple[list[str], int]:
        let_go: list[str] = []
        slow, quick = Watcher(lambda: let_go.append("slow")), Watcher(lambda: let_go.append("quick"))
        for number in range(tail.WAITING + 1):
            for watcher in (slow, quick):
                watcher.take(Frame("", number))
            quick.queue.get_nowait()
        return let_go, slow.queue.qsize()

    assert run(fill()) == (["slow"], tail.WAITING)


def test_a_console_that_does_not_read_is_dropped_and_comes_back(
    run: Run[Any], product: Product, dora: Person, alice: Person
) -> None:
    async def stall(ticket: str) -> tuple[int, int]:
        async with asyncio.timeout(60), opened(product, ticket=ticket, sock=narrow()) as socket:
            await socket.recv()
            socket.transport.pause_reading()
            await flood()
            socket.transport.resume_reading()
            seen = [json.loads(text)["id"] async for text in ending(socket)]
            return seen[-1], socket.close_code or 0

    def narrow() -> Connection:
        """With little room on our side: what the system would give it depends on its mood."""
        made = Connection()
        made.setsockopt(SOL_SOCKET, SO_RCVBUF, 65536)
        made.connect(("127.0.0.1", product.port))
        return made

    async def flood() -> None:
        """More than its queue, and all that stands between us and it, can hold."""
        many = [Happened(Kind.USER_SIGNUP, alice.workspace.pk, data={"x": "x" * 10_000})] * 100
        for _ in range(15):
            await events.atell(*many, at=now())

    async def come_back(ticket: str, last: int) -> list[int]:
        async with opened(product, ticket=ticket, query=f"?after={last}") as socket:
            return [json.loads(await socket.recv())["id"] for _ in missed]

    last, code = run(stall(ticket_of(product, dora)))
    missed = list(Event.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True))

    assert code == 4008
    assert run(come_back(ticket_of(product, dora), last)) == missed
    Event.objects.filter(workspace=alice.workspace).delete()


async def ending(socket: ClientConnection) -> AsyncIterator[str]:
    """All it still says, however it ends."""
    with suppress(ConnectionClosed):
        while True:
            yield str(await socket.recv())


def test_tickets_that_were_never_used_are_forgotten(dora: Person) -> None:
    tickets.give(dora.user.pk, None, at=now() - 2 * settings.EVENTS_KEPT)

    assert tickets.forget_old(now() - settings.EVENTS_KEPT) == 1
