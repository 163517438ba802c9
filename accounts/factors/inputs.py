"""What bodies carry, checked by allauth's own forms where the house has no word in it."""

from __future__ import annotations

import struct
from typing import Any

from allauth.headless.account.inputs import ReauthenticateInput
from allauth.headless.internal.restkit import inputs
from allauth.headless.mfa.inputs import AddWebAuthnInput, AuthenticateInput
from allauth.headless.mfa.inputs import ReauthenticateInput as ReauthenticateByCodeInput
from allauth.headless.socialaccount.inputs import ProviderTokenInput
from django import forms
from django.core.exceptions import ValidationError
from django.utils.timezone import now

from accounts import front_ends
from accounts.errors import WrongCode
from accounts.factors import codes, sealing

LONGEST_CODE = 40
LONGEST_NAME = 100


class SpendingCode(inputs.Input):
    code = inputs.CharField(max_length=LONGEST_CODE)

    def clean_code(self) -> str:
        try:
            self.authenticator = codes.check(self.user, self.cleaned_data["code"], at=now())
        except WrongCode as exc:
            raise ValidationError(str(exc)) from exc
        return str(self.cleaned_data["code"])


class Code(SpendingCode, AuthenticateInput):
    pass


class ProvingCode(SpendingCode, ReauthenticateByCodeInput):
    pass


class ProvingPassword(ReauthenticateInput):
    pass


class FirstCode(inputs.Input):
    """The first code of a new app, whose secret the session keeps sealed until then."""

    code = inputs.CharField(max_length=LONGEST_CODE)

    def __init__(self, *args: Any, user: Any, sealed: str | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.secret = sealing.unseal(sealed) if sealed else None

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"])
        self.step = codes.matching_step(self.secret, code, at=now()) if self.secret else None
        if self.step is None:
            raise ValidationError(WrongCode.message)
        return code


NO_CREDENTIAL = ValidationError({"credential": "This is no credential of a passkey."})


class NewPasskey(AddWebAuthnInput):
    name = inputs.CharField(max_length=LONGEST_NAME, required=False)

    def clean(self) -> dict[str, Any]:
        # allauth looks at no credential that is false or 0, and keeps it.
        if "credential" in self.cleaned_data and not isinstance(self.cleaned_data["credential"], dict):
            raise NO_CREDENTIAL
        try:
            return dict(super().clean())
        except (AttributeError, LookupError, TypeError, ValueError, struct.error) as exc:
            # fido2 reads CBOR that a client may have made up, and lets out whatever it stumbles over.
            raise NO_CREDENTIAL from exc

    def chosen(self) -> dict[str, Any]:
        return {"name": self.cleaned_data["name"], "credential": self.cleaned_data["credential"]}


class PasskeyName(inputs.Input):
    name = inputs.CharField(max_length=LONGEST_NAME)


# ---- log-in through others -------------------------------------------------------------------------------------------


class WayOut(inputs.Input):
    provider = inputs.CharField(max_length=200)
    callback_url = inputs.CharField(max_length=2000)

    def clean_callback_url(self) -> str:
        address = str(self.cleaned_data["callback_url"])
        if not front_ends.is_ours(address):
            raise ValidationError(front_ends.NOT_OURS)
        return address


class WayBack(inputs.Input):
    provider = inputs.CharField(max_length=200)
    code = inputs.CharField(max_length=4000)
    state = inputs.CharField(max_length=4000)


class ProviderToken(ProviderTokenInput):
    def clean(self) -> dict[str, Any]:
        try:
            return dict(super().clean())
        except (AttributeError, LookupError, TypeError, ValueError) as exc:
            # The token is looked into before it is known to be one.
            raise ValidationError({"token": "This is no token of the provider."}) from exc


class Address(inputs.Input):
    email = forms.EmailField(max_length=254)
