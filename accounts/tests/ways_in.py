"""What people hold in their hands: an authenticator app, recovery codes, a log-in fresh or old, a log-in begun."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from django.test import Client
from django.utils.timezone import now

from accounts import console, tokens
from accounts.factors import codes, sealing
from accounts.models import TokenFamily, User
from accounts.tests.factories import PASSWORD
from config.tests.product import Product

AUTH = "/api/v1/auth"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SEED = "0123456789" * 8


@dataclass
class App:
    """An authenticator app that never shows a code twice. Clocks may differ, so it can show two within a moment."""

    secret: str = SECRET
    shown: int = field(default=0)

    def code(self) -> str:
        self.shown = max(int(now().timestamp()) // 30, self.shown + 1)
        return codes.code_at(self.secret, self.shown)

    def wrong_code(self) -> str:
        """None of those that are good about now."""
        step = int(now().timestamp()) // 30
        good = {codes.code_at(self.secret, step + drift) for drift in range(-3, 4)}
        return next(code for code in map(str, range(100_000, 1_000_000)) if code not in good)


def app_of(user: User) -> App:
    """Give somebody an app and recovery codes, without the ceremony."""
    add(user, "totp", secret=sealing.seal(SECRET), **{codes.STEP: 0})
    add(user, "recovery_codes", seed=sealing.seal(SEED), used_mask=0)
    return App()


def add(user: User, kind: str, **data: Any) -> Authenticator:
    made: Authenticator = Authenticator.objects.create(user=user, type=kind, data=data)
    return made


def recovery_codes_of(user: User) -> list[str]:
    found: list[str] = Authenticator.objects.get(user=user, type="recovery_codes").wrap().get_unused_codes()
    return found


@dataclass
class Browser:
    """Somebody asking the API, with an access token or in the middle of a log-in; of a real server, if one is given."""

    access: str = ""
    session: str = ""
    product: Product | None = None

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        address, sent = f"{AUTH}/{path}", "" if body is None else json.dumps(body)
        headers = {"content-type": "application/json"}
        headers |= {"authorization": f"Bearer {self.access}"} if self.access else {}
        headers |= {"x-session-token": self.session} if self.session else {}
        if self.product:
            headers["host"] = f"localhost:{self.product.port}"  # as browsers do, which take no passkey to an IP address
            return self.product.http.request(method, address, content=sent.encode(), headers=headers)
        return Client().generic(method, address, sent, content_type="application/json", headers=headers)


def signed_in(user: User, product: Product | None = None) -> Browser:
    return Browser(access=tokens.begin_family(user).access, product=product)


def log_in(user: User, product: Product | None = None, *, path: str = "login", password: str = PASSWORD) -> Any:
    return Browser(product=product).ask("POST", path, {"email": user.email, "password": password})


def half_signed_in(user: User, product: Product | None = None, *, path: str = "login") -> Browser:
    """After the right password, before the second factor."""
    return Browser(session=log_in(user, product, path=path).json()["session_token"], product=product)


def grow_old(user: User) -> None:
    """Let the log-ins of somebody be an hour old."""
    TokenFamily.objects.filter(user=user).update(created_at=now() - timedelta(hours=1), remembered={})


def at_once(ask: Callable[[Any], Any], many: Iterable[Any]) -> list[Any]:
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(ask, many))


def in_console(user: User, *, by: str = console.SECOND_FACTOR) -> Client:
    """A browser in which somebody has come through the console's form."""
    browser = Client()
    browser.force_login(user)
    session = browser.session
    session[console.ENTERED_BY] = by
    session.save()
    return browser


def outsider(user: User) -> Client:
    """A browser with a session that came about in whatever other way."""
    browser = Client()
    browser.force_login(user)
    return browser
