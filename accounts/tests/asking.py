"""Somebody who is signed in, and asks the API over the wire."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import httpx2

from accounts import tokens
from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tokens import Pair
from config.tests.product import Product

AUTH = "/api/v1/auth"


@dataclass(frozen=True)
class SignedIn:
    product: Product
    user: User
    pair: Pair

    def ask(self, method: str, path: str, **body: Any) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self.pair.access}"}
        return self.product.http.request(method, f"{AUTH}/{path}", headers=headers, json=body or None)

    @property
    def is_in(self) -> bool:
        """Whether the session still is one."""
        return self.ask("GET", "me").status_code == 200


def signed_in(product: Product, user: User) -> SignedIn:
    return SignedIn(product, user, tokens.begin_family(user))


def ask(product: Product, path: str, **body: Any) -> httpx2.Response:
    """Of somebody who is not signed in."""
    return product.http.post(f"{AUTH}/{path}", json=body)


def log_in(product: Product, email: str, password: str = PASSWORD) -> httpx2.Response:
    return ask(product, "login", email=email, password=password)


def claimant(email: str | None = None) -> User:
    """Somebody who signed up with an address and has not shown that it is theirs."""
    return UserFactory.create(email=email or f"{uuid.uuid4()}@example.com", email_verified_at=None)
