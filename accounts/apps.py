from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import holdings
        from accounts.factors import holdings as factors

        holdings.contribute()
        factors.contribute()


class ConsoleConfig(AdminConfig):
    """Django's admin, with our own way in."""

    default_site = "accounts.console.Console"
