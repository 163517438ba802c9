from django.apps import AppConfig


class AssistantsConfig(AppConfig):
    name = "assistants"

    def ready(self) -> None:
        from accounts import erasure
        from assistants import holdings, traces

        holdings.contribute()
        erasure.contribute(traces.take_out)
