from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as PasswordRefused
from rest_framework import serializers

from accounts.models import ApiKey, User


class Registration(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=200, trim_whitespace=False, style={"input_type": "password"})
    name = serializers.CharField(max_length=150, required=False, default="", allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            validate_password(attrs["password"], User(email=attrs["email"], name=attrs["name"]))
        except PasswordRefused as refused:
            raise serializers.ValidationError({"password": refused.messages}) from refused
        return attrs


class Login(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=200, trim_whitespace=False, style={"input_type": "password"})


class RefreshTokenBody(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=2000)


class UserView(serializers.ModelSerializer[User]):
    workspace_id = serializers.UUIDField(source="personal_workspace.id", read_only=True)
    time_zone = serializers.CharField(source="personal_workspace.time_zone", read_only=True)

    class Meta:
        model = User
        fields = ["id", "email", "name", "is_staff", "workspace_id", "time_zone", "created_at"]


class ProfileChange(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=150, allow_blank=True, required=False)


class SignedIn(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()
    user = UserView()


class NewApiKey(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)


class ApiKeyView(serializers.ModelSerializer[ApiKey]):
    class Meta:
        model = ApiKey
        fields = ["id", "name", "prefix", "created_at", "revoked_at"]


class CreatedApiKey(ApiKeyView):
    key = serializers.CharField(help_text="The key itself. It is not shown again.")

    class Meta(ApiKeyView.Meta):
        fields = [*ApiKeyView.Meta.fields, "key"]
