"""Filling, and asking, inside the product's own code. A part of `bench.figures`, in a process of its own."""

import json
import sys
from collections.abc import Callable
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

import django

# No triggers: every reference is right.
SETTINGS = (
    "SET session_replication_role = replica",
    "SET maintenance_work_mem = '1GB'",
    "SET work_mem = '512MB'",
)


def questions() -> dict[str, list[tuple[str, Callable[[], object]]]]:
    """What each answer of the API is made of, part by part."""
    from django.utils.timezone import now

    from analytics import customers, kpis, margins, usage
    from analytics.alerts.counting import COUNTS, Counted, Span
    from analytics.alerts.raising import window_start
    from analytics.models import AlertRule
    from analytics.moments import here

    costs = (AlertRule.Kind.COST, AlertRule.Kind.WORKSPACE_COST, AlertRule.Kind.MARGIN)
    moment = here(now())
    month = moment.months(1)

    def users(sort: str, **wanted: str) -> tuple[str, Callable[[], object]]:
        found = customers.customers(moment, **wanted)
        return f"{sort} {wanted or ''}".strip(), lambda: customers.following(found, sort, None, 21)

    def look(kind: AlertRule.Kind, window: AlertRule.Window) -> list[Counted]:
        """Beyond what nobody reaches: how many are found is no matter of the query."""
        return list(COUNTS[kind](Span(window, window_start(window, moment.at), moment.at, 10**9)))

    return {
        "dashboard": [
            *((name, partial(kpi, moment)) for name, kpi in kpis.KPIS.items()),
            ("usage", lambda: usage.usage(moment.days(30))),
            ("margins by plan", lambda: margins.by_plan(month, moment)),
            ("margins by model", lambda: margins.by_model(month, moment)),
            ("losses", lambda: margins.losses(month, moment, paying=False, count=10)),
            ("top users", lambda: usage.top_customers(month.first, by="tokens", count=10)),
        ],
        "users": [
            *(users(sort) for sort in customers.SORTS),
            users("created_at", search="somebody-777"),
            users("created_at", tier="scale"),
            users("cost", tier="scale"),
            users("cost", tier="free"),
            users("cost", search="somebody-777"),
        ],
        "alerts": [
            (f"{kind} of the {window}", partial(look, kind, window))
            for kind in AlertRule.Kind
            for window in (AlertRule.Window if kind in costs else [AlertRule.Window.DAY])
        ],
        "revenue-breakdown": [(by, partial(group, moment)) for by, group in kpis.BREAKDOWNS.items()],
    }


class Watch:
    """What the database was asked meanwhile, and how long it took, in ms."""

    def __init__(self) -> None:
        self.ms = 0.0
        self.asked: list[tuple[str, Any]] = []

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        begun = perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.ms += (perf_counter() - begun) * 1000
            self.asked.append((sql, params))


def measure(times: str) -> None:
    """Of each the median, and the fastest, which says what it costs where others want the processor too."""
    from django.db import connection

    found: dict[str, dict[str, list[float]]] = {}
    plans = []
    for answer, parts in questions().items():
        for name, ask in parts:
            taken = []
            for _ in range(int(times) + 1):
                watch = Watch()
                with connection.execute_wrapper(watch):
                    ask()
                taken.append(watch.ms)
            found.setdefault(answer, {})[name] = [median(taken[1:]), min(taken[1:])]
            print(f"{answer}: {name} {found[answer][name][0]:.1f} ms", file=sys.stderr)
            for sql, params in watch.asked:
                with connection.cursor() as cursor:
                    cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", params)
                    plans.append(f"## {answer}: {name}\n\n" + "\n".join(row[0] for row in cursor.fetchall()))
    print(json.dumps({"found": found, "plans": "\n\n".join(plans)}))


def fill(workspaces: str, days: str) -> None:
    """Prints how many entries the ledger has then, and how many bytes the database."""
    from django.db import connection

    from bench.figures.filling import FILL, MOST_WORKS, PLANS
    from bench.ledger.filling import LEDGER, take_indexes
    from bench.people import DEMO_EMAIL

    sizes: dict[str, Any] = {"workspaces": int(workspaces), "days": int(days), "most": MOST_WORKS}
    with connection.cursor() as cursor:
        for statement in SETTINGS:
            cursor.execute(statement)
        remade = take_indexes(cursor.connection)
        params = {**sizes, "plans": list(PLANS), "demo": DEMO_EMAIL, "plan": "free"}
        for statement in filter(str.strip, (FILL + LEDGER).split(";")):
            cursor.execute(statement, params)
        for statement in [*remade, "VACUUM ANALYZE", "CHECKPOINT"]:
            cursor.execute(statement)
        cursor.execute("SELECT count(*), pg_database_size(current_database()) FROM quotas_entry")
        print(json.dumps(cursor.fetchone()))


def sum_up(days: str) -> None:
    from django.db import connection
    from django.utils.timezone import now

    from analytics import kpis, margins, summing
    from analytics.moments import here

    moment = here(now())
    begun = perf_counter()
    summing.sum_up(moment.days(int(days)), moment)
    all_of_them = perf_counter() - begun
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    begun = perf_counter()
    summing.sum_up(moment.days(2), moment)
    each_minute = perf_counter() - begun
    begun = perf_counter()
    kpis.keep(moment)
    margins.keep(moment)
    print(json.dumps({"all": all_of_them, "each_minute": each_minute, "kept": perf_counter() - begun}))


if __name__ == "__main__":
    django.setup()
    parts: dict[str, Callable[..., None]] = {"fill": fill, "sum_up": sum_up, "measure": measure}
    parts[sys.argv[1]](*sys.argv[2:])
