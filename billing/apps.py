from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from accounts import erasure
        from billing import holdings, leaving, subscriptions

        holdings.contribute()
        erasure.contribute(subscriptions.end_for)
        leaving.contribute()
