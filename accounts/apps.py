from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import erasure, holdings, traces
        from accounts.factors import holdings as factors
        from accounts.factors import traces as factor_traces

        holdings.contribute()
        factors.contribute()
        erasure.contribute(factor_traces.take_out)
        erasure.contribute(traces.take_out)


class ConsoleConfig(AdminConfig):
    """Django's admin, with our own way in."""

    default_site = "accounts.console.Console"
