from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as PasswordRefused
from django.core.validators import RegexValidator
from django.utils.timezone import now
from rest_framework import serializers

from accounts import exports
from accounts.api_keys import Powers
from accounts.authentication import caller_of
from accounts.meters import POLICIES
from accounts.models import ApiKey, Export, Profile, Scope, TokenFamily, User, default_scopes

MOST = 2**63 - 1
SHORT: dict[str, Any] = {"required": False, "allow_blank": True}
PHONE = RegexValidator(r"^\+[1-9][0-9]{6,14}$", "Write it as +4915112345678, with the country and without spaces.")
CURRENCY = RegexValidator(r"^[A-Z]{3}$", "Three capital letters of ISO 4217, such as EUR.")


class Address(serializers.EmailField):
    """One that a letter can be written to. Quoted local parts may hold anything, links too, so they are refused."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=254, **options)

    def run_validators(self, value: str) -> None:
        super().run_validators(value)
        try:
            value.rpartition("@")[2].encode("idna")
        except UnicodeError as exc:
            raise serializers.ValidationError("Enter a valid email address.") from exc
        if '"' in value:
            raise serializers.ValidationError("Enter a valid email address.")


class ProfileFields(serializers.Serializer[Any]):
    """Money is in minor units of `currency`."""

    name = serializers.CharField(max_length=150, **SHORT)
    phone = serializers.CharField(max_length=20, validators=[PHONE], **SHORT)
    business_name = serializers.CharField(max_length=255, **SHORT)
    industry = serializers.CharField(max_length=100, **SHORT)
    sub_industry = serializers.CharField(max_length=100, **SHORT)
    core_processes = serializers.ListField(
        child=serializers.CharField(max_length=100), max_length=50, allow_empty=True, required=False
    )
    monthly_revenue = serializers.IntegerField(min_value=0, max_value=MOST, allow_null=True, required=False)
    currency = serializers.CharField(max_length=3, validators=[CURRENCY], required=False)
    employees = serializers.IntegerField(min_value=0, max_value=10_000_000, allow_null=True, required=False)
    goal_amount = serializers.IntegerField(min_value=0, max_value=MOST, allow_null=True, required=False)
    goal_years = serializers.IntegerField(min_value=0, max_value=100, allow_null=True, required=False)


class ProfileChange(ProfileFields):
    pass


class Registration(ProfileFields):
    email = Address()
    password = serializers.CharField(max_length=200, trim_whitespace=False, style={"input_type": "password"})

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        check_password_strength(attrs["password"], User(email=attrs["email"], name=attrs.get("name", "")))
        return attrs


def check_password_strength(password: str, user: User, field: str = "password") -> None:
    try:
        validate_password(password, user)
    except PasswordRefused as refused:
        raise serializers.ValidationError({field: refused.messages}) from refused


class Login(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=200, trim_whitespace=False, style={"input_type": "password"})


class Erasure(serializers.Serializer[Any]):
    password = serializers.CharField(
        max_length=200, trim_whitespace=False, style={"input_type": "password"}, required=False
    )


class RefreshTokenBody(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=2000)


class UserView(serializers.ModelSerializer[User]):
    workspace_id = serializers.UUIDField(
        source="personal_workspace.id", read_only=True, help_text="Their personal workspace, which `time_zone` is of."
    )
    time_zone = serializers.CharField(source="personal_workspace.time_zone", read_only=True)
    email_verified = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = [
            "id",
            "email",
            "email_verified",
            *(field.name for field in Profile._meta.fields),
            "is_staff",
            "workspace_id",
            "time_zone",
            "created_at",
        ]

    def get_email_verified(self, user: User) -> bool:
        return user.email_verified_at is not None


class Me(UserView):
    """With what this very request may do, and where."""

    acting_workspace_id = serializers.UUIDField(help_text="By header, session or key; else your own.")
    role = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())

    class Meta(UserView.Meta):
        fields = [*UserView.Meta.fields, "acting_workspace_id", "role", "scopes"]


class SignedIn(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()
    user = UserView()


class StaffSignedIn(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="A staff token, with `role: admin`, good for 8 hours.")
    user = UserView()


# ---- what takes a letter, or ends in one


class Key(serializers.Serializer[Any]):
    key = serializers.CharField(max_length=1000, help_text="From the link in the letter, behind `#key=`.")


class VerifiedEmail(serializers.Serializer[Any]):
    email = serializers.EmailField()


class NewEmail(serializers.Serializer[Any]):
    email = Address()
    password = serializers.CharField(
        max_length=200, trim_whitespace=False, style={"input_type": "password"}, help_text="The present one."
    )


class PasswordChange(serializers.Serializer[Any]):
    password = serializers.CharField(
        max_length=200, trim_whitespace=False, style={"input_type": "password"}, help_text="The present one."
    )
    new_password = serializers.CharField(max_length=200, trim_whitespace=False, style={"input_type": "password"})


class PasswordReset(serializers.Serializer[Any]):
    email = Address()


class ResetAsked(serializers.Serializer[Any]):
    detail = serializers.CharField()


class NewPassword(Key):
    password = serializers.CharField(max_length=200, trim_whitespace=False, style={"input_type": "password"})


# ---- sessions


class SessionView(serializers.ModelSerializer[TokenFamily]):
    current = serializers.SerializerMethodField(help_text="Whether it is the one that asks.")

    class Meta:
        model = TokenFamily
        fields = ["id", "created_at", "refreshed_at", "expires_at", "ip", "user_agent", "is_staff", "current"]

    def get_current(self, session: TokenFamily) -> bool:
        return bool(session.pk == caller_of(self.context["request"]).family_id)


# ---- API keys


class KeyChange(serializers.Serializer[Any]):
    """`limits` are amounts by policy, such as `{"tokens-day": 10000, "requests-month": 500}`, below the workspace's."""

    name = serializers.CharField(max_length=100, required=False)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices), allow_empty=False, max_length=10, required=False
    )
    allowed_models = serializers.ListField(child=serializers.CharField(max_length=80), max_length=50, required=False)
    limits = serializers.DictField(child=serializers.IntegerField(min_value=0, max_value=MOST), required=False)
    expires_at = serializers.DateTimeField(allow_null=True, required=False)

    def validate_scopes(self, scopes: list[str]) -> list[str]:
        return [scope for scope in Scope if scope in scopes]

    def validate_limits(self, limits: dict[str, int]) -> dict[str, int]:
        return known_policies(limits)

    def validate_expires_at(self, moment: Any) -> Any:
        if moment and moment <= now():
            raise serializers.ValidationError("This moment has passed.")
        return moment


