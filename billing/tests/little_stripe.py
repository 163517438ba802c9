"""A Stripe that says what a test tells it to, and can be slow, broken or silent. It has `payloads`."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import stripe

from billing.tests import payloads

KEY = "sk_test_little000000000000000000"
SECRET = "whsec_little"
PATIENCE_SECONDS = 20


@dataclass
class Held:
    """The next request for a path: it is answered with what was so when it came, and not before it is let go."""

    came: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)


@dataclass
class LittleStripe:
    url: str = ""
    objects: dict[str, Any] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    bodies: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)

    def has(self, *objects: payloads.Json) -> None:
        """They are so from now on."""
        for each in objects:
            self.objects[f"/v1/{each['object'].replace('.', '/')}s/{each['id']}"] = each

    @contextmanager
    def holding(self, said: payloads.Json) -> Iterator[Held]:
        path = f"/v1/{said['object']}s/{said['id']}"
        held = self.held[path] = Held()
        try:
            yield held
        finally:
            held.let_go.set()

    @contextmanager
    def failing(self, said: payloads.Json) -> Iterator[None]:
        path = f"/v1/{said['object']}s/{said['id']}"
        self.broken.add(path)
        try:
            yield
        finally:
            self.broken.discard(path)

    def times_asked(self, said: payloads.Json) -> int:
        return self.asked.count(f"GET /v1/{said['object']}s/{said['id']}")

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        self.asked.append(f"{method} {path}")
        if f"{method} {path}" in self.answers:
            return self.answers[f"{method} {path}"]
        said = json.dumps(self.objects.get(path, payloads.page()))
        held = self.held.pop(path, None)
        if held:
            held.came.set()
            held.let_go.wait(PATIENCE_SECONDS)
        if path in self.broken:
            return 500, {"error": {"type": "api_error", "message": "Something went wrong on Stripe's end."}}
        return 200, json.loads(said)


def signed(event: payloads.Json, *, secret: str = SECRET, at: float | None = None) -> tuple[bytes, dict[str, str]]:
    """The body of a webhook, and its headers."""
    body = json.dumps(event)
    moment = int(time.time() if at is None else at)
    signature = stripe.WebhookSignature.generate_signature_header(body, secret, moment)
    return body.encode(), {"content-type": "application/json", "stripe-signature": signature}


@contextmanager
def started() -> Iterator[LittleStripe]:
    little = LittleStripe()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            little.bodies[f"{self.command} {path}"] = self.rfile.read(
                int(self.headers.get("content-length") or 0)
            ).decode()
            little.keys[f"{self.command} {path}"] = self.headers.get("idempotency-key") or ""
            status, said = little.answer(self.command, path)
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Whoever asked was killed."""

    with Server(("127.0.0.1", 0), Handler) as server:
        little.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield little
        finally:
            server.shutdown()
