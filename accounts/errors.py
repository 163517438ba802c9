"""What can go wrong with who is asking. Each error has a stable `code`; `config.errors` gives it a status."""

from __future__ import annotations


class AccountError(Exception):
    code = "account_error"
    message = "Something is wrong with this account."

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)


class NotAuthenticated(AccountError):
    code = "not_authenticated"
    message = "Send an access token or an API key: `Authorization: Bearer …` or `x-api-key: …`."


class InvalidCredentials(AccountError):
    """The token or key is unknown, expired or revoked, or the email and password do not match."""

    code = "invalid_credentials"
    message = "These credentials are not valid, or not any more."


NO_MATCH = "Email and password do not match an account."


class EmailTaken(AccountError):
    code = "email_taken"
    message = "There is an account with this email already."


class TooMany(AccountError):
    """Come back in `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class TooManyAttempts(TooMany):
    code = "too_many_attempts"
    message = "This was tried too often. Wait, then try again."


class KeyRefused(AccountError):
    """The key out of a letter is forged, too old, spent, or for something that has changed meanwhile."""

    code = "invalid_key"
    message = "This link was used before, is too old, or is not whole. Ask for a new one."


class RateLimited(TooMany):
    """More than `limit` requests in a window of so many seconds; `policy` is the name the rate has in `RATES`."""

    code = "rate_limited"
    message = "Too many requests. Wait, then try again."

    def __init__(self, policy: str, limit: int, *, window: int, retry_after: int) -> None:
        super().__init__(retry_after)
        self.policy = policy
        self.limit = limit
        self.window = window


class UnknownWorkspace(AccountError):
    """It does not exist, or not for this person: nobody is told which."""

    code = "workspace_not_found"
    message = (
        "There is no such workspace among yours. A session that was switched to one that is gone is back in your own "
        "after its next refresh."
    )


class InsufficientScope(AccountError):
    code = "insufficient_scope"

    def __init__(self, needs: str | tuple[str, ...], *, by_key: bool) -> None:
        who = "This API key may not do that" if by_key else "Your role here does not allow that"
        wanted = [needs] if isinstance(needs, str) else needs
        takes = " or ".join("a person who is signed in" if need == "person" else f"the scope {need}" for need in wanted)
        super().__init__(f"{who}: it takes {takes or 'what nobody has'}.")


class WrongPassword(AccountError):
    """Of somebody who is signed in already."""

    code = "wrong_password"
    message = "This is not your password."


class SecondFactorRequired(AccountError):
    """The first factor was right. `session_token` names the log-in that waits for the second."""

    code = "second_factor_required"
    message = "Prove a second factor at /api/v1/auth/2fa, with this token as X-Session-Token."

    def __init__(self, session_token: str, factors: list[str]) -> None:
        super().__init__()
        self.extra = {"session_token": session_token, "factors": factors}


class ReauthenticationRequired(AccountError):
    """It takes a fresh proof, which one of these addresses accepts."""

    code = "reauthentication_required"
    message = "Prove again that it is you, then repeat this."

    def __init__(self, addresses: list[str]) -> None:
        super().__init__(None if addresses else "Sign in again, then repeat this.")
        self.extra = {"reauthenticate": addresses}


class WrongCode(AccountError):
    code = "wrong_code"
    message = "This code is wrong, or was used before."


class AuthenticatorExists(AccountError):
    code = "authenticator_exists"
    message = "There is an authenticator app already. Remove it before you add another."


class SecondFactorMissing(AccountError):
    """Staff come in by two factors."""

    code = "second_factor_missing"
    message = "Staff need a second factor. Sign in at /api/v1/auth/login, then add one at /api/v1/auth/authenticators."


class OwnerOnly(AccountError):
    code = "owner_only"
    message = "Only the owner of a workspace may do that."


class OwnerStays(AccountError):
    """A workspace has one owner, always."""

    code = "owner_stays"
    message = "A workspace always has its owner. Transfer it first, or delete it."


class PersonalWorkspace(AccountError):
    code = "personal_workspace"
    message = "A personal workspace stays its person's for as long as they have an account."


class TooManyWorkspaces(AccountError):
    code = "too_many_workspaces"
    message = "You own as many workspaces as one person may. Delete or transfer one first."


class UnknownMember(AccountError):
    code = "member_not_found"
    message = "There is no such member in this workspace."


class AlreadyMember(AccountError):
    code = "already_member"
    message = "They are a member of this workspace already."


class EmailNotVerified(AccountError):
    code = "email_not_verified"
    message = "Verify your address first: the letter would name it."


class OwnsATeam(AccountError):
    """Others belong to these workspaces, which would have no owner."""

    code = "owns_a_team"

    def __init__(self, workspaces: list[str]) -> None:
        names = ", ".join(workspaces)
        super().__init__(f"Others belong to what you own ({names}): transfer or delete it, or remove them, first.")


class UnknownProvider(AccountError):
    code = "provider_not_found"
    message = "There is no such provider here. They are listed at /api/v1/auth/providers."


class ProviderRefused(AccountError):
    code = "provider_refused"
    message = "The provider did not say who this is. Begin again."


class ProviderUnavailable(AccountError):
    code = "provider_unavailable"
    message = "The provider does not answer. Try again."


class ProviderAccountTaken(AccountError):
    code = "provider_account_taken"
    message = "This log-in belongs to an account already. Sign in by it, or disconnect it there."


class EmailRequired(AccountError):
    """The provider named no address. `session_token` names the sign-up that waits for one."""

    code = "email_required"
    message = (
        "Send an email to /api/v1/auth/providers/sign-up, with this token as X-Session-Token: the provider named none."
    )

    def __init__(self, session_token: str) -> None:
        super().__init__()
        self.extra = {"session_token": session_token}


class LastWayIn(AccountError):
    code = "last_way_in"
    message = "This is the only way into your account. Set a password or add a passkey first."


class IdempotencyKeyInvalid(AccountError):
    code = "idempotency_key_invalid"
    message = "Idempotency-Key: 1 to 255 printable characters of ASCII, such as a UUID."


class IdempotencyKeyInUse(AccountError):
    code = "idempotency_key_in_use"
    message = "A request with this Idempotency-Key is under way. Ask again in a moment for its answer."


class IdempotencyKeyReused(AccountError):
    code = "idempotency_key_reused"
    message = "This Idempotency-Key was used for another request. Take a new one."


class AnswerNotKept(AccountError):
    """It was done, or may have been, and is not done again."""

    code = "answer_not_kept"
    message = "A request with this Idempotency-Key was begun, and its answer is not kept. Look at what it did first."
