"""Where a ceremony has two steps, GET gives what the client needs for it, and POST takes what came of it."""

from django.urls import path

from accounts.factors import views
from accounts.factors.views import for_anyone, for_persons

urlpatterns = [
    path("auth/2fa", for_anyone(views.SecondFactor)),
    path("auth/2fa/passkey", for_anyone(views.SecondFactorPasskey)),
    path("auth/passkey", for_anyone(views.PasskeyLogin)),
    path("auth/reauthenticate", for_persons(views.Reauthenticate)),
    path("auth/reauthenticate/2fa", for_persons(views.ReauthenticateByCode)),
    path("auth/reauthenticate/passkey", for_persons(views.ReauthenticateByPasskey)),
    path("auth/authenticators", for_persons(views.Authenticators)),
    path("auth/authenticators/totp", for_persons(views.Totp)),
    path("auth/authenticators/recovery-codes", for_persons(views.RecoveryCodes)),
    path("auth/authenticators/passkeys", for_persons(views.Passkeys)),
    path("auth/authenticators/passkeys/<int:passkey_id>", for_persons(views.Passkey)),
]