def known_policies(limits: dict[str, int]) -> dict[str, int]:
    if unknown := sorted(limits.keys() - POLICIES):
        raise serializers.ValidationError(f"There is no limit {unknown[0]}; there are: {', '.join(POLICIES)}.")
    return limits


class NewApiKey(KeyChange):
    name = serializers.CharField(max_length=100)

    def powers(self) -> Powers:
        asked = {name: value for name, value in self.validated_data.items() if name != "name"}
        return Powers(**{"scopes": default_scopes(), **asked})


class Rotation(serializers.Serializer[Any]):
    overlap_seconds = serializers.IntegerField(min_value=0, max_value=30 * 86_400, default=86_400)


class ApiKeyView(serializers.ModelSerializer[ApiKey]):
    user_id = serializers.UUIDField(read_only=True)

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "name",
            "prefix",
            "user_id",
            "scopes",
            "allowed_models",
            "limits",
            "created_at",
            "last_used_at",
            "expires_at",
            "former_prefix",
            "former_until",
            "revoked_at",
        ]


class CreatedApiKey(ApiKeyView):
    key = serializers.CharField(help_text="The key itself. It is not shown again.")

    class Meta(ApiKeyView.Meta):
        fields = [*ApiKeyView.Meta.fields, "key"]


class ExportView(serializers.ModelSerializer[Export]):
    download = serializers.SerializerMethodField(
        help_text="Where the file is, for the next ten minutes and without a credential. Null until it is ready."
    )

    class Meta:
        model = Export
        fields = ["id", "state", "created_at", "ready_at", "expires_at", "size", "download"]

    def get_download(self, export: Export) -> str | None:
        if not exports.is_there(export, at=now()):
            return None
        return f"/api/v1/auth/exports/{export.pk}?key={exports.key_for(export)}"
