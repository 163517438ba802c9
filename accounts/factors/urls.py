"""Where a ceremony has two steps, GET gives what the client needs for it, and POST takes what came of it."""

from django.urls import path

from accounts.factors import provider_views as elsewhere
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
    path("auth/providers", for_anyone(elsewhere.Providers)),
    path("auth/providers/redirect", for_anyone(elsewhere.Redirect)),
    path("auth/providers/finish", for_anyone(elsewhere.Finish)),
    path("auth/providers/token", for_anyone(elsewhere.Token)),
    path("auth/providers/sign-up", for_anyone(elsewhere.SignUp)),
    # allauth finds these by name: they are what is registered with the providers.
    path("auth/providers/google/callback", elsewhere.callback, name="google_callback"),
    path("auth/providers/github/callback", elsewhere.callback, name="github_callback"),
    path("auth/providers/<slug:provider_id>/callback", elsewhere.callback, name="openid_connect_callback"),
    path("auth/connections", for_persons(elsewhere.Connections)),
    path("auth/connections/redirect", for_persons(elsewhere.ConnectRedirect)),
    path("auth/connections/finish", for_persons(elsewhere.ConnectFinish)),
    path("auth/connections/token", for_persons(elsewhere.ConnectToken)),
    path("auth/connections/<int:connection_id>", for_persons(elsewhere.Connection)),
]
