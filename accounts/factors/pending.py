"""Between the right password and the tokens."""

from __future__ import annotations

from allauth.account.internal.stagekit import stash_login
from allauth.account.models import Login
from allauth.account.stages import LoginStageController
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from accounts.errors import SecondFactorMissing, SecondFactorRequired
from accounts.factors import sessions
from accounts.factors.strategy import STAFF, WANTED
from accounts.models import User

KINDS = [Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES, Authenticator.Type.WEBAUTHN]


def factors_of(user: User) -> list[str]:
    """Their kinds, such as `totp`; empty for who signs in by one factor alone."""
    kinds = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    return [str(kind) for kind in KINDS if kind in kinds]


def ways_in(user: User, *, but: SocialAccount) -> bool:
    """Whether they could sign in without this one."""
    others = SocialAccount.objects.filter(user=user).exclude(pk=but.pk)
    return bool(user.has_usable_password() or "webauthn" in factors_of(user) or others.exists())


def require(user: User, *, staff: bool = False) -> None:
    """Raises `SecondFactorRequired`, with the session in which it can be proved, for who has one.

    Staff must have one where `STAFF_SECOND_FACTOR` says so: else `SecondFactorMissing`.
    """
    if factors := factors_of(user):
        raise SecondFactorRequired(sessions.token_of(_begin(user, staff=staff)), factors)
    if staff and user.is_staff and settings.STAFF_SECOND_FACTOR:
        raise SecondFactorMissing


def _begin(user: User, *, staff: bool) -> SessionBase:
    request = HttpRequest()
    request.session = sessions.begin()
    if staff:
        request.session[WANTED] = STAFF
    login = Login(user=user)
    LoginStageController(request, login).set_current(AuthenticateStage.key)
    stash_login(request, login)
    return request.session
