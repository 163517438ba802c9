"""The ways in of somebody who is erased: they go, and with them what other providers told us."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount

from accounts.erasure import Leaver


def take_out(leaver: Leaver) -> dict[str, int]:
    EmailAddress.objects.filter(user=leaver.user_id).delete()
    return {
        "authenticators": Authenticator.objects.filter(user=leaver.user_id).delete()[0],
        "providers": SocialAccount.objects.filter(user=leaver.user_id).delete()[0],
    }
