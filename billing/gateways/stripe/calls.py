"""Calls to Stripe: how long one may take, and what its failures are called here."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import requests
import stripe
from django.conf import settings
from django.db import connection

from billing.errors import GatewayRejected, GatewayUnavailable, PaymentRefused

CONNECT_SECONDS = 2.0
RETRIES = 1
# With less time than this left, a second try would only be another wait.
WORTH_TRYING_SECONDS = 1.5

NEEDS_ACTION = {"authentication_required", "subscription_payment_intent_requires_action"}


class PunctualClient(stripe.HTTPClient):
    """Answers or fails within so many seconds, a second try counted in. The SDK's own counts each try for itself."""

    name = "requests"

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self._threads = threading.local()

    def request_with_retries(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: Any = None,
        max_network_retries: int | None = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        self._threads.deadline = time.monotonic() + self.seconds
        return super().request_with_retries(method, url, headers, post_data, max_network_retries, _usage=_usage)

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        left = self._left()
        connect = min(CONNECT_SECONDS, left / 2)
        try:
            answer = self._session().request(
                method, url, headers=headers, data=post_data, timeout=(connect, left - connect), allow_redirects=False
            )
        except requests.RequestException as exc:
            raise _away(exc, should_retry=self._left() > WORTH_TRYING_SECONDS) from exc
        # What came too late to be asked for again says so by itself, so that the SDK need not know the time.
        late = {} if self._left() > WORTH_TRYING_SECONDS else {"stripe-should-retry": "false"}
        return answer.text, answer.status_code, requests.structures.CaseInsensitiveDict({**answer.headers, **late})

    def close(self) -> None:
        self._session().close()

    def _left(self) -> float:
        return max(float(self._threads.deadline) - time.monotonic(), 0.1)

    def _session(self) -> requests.Session:
        """Each thread's own: they are not made to be shared."""
        if not hasattr(self._threads, "session"):
            self._threads.session = requests.Session()
        session: requests.Session = self._threads.session
        return session


def client(key: str) -> stripe.StripeClient:
    """Its connections are kept from one call to the next."""
    return _client(key, settings.STRIPE_API_HOST, settings.STRIPE_API_VERSION, settings.STRIPE_SECONDS)


@lru_cache(maxsize=8)
def _client(key: str, host: str, version: str, seconds: float) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        stripe_version=version,
        base_addresses={"api": host},
        max_network_retries=RETRIES,
        http_client=PunctualClient(seconds),
    )


@contextmanager
def translated() -> Iterator[None]:
    """Stripe's exceptions as ours. What they say may be shown, but for those about our own key.

    Whoever waits for Stripe outside a transaction holds no connection to the database: a Stripe that is away would
    soon have them all.
    """
    if not connection.in_atomic_block:
        connection.close()
    try:
        yield
    except stripe.CardError as exc:
        raise _refused(exc) from exc
    except (stripe.AuthenticationError, stripe.PermissionError) as exc:
        raise GatewayRejected("Stripe does not take our key for this (STRIPE_SECRET_KEY).") from exc
    except (stripe.InvalidRequestError, stripe.IdempotencyError) as exc:
        if exc.http_status == 409:
            raise GatewayUnavailable from exc  # The same is being done at this moment.
        raise GatewayRejected(f"Stripe: {exc.user_message}") from exc
    except stripe.StripeError as exc:
        raise GatewayUnavailable from exc


def _away(failure: requests.RequestException, *, should_retry: bool) -> stripe.APIConnectionError:
    return stripe.APIConnectionError(type(failure).__name__, should_retry=should_retry)  # type: ignore[no-untyped-call]


def is_missing(failure: stripe.InvalidRequestError) -> bool:
    return failure.code == "resource_missing" or failure.http_status == 404


def _refused(failure: stripe.CardError) -> PaymentRefused:
    decline_code = (failure.error and failure.error.decline_code) or failure.code or ""
    return PaymentRefused(
        failure.user_message or "The card was declined.",
        decline_code,
        needs_action=bool(NEEDS_ACTION & {failure.code, decline_code}),
    )
