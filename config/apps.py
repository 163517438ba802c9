from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        # drf-spectacular learns our credentials by this import, and whoever hands a job to Celery which broker is ours.
        from config import celery, schema  # noqa: F401
