"""Log-in through others: to the provider, back with a code, and what the provider says of somebody.

No cookie binds the way back to the way out. Who began has the session token, and the browser that came back has the
provider's code: finishing takes both, so neither a link sent to somebody nor a session lent to them is enough.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.base import ProviderException
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.core import signing
from django.utils.crypto import get_random_string
from requests import RequestException

from accounts.errors import ProviderRefused, ProviderUnavailable, UnknownProvider
from accounts.models import User

SALT = "accounts.factors.providers"
STATE_SECONDS = statekit.STATE_TTL


def configured(request: Any) -> list[Any]:
    return sorted(get_adapter(request).list_providers(request), key=lambda provider: str(provider.name))


def find(request: Any, provider_id: str) -> Any:
    """Raises `UnknownProvider`."""
    try:
        return get_adapter(request).get_provider(request, provider_id)
    except SocialApp.DoesNotExist as exc:
        raise UnknownProvider from exc


def begin(request: Any, provider: Any, *, process: str, then: str) -> str:
    """The address at the provider. The session remembers the way out. Raises `ProviderUnavailable`."""
    try:
        return str(provider.redirect(request, process, next_url=then, headless=True)["location"])
    except (RequestException, KeyError, ValueError) as exc:
        raise ProviderUnavailable from exc


def new_state(then: str) -> str:
    """It says where to go on, and is ours."""
    return signing.dumps({"then": then, "nonce": get_random_string(16)}, salt=SALT)


def way_on(state: str, **told: str) -> str:
    """Where the browser goes on that came back with this, with what it was told. Raises `ProviderRefused`."""
    try:
        then = str(signing.loads(state, salt=SALT, max_age=STATE_SECONDS)["then"])
    except signing.BadSignature as exc:
        raise ProviderRefused("This did not begin here, or too long ago.") from exc
    query = urlencode({"state": state, **told})
    return f"{then}{'&' if '?' in then else '?'}{query}"


def finish(request: Any, provider: Any, *, process: str, code: str, state: str) -> SocialLogin:
    """What the provider says of who came back. Raises `ProviderRefused`, `ProviderUnavailable`."""
    begun = statekit.unstash_state(request, state_id=state, provider_id=provider.sub_id)
    if begun is None or begun["process"] != process:
        raise ProviderRefused("This did not begin here, or too long ago.")
    try:
        login = _told_by(request, provider, code, begun)
    except RequestException as exc:
        raise ProviderUnavailable from exc
    except (OAuth2Error, ProviderException, LookupError, TypeError, ValueError, AttributeError) as exc:
        # Whatever the other side makes up is not what it promised.
        raise ProviderRefused from exc
    login.state = begun
    return discreet(login)


def _told_by(request: Any, provider: Any, code: str, begun: dict[str, Any]) -> SocialLogin:
    adapter = provider.get_oauth2_adapter(request)
    client = adapter.get_client(request, provider.app)
    data = client.get_access_token(code, pkce_code_verifier=begun.get("pkce_code_verifier"))
    adapter.did_fetch_access_token = True
    return adapter.complete_login(request, provider.app, adapter.parse_token(data), response=data)


def discreet(login: SocialLogin) -> SocialLogin:
    """Of all that a provider tells, its own id of the person is kept, and no token."""
    login.account.extra_data = {}
    login.token = None
    return login


def choose_address(login: SocialLogin) -> None:
    """Of a new person: the first address that the provider has verified, or else whatever it names.

    allauth's own rows of addresses are not made.
    """
    verified = next((found.email for found in login.email_addresses if found.verified), None)
    login.state["email_verified"] = verified is not None
    login.user.email = verified or login.user.email
    login.email_addresses = []


def shown(account: SocialAccount) -> dict[str, Any]:
    return {"id": account.pk, "provider": account.provider, "connected_at": account.date_joined}


def name_of(user: User, told: dict[str, Any]) -> str:
    whole = told.get("name") or " ".join(filter(None, [told.get("first_name"), told.get("last_name")]))
    return str(whole)[: user._meta.get_field("name").max_length]
