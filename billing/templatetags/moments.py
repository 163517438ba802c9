from datetime import UTC, datetime

from django import template

register = template.Library()


@register.filter
def moment(seconds: int | None) -> datetime | None:
    """Of Stripe's seconds, for the filter `date`."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
