"""Days and months of use, summed up from the rollups of the ledger. Twice is once; chats wait for none of it."""

from __future__ import annotations

from datetime import date, datetime

from django.db import connection, transaction

from analytics.moments import Moment
from analytics.summing_statements import CUSTOMERS, FORGET_DAYS, KINDS, ONE_AT_A_TIME, USAGE
from quotas.days import Days


def sum_up(days: Days, moment: Moment) -> None:
    """Make the sums of these days, and of their months, say what the rollups say now."""
    for day in days:
        _sum_up_day(Days(day, day, days.zone), moment)


@transaction.atomic
def _sum_up_day(day: Days, moment: Moment) -> None:
    params: dict[str, date | datetime | str] = {
        "day": day.first,
        "starts_at": day.starts_at,
        "ends_at": day.ends_at,
        "at": moment.at,
        "gateway": moment.gateway,
        "month": day.first.replace(day=1),
    }
    with connection.cursor() as cursor:
        for statement in (ONE_AT_A_TIME, *FORGET_DAYS, USAGE, KINDS, CUSTOMERS):
            cursor.execute(statement, params)
