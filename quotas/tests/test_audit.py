"""The audit finds each kind of damage. Every test damages rows in a transaction that is rolled back."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils.timezone import now

from accounts.audit import SYSTEM
from accounts.tests.factories import Person, person
from billing import subscriptions
from conftest import Run
from quotas import grants, metering
from quotas.audit import CHECKS, Broken, audit_ledger
from quotas.grants import Gift
from quotas.metering import Admission
from quotas.models import Basis, Grant
from quotas.sweeping import sweep_reservations
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, hold, let_lease_run_out, with_own_limits
from quotas.tests.test_overage import operate

ENTRY = """
    INSERT INTO quotas_entry (bucket_id, reservation_id, kind, amount, overrun, basis, plan, price, actor, reason,
        created_at)
    SELECT bucket_id, reservation_id, %s, %s, 0, 'reported', 'free', '{}', '', '', now()
    FROM quotas_hold WHERE reservation_id = %s
"""


@contextmanager
def damaged(sql: str, *params: Any) -> Iterator[list[Broken]]:
    """What the audit finds while these rows are damaged. Parameters stand in their order, or by name in one mapping."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(sql, params[0] if params and isinstance(params[0], dict) else params)
            assert cursor.rowcount == 1
        yield list(audit_ledger())
        transaction.set_rollback(True)


def invariants(found: list[Broken]) -> set[str]:
    return {broken.invariant for broken in found}


@pytest.fixture
def settled(run: Run[Any], alice: Person) -> Admission:
    admission: Admission = run(hold(alice, 300))
    run(metering.settle(admission.reservation_id, {"tokens": 100}, basis=Basis.REPORTED))
    return admission


@pytest.fixture
def pending(run: Run[Any], alice: Person) -> Admission:
    admission: Admission = run(hold(alice, 300))
    return admission


def test_it_finds_nothing_in_a_ledger_that_is_whole(settled: Admission, pending: Admission) -> None:
    assert list(audit_ledger()) == []


def test_it_finds_a_bucket_that_used_more_than_its_entries(alice: Person, settled: Admission) -> None:
    with damaged("UPDATE quotas_bucket SET used = used + 1 WHERE id = %s", bucket(alice).id) as found:
        assert found == [Broken("used is the sum of its entries", str(bucket(alice).id), 101, 100)]


def test_it_finds_an_entry_that_no_bucket_counts(settled: Admission) -> None:
    with damaged(ENTRY, "correction", 5, settled.reservation_id) as found:
        assert "used is the sum of its entries" in invariants(found)


def test_it_finds_a_hold_that_leaked(alice: Person, settled: Admission) -> None:
    with damaged("UPDATE quotas_bucket SET reserved = reserved + 7 WHERE id = %s", bucket(alice).id) as found:
        assert found == [Broken("reserved is the sum of its pending holds", str(bucket(alice).id), 7, 0)]


def test_it_finds_a_hold_that_was_freed_though_pending(alice: Person, pending: Admission) -> None:
    with damaged("UPDATE quotas_bucket SET reserved = 0 WHERE id = %s", bucket(alice).id) as found:
        assert invariants(found) == {"reserved is the sum of its pending holds"}


def test_it_finds_a_resolution_that_left_its_hold(pending: Admission) -> None:
    resolve = "UPDATE quotas_reservation SET state = 'settled', resolved_at = now() WHERE id = %s"
    with damaged(resolve, pending.reservation_id) as found:
        assert "reserved is the sum of its pending holds" in invariants(found)


def test_it_finds_a_hard_limit_that_was_passed(alice: Person, settled: Admission) -> None:
    with damaged('UPDATE quotas_bucket SET "limit" = 99 WHERE id = %s', bucket(alice).id) as found:
        assert found == [Broken("a hard limit is passed by overruns alone", str(bucket(alice).id), 100, 99)]


def test_it_accepts_a_soft_limit_that_was_passed(alice: Person, settled: Admission) -> None:
    with damaged('UPDATE quotas_bucket SET "limit" = 99, hard = false WHERE id = %s', bucket(alice).id) as found:
        assert found == []


def test_it_accepts_an_overrun_past_the_limit(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 10_000))

    run(metering.settle(admission.reservation_id, {"tokens": 10_050}, basis=Basis.REPORTED))

    assert list(audit_ledger()) == []


