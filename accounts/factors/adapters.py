"""What allauth asks the house. Its settings name these classes."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.emailkit import valid_email_or_none
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from accounts import guards, registration
from accounts.addresses import client_address
from accounts.errors import InvalidCredentials
from accounts.factors import notices, providers, sealing, sessions
from accounts.models import User


class Accounts(DefaultAccountAdapter):
    def login(self, request: Any, user: User) -> None:
        """Whatever a log-in began with, it does not end for who was locked out meanwhile."""
        if not user.is_active:
            raise InvalidCredentials
        super().login(request, user)

    def is_reauthentication_required(self, **_: Any) -> bool:
        """What changes a way in takes a fresh proof from everybody, whatever ways in they have."""
        if not sessions.proved_lately(self.request.session):
            raise ReauthenticationRequired
        return False

    def reauthenticate(self, user: User, password: str) -> bool:
        """Guarded like a log-in."""
        try:
            with guards.guessing(user.pk, address=client_address(self.request), at=now()):
                if not user.check_password(password):
                    raise InvalidCredentials
        except InvalidCredentials:
            return False
        return True

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, Any] | None = None, **_: Any
    ) -> None:
        provider = (context or {}).get("provider")
        notices.tell(template_prefix, user, self.request, factor=str(provider or ""))

    def send_mail(self, *_: Any, **__: Any) -> None:
        """Letters are ours alone."""


class Factors(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return sealing.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return sealing.unseal(encrypted_text)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        found: dict[str, str] = super().get_public_key_credential_rp_entity()
        return {"id": settings.PASSKEY_DOMAIN or found["id"], "name": "Stipend"}


class Providers(DefaultSocialAccountAdapter):
    """Nobody comes into an account by its address alone: a log-in elsewhere opens what it was connected to, or made."""

    def generate_state_param(self, state: dict[str, Any]) -> str:
        return providers.new_state(state["next"])

    def populate_user(self, request: Any, sociallogin: Any, data: dict[str, Any]) -> User:
        user: User = sociallogin.user
        user.email = valid_email_or_none(data.get("email")) or ""
        user.name = providers.name_of(user, data)
        return user

    def pre_social_login(self, request: Any, sociallogin: Any) -> None:
        if not sociallogin.is_existing:
            providers.choose_address(sociallogin)

    def is_auto_signup_allowed(self, request: Any, sociallogin: Any) -> bool:
        return bool(sociallogin.user.email)

    def save_user(self, request: Any, sociallogin: Any, form: Any = None) -> User:
        told, verified, at = sociallogin.user, sociallogin.state.get("email_verified", False), now()
        may_write = guards.may("letter", told.email, "verify_email", at=at)
        with transaction.atomic():
            user = registration.register_through(
                told.email, name=told.name, verified=verified, may_write=may_write, at=at
            )
            sociallogin.user = sociallogin.account.user = user
            sociallogin.account.save()
        return user
