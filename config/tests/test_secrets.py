"""Secrets go through every path there is, those that fail too, and are found in no log, no row, and not in Redis."""

from __future__ import annotations

import re
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.conf import settings
from django.db import connection
from redis import Redis

from accounts.models import User
from accounts.tests.factories import person
from accounts.tests.ways_in import App
from assistants.tests.standin.client import StandIn
from config.launch import mail_in
from config.tests import redis as own_redis
from config.tests.product import Product, eventually, running, started
from config.tests.test_every_route import API, METHODS
from conftest import UNHURRIED

JSON = {"content-type": "application/json"}
MODEL = "claude-sonnet-5-5"
# A row that says so is refused by the database, which then tells what stands in it.
REFUSED = {"assistants_message": "text", "assistants_conversation": "title", "accounts_user": "business_name"}
UNWELCOME = "unwelcome"


def canary() -> str:
    return f"canary{uuid.uuid4().hex}"


READERS: dict[str, Callable[[Any, Any], Any]] = {
    "string": lambda redis, key: redis.get(key),
    "list": lambda redis, key: redis.lrange(key, 0, -1),
    "hash": lambda redis, key: redis.hgetall(key),
    "set": lambda redis, key: redis.smembers(key),
    "zset": lambda redis, key: redis.zrange(key, 0, -1),
}


def new_email() -> str:
    """Nothing like a password."""
    return f"ada.{uuid.uuid4().hex[:8]}@example.com"