def test_it_finds_a_carry_over_that_no_entry_says(alice: Person, settled: Admission) -> None:
    with damaged("UPDATE quotas_bucket SET carried = 5 WHERE id = %s", bucket(alice).id) as found:
        assert Broken("carried is the sum of its carry-overs", str(bucket(alice).id), 5, 0) in found


@pytest.mark.parametrize(("entry", "used"), [("-1", 0), ("e.id", 100)])
def test_it_finds_overage_that_nobody_used(settled: Admission, entry: str, used: int) -> None:
    noted = f"""
        INSERT INTO billing_overage (id, workspace_id, entry_id, meter, units, unit_price, used_at, state, tries, error)
        SELECT gen_random_uuid(), r.workspace_id, {entry}, 'tokens', 400, 8, now(), 'waiting', 0, ''
        FROM quotas_entry e JOIN quotas_reservation r ON r.id = e.reservation_id WHERE r.id = %s LIMIT 1
    """
    with damaged(noted, settled.reservation_id) as found:
        beyond = "what is beyond a plan is noted once, and is no more than was used"
        assert [(broken.invariant, broken.found, broken.expected) for broken in found] == [(beyond, 400, used)]


@pytest.mark.parametrize("edit", ["resolved_at = NULL", "state = 'pending'"])
def test_it_finds_what_is_resolved_and_pending_at_once(settled: Admission, edit: str) -> None:
    with damaged(f"UPDATE quotas_reservation SET {edit} WHERE id = %s", settled.reservation_id) as found:
        assert "what is resolved says when, and what is pending does not" in invariants(found)


@pytest.mark.parametrize("state", ["released", "pending"])
def test_it_finds_a_charge_for_what_was_not_settled(settled: Admission, state: str) -> None:
    edit = "UPDATE quotas_reservation SET state = %s WHERE id = %s"
    with damaged(edit, state, settled.reservation_id) as found:
        assert "only what was settled, or expired with a checkpoint, has entries" in invariants(found)


def test_it_finds_a_second_correction(run: Run[Any], pending: Admission) -> None:
    let_lease_run_out(id=pending.reservation_id)
    sweep_reservations()
    run(metering.settle(pending.reservation_id, {"tokens": 100}, basis=Basis.REPORTED))

    with damaged(ENTRY, "correction", 5, pending.reservation_id) as found:
        assert "each reservation is corrected once at most" in invariants(found)


def test_it_finds_work_that_one_bucket_counts_and_another_does_not(run: Run[Any], alice: Person) -> None:
    admission = run(hold(with_own_limits(alice, key={"tokens-day": 1_000}), 300))
    run(metering.settle(admission.reservation_id, {"tokens": 100}, basis=Basis.REPORTED))
    key_bucket = bucket(alice, key=alice.caller.key_id)

    with damaged(ENTRY + " AND bucket_id = %s", "correction", 5, admission.reservation_id, key_bucket.id) as found:
        alike = "what was spent is charged in every bucket that held for it, of the plan's less what credits paid"
        assert Broken(alike, str(admission.reservation_id), 105, 100) in found


# Each invariant, broken in a ledger that has something of everything


@pytest.fixture(scope="module")
def rich(run: Run[Any]) -> Person:
    """Work that is settled, corrected and pending, carried over, beyond the plan, and paid by credits."""
    alice = person("Alice")
    run(hold(alice, 10))
    for amount in (100, 400):
        grants.give(alice.workspace.pk, Gift("tokens", amount, Grant.Source.GOODWILL), by=SYSTEM, at=now())
    settle(run, run(hold(alice, 10_200)), 10_200)
    late = run(hold(alice, 50))
    let_lease_run_out(id=late.reservation_id)
    sweep_reservations()
    settle(run, late, 40)
    subscriptions.put_on_plan(alice.workspace, "starter", at=now())
    run(operate(alice, 105))
    return alice


def settle(run: Run[Any], admission: Admission, tokens: int) -> None:
    run(metering.settle(admission.reservation_id, {"tokens": tokens}, basis=Basis.REPORTED))


