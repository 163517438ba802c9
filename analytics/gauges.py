"""How things stand at the moment of a scrape: of this process, and by the database of the whole product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from psycopg import OperationalError

from accounts import database
from accounts.database import Row
from analytics.live import tail
from assistants import providers, running
from assistants.providers import breaker

# Each by an index that holds no more than what waits.
STANDING = """
    SELECT
        (SELECT count(*) FROM quotas_reservation WHERE state = 'pending') AS reservations,
        stripe.waiting AS stripe_events, stripe.lag AS stripe_lag, ours.waiting AS deliveries, ours.lag AS delivery_lag
    FROM (
        SELECT count(*) AS waiting, COALESCE(EXTRACT(epoch FROM now() - min(received_at)), 0)::float AS lag
        FROM billing_stripeevent WHERE handled_at IS NULL
    ) stripe, (
        SELECT count(*) AS waiting, COALESCE(EXTRACT(epoch FROM now() - min(due_at)), 0)::float AS lag
        FROM analytics_delivery WHERE due_at <= now()
    ) ours
"""

WHOLE = {
    "reservations": ("stipend_reservations_open", "Holds that are not resolved."),
    "stripe_events": ("stipend_stripe_events_unhandled", "Webhooks of Stripe's that are not handled."),
    "stripe_lag": ("stipend_stripe_events_lag_seconds", "How long the oldest of them has waited."),
    "deliveries": ("stipend_webhook_deliveries_due", "Webhooks of ours that are due."),
    "delivery_lag": ("stipend_webhook_deliveries_lag_seconds", "How long the first of them has been due."),
}


class Standing(Collector):
    """`row` is the database's, None where it is away: then nothing is said of the whole product."""

    def __init__(self, row: Row | None) -> None:
        self._row = row
        self._sockets = tail.here().sockets

    def collect(self) -> Iterator[GaugeMetricFamily]:
        streams = running.streams()
        yield GaugeMetricFamily("stipend_streams_open", "Answers that are being streamed.", streams)
        yield GaugeMetricFamily("stipend_feed_sockets_open", "Sockets that follow the feed.", self._sockets)
        yield GaugeMetricFamily("stipend_database_up", "Whether it answers.", int(self._row is not None))
        yield _labelled("stipend_provider_left_alone", "Not asked, having failed.", "provider", _left_alone())
        for name, (metric, told) in WHOLE.items() if self._row else ():
            yield GaugeMetricFamily(metric, told, self._row[name] if self._row else None)


async def scrape() -> bytes:
    """All there is to tell, in Prometheus' text format."""
    standing = CollectorRegistry()
    standing.register(Standing(await _standing()))
    return generate_latest(REGISTRY) + generate_latest(standing)


async def _standing() -> Row | None:
    try:
        return await database.fetch_one(STANDING, {})
    except OperationalError:
        return None


def _left_alone() -> dict[str, int]:
    return {known.name: int(breaker.of(known.name).state != "closed") for known in providers.every()}


def _labelled(name: str, told: str, label: str, values: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, told, labels=[label])
    for word, value in values.items():
        family.add_metric([word], value)
    return family
