"""The usage statement: what it says is what the ledger says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Sum
from django.utils.timezone import now

from accounts.tests.factories import Person
from billing import subscriptions
from billing.models import Invoice
from config.tests.product import Product
from conftest import Run
from quotas.models import Entry
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import spend
from quotas.tests.test_overage import operate

PATH = "/api/v1/quotas/statement"


def statement(product: Product, person: Person, **query: Any) -> Any:
    return product.http.get(PATH, params=query, headers=person.headers).json()


def test_it_equals_the_ledger(product: Product, run: Run[Any], alice: Person) -> None:
    subscriptions.put_on_plan(alice.workspace, "starter", at=now())
    spend(run, alice, 300)
    spend(run, alice, 40)
    run(operate(alice, 98))
    run(operate(alice, 7))

    said = {line["meter"]: line for line in statement(product, alice)["charged"]}

    ledger = Entry.objects.filter(bucket__workspace=alice.workspace).values("bucket__meter").annotate(sum=Sum("amount"))
    assert {meter: line["used"] for meter, line in said.items()} == {row["bucket__meter"]: row["sum"] for row in ledger}
    assert (said["operations"]["beyond"], said["operations"]["amount"]) == (5, 40)
    assert said["tokens"]["entries"] == 2


def test_what_was_carried_over_is_no_use(product: Product, run: Run[Any], alice: Person) -> None:
    spend(run, alice, 300)
    subscriptions.put_on_plan(alice.workspace, "starter", at=now())
    spend(run, alice, 20)

    [line] = statement(product, alice)["charged"]
    assert line["used"] == 320


def test_only_its_own_time_counts(product: Product, run: Run[Any], alice: Person) -> None:
    spend(run, alice, 300)
    hour = timedelta(hours=1)

    past = statement(product, alice, starts_at=(now() - 3 * hour).isoformat(), ends_at=(now() - hour).isoformat())

    assert past["charged"] == []


def test_credits_and_refunds_are_noted(product: Product, alice: Person) -> None:
    at = now()
    amounts = dict.fromkeys(["subtotal", "total", "amount_paid", "amount_due"], 2900)
    for number, (credited, refunded) in enumerate([(100, 0), (0, 900), (0, 0)]):
        Invoice.objects.create(
            workspace=alice.workspace,
            gateway="demo",
            stripe_id=f"demo_in_{alice.workspace.pk.hex}_{number}",
            status="paid",
            currency="USD",
            credited=credited,
            refunded=refunded,
            period_start=at,
            period_end=at,
            created_at=at,
            **amounts,
        )

    assert statement(product, alice)["given_back"] == [{"currency": "USD", "credited": 100, "refunded": 900}]


def test_half_a_period_is_refused(product: Product, alice: Person) -> None:
    for query in (
        {"starts_at": now().isoformat()},
        {"starts_at": now().isoformat(), "ends_at": "2020-01-01T00:00:00Z"},
    ):
        answer = product.http.get(PATH, params=query, headers=alice.headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
