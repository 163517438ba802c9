"""Reports as CSV, which a spreadsheet opens: what is in a cell is never a formula."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO
from zoneinfo import ZoneInfo

from accounts.meters import Meter
from quotas.models import Reservation
from quotas.totals import Total

FORMULA = re.compile(r"(^|[;\t\r\n])(?=[=+\-@\t\r\n\uff0b\uff0d\uff1d\uff20])")  # the wide ones too
"""Where one would begin, in a cell or in what a spreadsheet that separates by something else takes for the next."""
METERS = list(map(str, Meter))
HISTORY = ["request_id", "at", "model", "key", "key_prefix", "member", "state", "basis", "plan", *METERS]
DAYS = ["date", *METERS]

Cell = str | int


def written(rows: Iterable[Sequence[Cell]]) -> bytes:
    """These rows, with what would begin a formula behind an apostrophe."""
    text = StringIO()
    csv.writer(text).writerows([[_harmless(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def line(work: Reservation, zone: ZoneInfo) -> list[Cell]:
    """One of `HISTORY`. Cost is in micro-USD, the moment on the workspace's clock."""
    return [
        work.request_id,
        work.created_at.astimezone(zone).isoformat(),
        work.model,
        work.key.name if work.key else "",
        work.key.prefix if work.key else "",
        work.member.email if work.member else "",
        work.state,
        work.basis,
        work.plan,
        *(work.spent.get(meter, 0) for meter in METERS),
    ]


def day(total: Total) -> list[Cell]:
    return [total.date.isoformat(), *(total.meters[meter].used for meter in METERS)]


def _harmless(cell: Cell) -> Cell:
    return FORMULA.sub(r"\1'", cell) if isinstance(cell, str) else cell
