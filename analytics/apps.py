from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"

    def ready(self) -> None:
        from accounts import erasure
        from analytics import holdings, receivers, traces

        holdings.contribute()
        erasure.contribute(traces.take_out)
        receivers.connect()
