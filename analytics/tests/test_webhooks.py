"""Outgoing webhooks: signed, tried again, given up; and no way to any machine of ours."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils.timezone import now
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from accounts.audit import SYSTEM
from accounts.models import AuditEntry, Letter
from accounts.tests.factories import Person
from analytics import events, webhooks
from analytics.errors import AddressRefused
from analytics.events import Happened, Kind
from analytics.models import Delivery, Webhook
from analytics.tests.receiving import Receiver, receiving
from analytics.tests.watching import staff, staff_token
from analytics.webhooks import addresses, outbox, sending
from analytics.webhooks.sending import NotDelivered
from config.tests.product import Product
from conftest import Run

STRATEGY = [str(Kind.STRATEGY_GENERATED)]


@pytest.fixture
def receiver(database: None, settings: Any) -> Iterator[Receiver]:
    """A server on this machine, which is allowed here. Nothing else waits to be delivered."""
    settings.WEBHOOKS_TO_LOOPBACK = True
    settings.WEBHOOK_SECONDS = 1
    Delivery.objects.update(due_at=None)
    with receiving() as server:
        yield server
    Webhook.objects.update(is_active=False)


def webhook_to(url: str, workspace_id: UUID | None, kinds: list[str] = STRATEGY) -> tuple[Webhook, str]:
    return webhooks.create(workspace_id, url=url, kinds=kinds, by=SYSTEM, at=now())


def happen(somebody: Person, kind: str = STRATEGY[0], **data: Any) -> None:
    events.tell(Happened(kind, somebody.workspace.pk, somebody.user.pk, data), at=now())


# What arrives


def test_it_is_signed_as_the_standard_has_it(receiver: Receiver, alice: Person) -> None:
    webhook, secret = webhook_to(receiver.url, alice.workspace.pk)
    happen(alice, job="1", said="<script>\u2028é")

    assert outbox.deliver_due(now()) == 1

    [got] = receiver.received
    told = Verifier(secret).verify(got.body, got.headers)
    assert (told["type"], told["data"]["workspace"]) == (STRATEGY[0], str(alice.workspace.pk))
    assert told["data"]["said"] == "<script>\u2028é"
    delivery = webhook.deliveries.get()
    assert got.headers["webhook-id"] == str(delivery.pk)
    assert (delivery.status, delivery.tries, delivery.due_at) == (204, 1, None)
    with pytest.raises(WebhookVerificationError):
        Verifier(secret).verify(got.body + b" ", got.headers)


def test_each_is_told_what_is_theirs_and_what_they_asked_for(
    receiver: Receiver, alice: Person, charlie: Person
) -> None:
    hers, _ = webhook_to(receiver.url, alice.workspace.pk)
    his, _ = webhook_to(receiver.url, charlie.workspace.pk)
    ours, _ = webhook_to(receiver.url, None, [*STRATEGY, "user_signup"])

    happen(alice)
    happen(alice, "user_signup")

    assert [each.event.kind for each in hers.deliveries.all()] == STRATEGY
    assert his.deliveries.count() == 0
    assert {each.event.kind for each in ours.deliveries.all()} == {*STRATEGY, "user_signup"}


def test_its_secret_is_kept_sealed(receiver: Receiver, alice: Person) -> None:
    webhook, secret = webhook_to(receiver.url, alice.workspace.pk)

    assert secret.startswith("whsec_")
    assert secret.removeprefix("whsec_") not in str(Webhook.objects.filter(pk=webhook.pk).values())


# What does not


def test_it_is_tried_eight_times_with_the_same_id_and_then_given_up(receiver: Receiver, alice: Person) -> None:
    webhook, _ = webhook_to(receiver.url, alice.workspace.pk)
    receiver.status, at = 500, now()
    happen(alice)
    waits: list[float] = []

    while (delivery := webhook.deliveries.get()).due_at:
        at, before = max(delivery.due_at, at), at
        waits.append((at - before).total_seconds())
        assert outbox.deliver_due(at) == 1

    assert len(receiver.received) == 8
    assert waits[1:] == [5, 300, 1800, 7200, 18000, 36000, 36000]
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1
    assert (delivery.delivered_at, delivery.status, delivery.error) == (None, 500, "answered 500")


def test_what_arrives_at_last_forgets_that_it_failed(receiver: Receiver, alice: Person) -> None:
    webhook, _ = webhook_to(receiver.url, alice.workspace.pk)
    receiver.status = 503
    happen(alice)
    outbox.deliver_due(now())
    webhook.refresh_from_db()
    assert webhook.failing_since is not None

    receiver.status = 200
    outbox.deliver_due(now() + timedelta(minutes=1))

    webhook.refresh_from_db()
    assert webhook.failing_since is None
    assert webhook.deliveries.get().delivered_at is not None


def test_a_redirect_is_not_followed(receiver: Receiver, alice: Person) -> None:
    webhook, _ = webhook_to(receiver.url, alice.workspace.pk)
    receiver.status, receiver.location = 307, receiver.url + "/elsewhere"
    happen(alice)

    outbox.deliver_due(now())

    assert [got.path for got in receiver.received] == ["/hook"]
    assert webhook.deliveries.get().error == "answered 307"


def test_one_that_has_failed_for_days_is_switched_off_and_its_people_told(receiver: Receiver, alice: Person) -> None:
    webhook, _ = webhook_to(receiver.url, alice.workspace.pk)
    Webhook.objects.filter(pk=webhook.pk).update(failing_since=now() - timedelta(days=3))
    receiver.status = 500
    happen(alice)

    outbox.deliver_due(now())

    webhook.refresh_from_db()
    assert (webhook.is_active, webhook.deliveries.get().due_at) == (False, None)
    assert Letter.objects.filter(kind="webhook_off", user=alice.user).count() == 1
    happen(alice)
    assert webhook.deliveries.count() == 1


def test_one_that_is_gone_is_switched_off_at_once(receiver: Receiver, alice: Person) -> None:
    webhook, _ = webhook_to(receiver.url, alice.workspace.pk)
    receiver.status = 410
    happen(alice)

    outbox.deliver_due(now())

    assert not Webhook.objects.get(pk=webhook.pk).is_active


def test_what_failed_is_sent_again_when_somebody_asks(receiver: Receiver, alice: Person) -> None:
    webhook, _ = webhook_to(receiver.url, alice.workspace.pk)
    receiver.status = 500
    happen(alice)
    outbox.deliver_due(now())
    receiver.status = 200

    assert outbox.send_again(webhook.deliveries.all(), by=SYSTEM, at=now()) == 1
    assert outbox.deliver_due(now()) == 1

    assert webhook.deliveries.get().delivered_at is not None


def test_a_slow_address_holds_up_nobody_else(receiver: Receiver, alice: Person, run: Run[Any]) -> None:
    """It takes the connection, and says one letter at a time for ever."""

    async def beside_a_drip() -> tuple[list[str], float]:
        async with dripping() as url:
            begun = asyncio.get_running_loop().time()
            results = await asyncio.gather(
                *(sending.post(url, b"{}", {}) for _ in range(5)),
                *(sending.post(receiver.url, b"{}", {}) for _ in range(5)),
                return_exceptions=True,
            )
            return [str(each) for each in results], asyncio.get_running_loop().time() - begun

    told, seconds = run(beside_a_drip())

    assert told == ["no answer within 1 s"] * 5 + ["204"] * 5
    assert seconds < 2


def test_a_name_whose_servers_are_silent_holds_up_nobody_else(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    over, looked_up = threading.Event(), socket.getaddrinfo

    def look_up(host: str, *args: Any, **how: Any) -> Any:
        return over.wait(20) if host == "silent.example" else looked_up(host, *args, **how)

    async def beside_silence() -> list[Any]:
        silent = (sending.post("https://silent.example/", b"{}", {}) for _ in range(40))
        return await asyncio.gather(*silent, sending.post(receiver.url, b"{}", {}), return_exceptions=True)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    begun = time.monotonic()
    *silent, heard = asyncio.run(beside_silence())
    over.set()

    assert {str(each) for each in silent} == {"no answer within 1 s"}
    assert heard == 204
    assert time.monotonic() - begun < 10


def test_what_is_deleted_meanwhile_leaves_the_others_their_outcome(
    receiver: Receiver, alice: Person, charlie: Person
) -> None:
    gone, stays = (webhook_to(receiver.url, who.workspace.pk)[0] for who in (alice, charlie))
    happen(alice)
    happen(charlie)
    receiver.meanwhile = Webhook.objects.filter(pk=gone.pk).delete

    assert outbox.deliver_due(now()) == 2

    assert stays.deliveries.get().delivered_at is not None


@asynccontextmanager
async def dripping() -> AsyncIterator[str]:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for letter in b"HTTP/1.1 200 OK\r\n" + b"x" * 1000:
            writer.write(bytes([letter]))
            await asyncio.sleep(0.05)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 999 \r\n\r\n", b"x" * 100_000])
def test_what_is_no_answer_is_a_failure(receiver: Receiver, run: Run[Any], said: bytes) -> None:
    async def ask() -> str:
        async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(said)
            writer.close()

        server = await asyncio.start_server(say, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(NotDelivered) as failed:
            await sending.post(url, b"{}", {})
        server.close()
        return str(failed.value)

    assert run(ask()).startswith("no connection, or no answer")


def test_a_certificate_that_nobody_signed_is_not_trusted(receiver: Receiver, run: Run[Any], tmp_path: Path) -> None:
    async def ask() -> str:
        async def nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self_signed(tmp_path))
        server = await asyncio.start_server(nothing, "127.0.0.1", 0, ssl=context)
        with pytest.raises(NotDelivered) as failed:
            await sending.post(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"{}", {})
        server.close()
        return str(failed.value)

    assert run(ask()) == "its certificate is not trusted, or TLS failed"


def self_signed(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    dated = made.not_valid_before(datetime(2020, 1, 1)).not_valid_after(datetime(2040, 1, 1))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "own.pem"
    path.write_bytes(secret + dated.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


# Where it may lead


@pytest.mark.parametrize(
    "address",
    """
    127.0.0.1 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.100.100.200 0.0.0.0 224.0.0.1 255.255.255.255
    ::1 :: fe80::1 fc00::1 fec0::1 ff02::1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 64:ff9b::a00:1 2002:a00:1:: 2002:7f00:1::
    """.split(),
)
def test_no_private_address_is_connected_to(address: str) -> None:
    assert not addresses.may_connect(address)


def test_a_public_address_is() -> None:
    assert addresses.may_connect("93.184.215.14")
    assert addresses.may_connect("2606:2800:21f:cb07:6820:80da:af6b:8b2c")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https://user:secret@example.com/",
        "https://example.com/#part",
        "https://",
        "https://example.com:99999/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://example.com/\r\nhost: evil",
        "https://exämple.com/",
        "https://example.com\\@127.0.0.1/",
        f"https://example.com/{'x' * 2000}",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        addresses.parsed(url)


@pytest.mark.parametrize("host", ["localhost", "0x7f000001", "2130706433", "127.1"])
def test_a_name_that_leads_to_this_machine_is_never_connected_to(run: Run[Any], settings: Any, host: str) -> None:
    settings.WEBHOOK_SECONDS = 2
    with receiving() as server:
        port = server.url.rpartition(":")[2].partition("/")[0]
        with pytest.raises(NotDelivered) as failed:
            run(sending.post(f"https://{host}:{port}/", b"{}", {}))

    assert "public" in str(failed.value)


# Over the API


def test_a_customer_looks_after_their_own(product: Product, alice: Person, charlie: Person) -> None:
    def ask(method: str, path: str = "", body: Any = None, by: Person = alice) -> Any:
        return product.http.request(method, f"/api/v1/webhooks{path}", json=body, headers=by.headers)

    made = ask("POST", body={"url": "https://example.com/hook", "kinds": STRATEGY})
    assert made.status_code == 201
    one = f"/{made.json()['id']}"
    assert made.json()["secret"].startswith("whsec_")
    assert "secret" not in ask("GET", one).json()
    assert ask("GET", one, by=charlie).status_code == 404
    assert ask("PATCH", one, {"is_active": False}).json()["is_active"] is False
    happen(alice)
    assert ask("GET", f"{one}/deliveries").json()["results"] == []
    assert ask("PATCH", one, {"is_active": True}).json()["is_active"] is True
    happen(alice)
    [delivery] = ask("GET", f"{one}/deliveries").json()["results"]
    assert ask("POST", f"{one}/deliveries/{delivery['id']}/resend").json()["tries"] == 0
    assert ask("POST", f"{one}/deliveries/{delivery['id']}/resend", by=charlie).status_code == 404
    assert ask("DELETE", one).status_code == 204
    assert ask("GET").json()["results"] == []
    logged = AuditEntry.objects.filter(workspace=alice.workspace, action__startswith="webhook.")
    assert {line.action for line in logged} == {"webhook.created", "webhook.changed", "webhook.deleted"}
    assert "example.com" not in json.dumps(list(logged.values("before", "after")))


@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://example.com/", "kinds": STRATEGY},
        {"url": "https://169.254.169.254/", "kinds": STRATEGY},
        {"url": "https://example.com/", "kinds": ["user_signup"]},
        {"url": "https://example.com/", "kinds": []},
        {"kinds": STRATEGY},
    ],
)
def test_what_a_customer_may_not_have_is_refused(product: Product, alice: Person, body: dict[str, Any]) -> None:
    assert product.http.post("/api/v1/webhooks", json=body, headers=alice.headers).status_code == 400


def test_a_workspace_has_ten(product: Product, alice: Person) -> None:
    body = {"url": "https://example.com/", "kinds": STRATEGY}
    answers = [product.http.post("/api/v1/webhooks", json=body, headers=alice.headers) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [201] * 10 + [409]
    assert answers[-1].json()["code"] == "too_many_webhooks"


def test_the_operator_has_theirs(product: Product, alice: Person) -> None:
    headers = staff_token(staff())
    path = "/api/v1/analytics/webhooks"
    body = {"url": "https://example.com/", "kinds": ["user_signup", "alert_raised"]}

    made = product.http.post(path, json=body, headers=headers)

    assert made.status_code == 201
    assert product.http.get(path, headers=alice.session).status_code == 403
    assert product.http.delete(f"{path}/{made.json()['id']}", headers=headers).status_code == 204
