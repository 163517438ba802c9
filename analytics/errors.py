"""Why something about the feed, alerts or webhooks is refused."""


class AnalyticsError(Exception):
    code = "analytics_error"


class AddressRefused(AnalyticsError):
    """A webhook may not lead there."""

    code = "webhook_address_refused"


class TooManyWebhooks(AnalyticsError):
    code = "too_many_webhooks"

    def __init__(self, limit: int) -> None:
        super().__init__(f"There are {limit} webhooks already. Delete one first.")