OF_PLAN = "workspace_id = %(workspace)s AND holder_id = workspace_id"
DAMAGES = {
    "used is the sum of its entries": f"UPDATE quotas_bucket SET used = used + 1 WHERE {OF_PLAN} AND meter = 'tokens'",
    "carried is the sum of its carry-overs": f"""
        UPDATE quotas_bucket SET carried = carried + 1 WHERE {OF_PLAN} AND meter = 'tokens'
    """,
    "what a grant allows is what was given less what expired": """
        UPDATE quotas_bucket SET "limit" = "limit" + 1
        WHERE id = (SELECT min(id) FROM quotas_bucket WHERE workspace_id = %(workspace)s AND grant_id IS NOT NULL)
    """,
    "what is beyond a plan is noted once, and is no more than was used": """
        UPDATE billing_overage SET units = units + 1000 WHERE workspace_id = %(workspace)s
    """,
    "credits are held one after the other": """
        UPDATE quotas_hold SET begins = begins - 1 WHERE id = (
            SELECT h.id FROM quotas_hold h JOIN quotas_bucket b ON b.id = h.bucket_id
            WHERE b.workspace_id = %(workspace)s AND b.grant_id IS NOT NULL ORDER BY h.begins DESC LIMIT 1
        )
    """,
    "reserved is the sum of its pending holds": """
        DELETE FROM quotas_hold WHERE id = (
            SELECT h.id FROM quotas_hold h JOIN quotas_reservation r ON r.id = h.reservation_id
            WHERE r.workspace_id = %(workspace)s AND r.state = 'pending' LIMIT 1
        )
    """,
    "a hard limit is passed by overruns alone": """
        UPDATE quotas_bucket SET "limit" = 0
        WHERE id = (SELECT min(id) FROM quotas_bucket WHERE workspace_id = %(workspace)s AND grant_id IS NOT NULL)
    """,
    "what is resolved says when, and what is pending does not": """
        UPDATE quotas_reservation SET resolved_at = now() WHERE workspace_id = %(workspace)s AND state = 'pending'
    """,
    "only what was settled, or expired with a checkpoint, has entries": """
        UPDATE quotas_reservation SET state = 'released' WHERE workspace_id = %(workspace)s AND state = 'expired'
    """,
    "what was spent is charged in every bucket that held for it, of the plan's less what credits paid": """
        UPDATE quotas_reservation SET spent = '{"tokens": 41}'
        WHERE workspace_id = %(workspace)s AND corrected_at IS NOT NULL
    """,
    "rollups add up to what was spent": """
        DELETE FROM quotas_rollup WHERE workspace_id = %(workspace)s AND meter = 'operations'
    """,
    "each reservation is corrected once at most": """
        INSERT INTO quotas_entry (bucket_id, reservation_id, kind, amount, overrun, basis, plan, price, actor, reason,
            created_at)
        SELECT bucket_id, reservation_id, kind, 0, 0, basis, plan, price, actor, reason, now()
        FROM quotas_entry WHERE kind = 'correction' AND reservation_id IN (
            SELECT id FROM quotas_reservation WHERE workspace_id = %(workspace)s
        )
    """,
}


def test_every_invariant_is_broken_here() -> None:
    assert set(DAMAGES) == set(CHECKS)


@pytest.mark.parametrize("invariant", DAMAGES)
def test_it_finds_each_invariant_that_is_broken(rich: Person, invariant: str) -> None:
    with damaged(DAMAGES[invariant], {"workspace": rich.workspace.pk}) as found:
        assert invariant in invariants(found)


def test_what_is_broken_says_where_and_how(alice: Person, settled: Admission) -> None:
    with damaged("UPDATE quotas_bucket SET used = 7 WHERE id = %s", bucket(alice).id) as found:
        assert str(found[0]) == f"used is the sum of its entries: row {bucket(alice).id} has 7, not 100"


def test_the_command_says_that_the_ledger_is_whole(settled: Admission) -> None:
    out = StringIO()

    call_command("audit_ledger", stdout=out)

    assert out.getvalue() == "The ledger is whole.\n"


def test_the_command_fails_where_it_is_not(alice: Person, settled: Admission) -> None:
    said = StringIO()

    with (
        damaged("UPDATE quotas_bucket SET used = 7 WHERE id = %s", bucket(alice).id),
        pytest.raises(CommandError, match="broken in 1 places"),
    ):
        call_command("audit_ledger", stderr=said)

    assert "has 7, not 100" in said.getvalue()
