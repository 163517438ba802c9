"""What is measured inside the product's own code: a reservation with its settlement, and how PostgreSQL goes about each
report. A part of `bench.ledger`, in a process of its own."""

import asyncio
import json
import sys
import uuid
from statistics import median
from time import perf_counter

import django


async def settle_often(key: str, times: int) -> list[float]:
    """Milliseconds of each reservation with its settlement, one after the other."""
    from asgiref.sync import sync_to_async
    from django.utils.timezone import now

    from accounts import callers, database
    from quotas import metering
    from quotas.metering import Ask
    from quotas.models import Basis

    caller = await sync_to_async(callers.identify)({"x-api-key": key})
    taken = []
    for _ in range(times):
        begun = perf_counter()
        asks = {"tokens": Ask.exactly(10), "requests": Ask.exactly(1), "cost": Ask.exactly(90)}
        admission = await metering.reserve(
            caller, asks, request_id=f"req_{uuid.uuid4().hex}", at=now(), model="model-1", price={"input": 3000000}
        )
        await metering.settle(admission.reservation_id, {"tokens": 9, "cost": 81, "requests": 1}, basis=Basis.REPORTED)
        taken.append((perf_counter() - begun) * 1000)
    await database.close_pool()
    return taken


def settle(key: str, times: str) -> None:
    taken = asyncio.run(settle_often(key, int(times)))
    print(json.dumps(median(taken[len(taken) // 10 :])))


def plans(key: str, rare: str) -> None:
    """`rare` is JSON: the ids of the rare key and member."""
    from django.db import connection
    from django.utils.timezone import now

    from accounts import callers
    from quotas import history, statements
    from quotas.days import until, whole_months
    from quotas.history import Wanted
    from quotas.totals import within

    caller, named = callers.identify({"x-api-key": key}), json.loads(rare)
    wanted = {
        "any": Wanted(),
        "rare meter": Wanted(meter="operations"),
        "rare model": Wanted(model="model-0"),
        "rare key": Wanted(key=named["key"]),
        "rare member": Wanted(member=named["member"]),
        "no such model": Wanted(model="none"),
        "rare key, frequent model": Wanted(key=named["key"], model="model-1"),
        "frequent key, rare model": Wanted(key=named["often"], model="model-0"),
        "a day": Wanted(starts_at=until(now().date(), 9, caller.zone).starts_at, ends_at=now()),
    }
    for name, which in wanted.items():
        found = history.lines(caller, which).order_by("-created_at", "-pk")[:21]
        print(f"--- history, {name}\n{found.explain(analyze=True, buffers=True)}")
    days, months = until(now().date(), 30, caller.zone), whole_months(now(), 12, caller.zone)
    for name, statement, span in [
        ("daily", statements.DAILY, days), ("monthly", statements.MONTHLY, months), ("stats", statements.PATTERNS, days)
    ]:  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", within(caller.workspace_id, span, None))
            print(f"--- {name}", *(row[0] for row in cursor.fetchall()), sep="\n")


def main() -> None:
    django.setup()
    {"settle": settle, "plans": plans}[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
