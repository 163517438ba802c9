"""What takes a letter, or ends in one: showing an address, moving to another, a forgotten password, a new one."""

from __future__ import annotations

from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import mail_keys, mailboxes, passwords, proofs
from accounts.authentication import actor_of, caller_of, visitor_of
from accounts.callers import PERSON
from accounts.models import User
from accounts.serializers import (
    Key,
    NewEmail,
    NewPassword,
    PasswordChange,
    PasswordReset,
    ResetAsked,
    VerifiedEmail,
    check_password_strength,
)
from accounts.views import Public, myself, parsed


class VerifyEmailView(Public):
    rate = "log-in"

    @extend_schema(request=Key, responses=VerifiedEmail, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Show, with the key from the letter, that you read an address's mail. It is yours from then on.

        After an e-mail change this is what moves your account to the new address.
        """
        user = mailboxes.verify(parsed(Key, request)["key"], by=visitor_of(request), at=now())
        return Response(VerifiedEmail(user).data)


class VerificationLetterView(APIView):
    rate = "letter"
    needs = {"POST": PERSON}

    @extend_schema(request=None, responses={204: None}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Have the letter with the key sent again; at most five letters an hour go to one address."""
        user = myself(request)
        mailboxes.ask_to_verify(user, user.email, at=now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class EmailView(APIView):
    rate = "letter"
    needs = {"POST": PERSON}

    @extend_schema(request=NewEmail, responses={204: None}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Move to another address. It takes your password, and then the key from the letter we send there.

        Until then nothing changes. The answer does not tell whether the address has an account.
        """
        user, asked, at = myself(request), parsed(NewEmail, request), now()
        proofs.check(user, asked["password"], session=caller_of(request).family_id, by=actor_of(request), at=at)
        mailboxes.ask_to_verify(user, asked["email"], at=at)
        return Response(status=status.HTTP_204_NO_CONTENT)


class PasswordChangeView(APIView):
    rate = "log-in"
    needs = {"POST": PERSON}

    @extend_schema(request=PasswordChange, responses={204: None}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Set a new password. Every other session ends."""
        user, asked, by, at = myself(request), parsed(PasswordChange, request), actor_of(request), now()
        proofs.check(user, asked["password"], session=caller_of(request).family_id, by=by, at=at)
        check_password_strength(asked["new_password"], user, "new_password")
        passwords.change(user, asked["new_password"], session=caller_of(request).family_id, by=by, at=at)
        return Response(status=status.HTTP_204_NO_CONTENT)


class PasswordResetView(Public):
    rate = "letter"

    @extend_schema(request=PasswordReset, responses={202: ResetAsked}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Have a letter with a key sent, to choose a new password. The answer is the same whoever has the address."""
        passwords.ask_to_reset(parsed(PasswordReset, request)["email"], at=now())
        told = "If the address has an account, a letter is on its way."
        return Response(ResetAsked({"detail": told}).data, status=status.HTTP_202_ACCEPTED)


class PasswordResetConfirmView(Public):
    rate = "log-in"

    @extend_schema(request=NewPassword, responses={204: None}, tags=["auth"])
    def post(self, request: Request) -> Response:
        """Choose a new password with the key from the letter, within the hour. Every session ends."""
        asked = parsed(NewPassword, request)
        reader = mail_keys.reader_of(asked["key"], of=User.objects.all())
        check_password_strength(asked["password"], reader)
        passwords.reset(asked["key"], asked["password"], by=visitor_of(request), at=now())
        return Response(status=status.HTTP_204_NO_CONTENT)
