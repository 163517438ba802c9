from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        # drf-spectacular learns our credentials by this import.
        from config import schema  # noqa: F401