@dataclass
class Scene:
    """A product of our own, with its worker, its Redis and its mail."""

    product: Product
    redis: Redis
    folder: Path
    environment: dict[str, str]
    secrets: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def secret(self, name: str, value: str | None = None) -> str:
        """Kept, to be looked for."""
        self.secrets[name] = value or canary()
        return self.secrets[name]

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        kept = {"idempotency-key": f"{self.secret('Idempotency-Key')} {uuid.uuid4()}"}
        return self.product.http.request(method, f"/api/v1/{path}", json=body, headers=kept | self.headers | headers)

    def sent(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = self.send(method, path, body, **headers)
        assert answer.status_code < 300, (path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def key_in_letter_to(self, email: str, page: str) -> str:
        """Out of the newest one that leads to this page."""
        found: list[str] = []

        def look() -> list[str]:
            files = sorted((self.folder / "mail").glob("*"), key=lambda file: file.stat().st_mtime)
            mails = "".join(file.read_text() for file in files).replace("=\n", "").replace("=3D", "=")
            parts = [part for part in mails.split("\nTo: ") if part.startswith(email)]
            found[:] = re.findall(rf"{page}#key=([\w.:-]+)", "".join(parts))
            return found

        eventually(look, within=30)
        return found[-1]

    def logs(self) -> dict[str, str]:
        """What the processes said. PostgreSQL's log is beside the files, where it is ours."""
        of_services = Path(settings.MEDIA_ROOT).parent / "logs"
        files = [*self.folder.glob("*.log"), *of_services.glob("*.log")]
        return {file.name: file.read_text(errors="replace") for file in files}

    def rows(self) -> Iterator[tuple[str, str]]:
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names(cursor):
                cursor.execute(f'SELECT row::text FROM "{table}" row')
                yield table, "\n".join(row for (row,) in cursor.fetchall())

    def remembered(self) -> Iterator[tuple[str, str]]:
        """All that Redis holds."""
        for key in self.redis.scan_iter():
            yield "redis", f"{key!r} {READERS[str(self.redis.type(key))](self.redis, key)!r}"

    def leaks(self) -> set[str]:
        places = [*self.logs().items(), *self.rows(), *self.remembered()]
        told = {f"{name} in {place}" for place, text in places for name, it in self.secrets.items() if it in text}
        return told - ALLOWED


# What people say is kept for them; its first words name the conversation.
ALLOWED = {"what is said in assistants_message", "what is said in assistants_conversation"}
# Django finds a session by its key, so that stands in its row; it is worth nothing after 15 minutes.
ALLOWED |= {"the token of a log-in begun in django_session"}


@pytest.fixture(scope="module")
def scene(database: None, standin: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "mail").mkdir()
    with own_redis.running(folder / "redis") as redis:
        environment = {
            **UNHURRIED,
            "REDIS_URL": redis.url,
            "EMAIL_URL": mail_in(folder / "mail"),
            "ANTHROPIC_API_KEY": canary(),
            "ANTHROPIC_BASE_URL": standin.url,
            "STAFF_SECOND_FACTOR": "off",
        }
        with started(environment, log=folder / "web.log") as product:
            made = Scene(
                product,
                Redis.from_url(redis.url, encoding_errors="replace", decode_responses=True),
                folder,
                environment,
            )
            made.secret("the provider's key", environment["ANTHROPIC_API_KEY"])
            made.secret("our own key", settings.SECRET_KEY)
            yield made


@contextmanager
def a_worker(scene: Scene) -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--pool", "threads", "--loglevel", "INFO"]
    with running(command, scene.environment, log=scene.folder / "worker.log"):
        yield


@contextmanager
def refusing_rows() -> Iterator[None]:
    with connection.cursor() as cursor:
        for table, column in REFUSED.items():
            check = f"CHECK ({column} NOT LIKE '%{UNWELCOME}%') NOT VALID"
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {UNWELCOME}_{table} {check}")
        yield
        for table in REFUSED:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {UNWELCOME}_{table}")


# The paths


def sign_up(scene: Scene, email: str) -> None:
    password = scene.secret("password")
    pair = scene.sent("POST", "auth/register", {"email": email, "password": password, "name": "Ada"})
    scene.secret("first access token", pair["access"])
    scene.send("POST", "auth/login", {"email": email, "password": scene.secret("wrong password")})
    pair = scene.sent("POST", "auth/login", {"email": email, "password": password})
    renewed = scene.sent("POST", "auth/refresh", {"refresh": scene.secret("refresh token", pair["refresh"])})
    scene.secret("new refresh token", renewed["refresh"])
    scene.headers = {"authorization": f"Bearer {scene.secret('access token', renewed['access'])}"}
    other = scene.sent("POST", "auth/login", {"email": email, "password": password})
    for _ in range(2):
        scene.send("POST", "auth/refresh", {"refresh": scene.secret("spent refresh token", other["refresh"])})


def keys(scene: Scene) -> None:
    made = scene.sent("POST", "auth/api-keys", {"name": "laptop", "scopes": ["chat", "read"]})
    scene.secret("former API key", made["key"])
    rotated = scene.sent("POST", f"auth/api-keys/{made['id']}/rotate", {})
    scene.secret("API key", rotated["key"])
    scene.send("GET", f"auth/api-keys?prefix={rotated['key']}")
    for name, value in (("authorization", f"Bearer {rotated['key']}"), ("x-api-key", rotated["key"])):
        scene.product.http.get("/v1/models", headers={name: value})
    forged = scene.secret("forged API key", f"sk-stipend-{canary()}")
    scene.product.http.get("/v1/models", headers={"x-api-key": forged})


def talk(scene: Scene) -> None:
    said = scene.secret("what is said")
    begun = scene.sent("POST", "assistants/conversations", {"system": said})["id"]
    messages = f"assistants/conversations/{begun}/messages"
    for says in ("", "[[status=500]]", "[[break=error after=2]]", "[[status=400]]"):
        scene.send("POST", messages, {"text": f"{said} {says}"})
        scene.send("POST", messages, {"text": f"{said} {says}"}, accept="text/event-stream")
    scene.send("POST", messages, {"text": f"{said}\x00 \ud800".encode("utf-8", "replace").decode()})
    scene.send("POST", messages, {"text": said, "max_tokens": said})
    scene.send("PATCH", f"assistants/conversations/{begun}", {"model": said})
    scene.send("GET", f"assistants/conversations?search={said}")
    program(scene)


def program(scene: Scene) -> None:
    asked = scene.secret("what a program says")
    headers = {"x-api-key": scene.secrets["API key"]}
    for says in ("", "[[status=500]]", "[[break=error after=2]]", "[[status=400]]", "[[say=\x00]]"):
        for path in ("/v1/messages", "/v1/chat/completions", "/v1/messages/count_tokens"):
            for stream in (True, False):
                body = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": f"{asked} {says}"}]}
                scene.product.http.post(path, json={**body, "stream": stream}, headers=headers)
    for path in ("/v1/messages", "/v1/chat/completions"):
        wrong = {
            "model": asked,
            "max_tokens": asked,
            "messages": [{"role": asked, "content": {asked: asked}}],
            "x": asked,
        }
        scene.product.http.post(path, json=wrong, headers=headers)


def second_factor(scene: Scene, email: str) -> None:
    begun = scene.sent("GET", "auth/authenticators/totp")
    app = App(scene.secret("TOTP secret", begun["secret"]))
    made = scene.sent("POST", "auth/authenticators/totp", {"code": app.code()})
    for number, code in enumerate(made["recovery_codes"]):
        scene.secret(f"recovery code {number}", code)
    session = scene.send("POST", "auth/login", {"email": email, "password": scene.secrets["password"]}).json()
    token = {"x-session-token": scene.secret("the token of a log-in finished", session["session_token"])}
    scene.send("POST", "auth/2fa", {"code": "not a code"}, **token)
    pair = scene.sent("POST", "auth/2fa", {"code": made["recovery_codes"][0]}, **token)
    scene.headers = {"authorization": f"Bearer {scene.secret('access by two factors', pair['access'])}"}
    left = scene.send("POST", "auth/login", {"email": email, "password": scene.secrets["password"]}).json()
    scene.secret("the token of a log-in begun", left["session_token"])


def letters(scene: Scene, email: str) -> None:
    """Each key is used wrongly first, and then rightly."""
    verification = scene.secret("verification key", scene.key_in_letter_to(email, "verify-email"))
    scene.sent("POST", "auth/verify-email", {"key": verification})
    scene.sent("POST", "auth/me/email", {"email": f"new-{email}", "password": scene.secrets["password"]})
    team = scene.sent("POST", "workspaces", {"name": "Team"})["id"]
    scene.sent("POST", f"workspaces/{team}/invitations", {"email": f"friend-{email}", "role": "viewer"})
    scene.sent("POST", "auth/password-reset", {"email": email})
    reset = scene.secret("reset key", scene.key_in_letter_to(email, "reset-password"))
    scene.secret("invitation key", scene.key_in_letter_to(f"friend-{email}", "invitation"))
    moving = scene.secret("key of another address", scene.key_in_letter_to(f"new-{email}", "verify-email"))
    scene.send("POST", "auth/verify-email", {"key": f"{moving}x"})
    scene.sent("POST", "auth/verify-email", {"key": moving})
    confirm = {"key": reset, "password": scene.secret("reset password")}
    scene.send("POST", "auth/password-reset/confirm", {"key": f"{reset}x", "password": "short"})
    scene.send("POST", "auth/password-reset/confirm", confirm)
    change = {"password": scene.secrets["password"], "new_password": scene.secret("new password")}
    scene.sent("POST", "auth/change-password", change)


def take_away(scene: Scene) -> None:
    scene.sent("POST", "auth/me/export")
    eventually(lambda: scene.sent("GET", "auth/me/export")["state"] == "ready", within=30)
    link = scene.sent("GET", "auth/me/export")["download"]
    scene.secret("export key", link.partition("?key=")[2])
    assert scene.product.http.get(link).status_code == 200
    scene.product.http.get(f"{link}x")


def staff(scene: Scene) -> None:
    dora = person("Dora").user
    password = scene.secret("staff password")
    dora.set_password(password)
    dora.is_staff = True
    dora.save()
    answer = scene.send("POST", "auth/staff-login", {"email": dora.email, "password": password})
    scene.secret("staff token", answer.json()["access"])
    console = scene.product.http.get("/admin/login/")
    token = console.cookies["csrftoken"]
    form = {"username": dora.email, "password": password, "csrfmiddlewaretoken": token}
    scene.product.http.post("/admin/login/", data=form, headers={"referer": scene.product.url})
    scene.product.http.post("/admin/login/", data=form | {"password": scene.secret("wrong staff password")})


def everywhere(scene: Scene) -> None:
    """To every route, in every place where something can stand."""
    places = ("authorization", "x-api-key", "x-session-token", "x-workspace", "cookie", "body", "query")
    put = {name: scene.secret(f"something as {name}") for name in places}
    aside = {"x-session-token": put["x-session-token"], "cookie": f"sessionid={put['cookie']}"}
    bearer = {"authorization": f"Bearer {put['authorization']}"}
    said = f'"{put["body"]}"'
    tries = [
        (f'{{"password": {said}', bearer),
        (f'{{"password": [{said}], "key": {said}, "email": {said}, "id": {said}}}', {"x-api-key": put["x-api-key"]}),
        (f'{{"password": [{said}], "key": {said}, "email": {said}, "code": {said}}}', scene.headers),
        (f"[{said}]", scene.headers | {"x-workspace": put["x-workspace"]}),
    ]
    for address in API:
        if address.endswith(("logout-everywhere", "logout")):
            continue
        path = re.sub(r"<\w+:\w+>", str(uuid.uuid4()), f"/{address}?key={put['query']}&cursor={put['query']}")
        for method in METHODS:
            for body, headers in tries:
                scene.product.http.request(method, path, content=body, headers=JSON | aside | headers)


def break_the_database(scene: Scene) -> None:
    """The database refuses a row, and its error says what stands in it."""
    said, email = f"{scene.secrets['what is said']} {UNWELCOME}", new_email()
    begun = scene.sent("POST", "assistants/conversations", {})["id"]
    with refusing_rows():
        answers = [
            scene.send("POST", f"assistants/conversations/{begun}/messages", {"text": said}),
            scene.send("POST", "assistants/conversations", {"title": said}),
            scene.send("PATCH", f"assistants/conversations/{begun}", {"title": said}),
            scene.send("PATCH", "auth/me", {"business_name": said}),
            scene.send("POST", "auth/register", {"email": email, "password": canary(), "business_name": said}),
        ]
    assert {answer.status_code for answer in answers} == {500}
    assert not [answer for answer in answers if scene.secrets["what is said"] in answer.text]


@pytest.mark.slow
def test_no_secret_leaks(scene: Scene) -> None:
    email = new_email()

    sign_up(scene, email)
    keys(scene)
    talk(scene)
    second_factor(scene, email)
    everywhere(scene)
    staff(scene)
    break_the_database(scene)
    before_anybody_worked = scene.leaks()
    with a_worker(scene):
        letters(scene, email)
        take_away(scene)

    assert before_anybody_worked | scene.leaks() == set()
    assert len(scene.secrets) > 40
    logs = scene.logs()
    assert {"web.log", "worker.log"} <= set(logs)
    assert UNWELCOME in logs["web.log"]
    assert "INFO celery.app.trace" in logs["worker.log"]
    assert User.objects.filter(email=f"new-{email}").exists()
