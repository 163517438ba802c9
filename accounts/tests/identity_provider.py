"""A stand-in OpenID provider on loopback: discovery, consent, token, userinfo, keys. It insists on PKCE."""

from __future__ import annotations

import hashlib
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT_ID, CLIENT_SECRET = "stipend", "a secret between two servers"


@dataclass
class IdentityProvider:
    url: str = ""
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    bearers: dict[str, dict[str, Any]] = field(default_factory=dict)
    broken: bool = False

    def consent(self, address: str, **person: Any) -> dict[str, str]:
        """What a browser brings back to the product once this person has agreed to what `address` asks."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = uuid4().hex
        self.codes[code] = {"asked": asked, "person": person}
        return {"redirect_uri": asked["redirect_uri"], "code": code, "state": asked["state"]}

    def id_token(self, person: dict[str, Any], **change: Any) -> str:
        at = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": at, "exp": at + 300, **person, **change}
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "1"})

    # What the product asks

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def keys(self) -> dict[str, Any]:
        public = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**public, "kid": "1", "alg": "RS256", "use": "sig"}]}

    def token(self, form: dict[str, str]) -> dict[str, Any] | None:
        """None for what is not asked as it should be. A code is good once."""
        begun = self.codes.pop(form.get("code", ""), None)
        if begun is None or (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return None
        challenge = urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=")
        if begun["asked"]["code_challenge"] != challenge.decode():
            return None
        if begun["asked"]["redirect_uri"] != form.get("redirect_uri"):
            return None
        bearer = uuid4().hex
        self.bearers[bearer] = begun["person"]
        return {"access_token": bearer, "token_type": "Bearer", "id_token": self.id_token(begun["person"])}


class Handler(BaseHTTPRequestHandler):
    provider: IdentityProvider

    def do_GET(self) -> None:
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        found: dict[str, Callable[[], dict[str, Any] | None]] = {
            "/.well-known/openid-configuration": self.provider.discovery,
            "/keys": self.provider.keys,
            "/userinfo": lambda: self.provider.bearers.get(bearer),
        }
        asked = found.get(self.path)
        self.answer(asked() if asked else None)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.answer(self.provider.token({name: values[0] for name, values in parse_qs(body).items()}))

    def answer(self, body: dict[str, Any] | None) -> None:
        sent = b"<html>" if self.provider.broken else json.dumps(body or {"error": "invalid_request"}).encode()
        self.send_response(200 if body else 400)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def running() -> Iterator[IdentityProvider]:
    provider = IdentityProvider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"provider": provider}))
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def with_query(address: str, **told: str) -> str:
    return f"{address}?{urlencode(told)}"
