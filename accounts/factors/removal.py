"""When an account changes hands, or goes."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount

from accounts.models import User


def remove_all(user: User) -> None:
    """Every way in but the password. Nobody is told: the caller tells what happened to the account."""
    Authenticator.objects.filter(user=user).delete()
    SocialAccount.objects.filter(user=user).delete()
