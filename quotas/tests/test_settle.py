"""How a reservation resolves: once, whatever happens at the same time, and leaving lines nobody can edit."""

import asyncio
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model
from django.utils.timezone import now

from accounts import database
from accounts.tests.factories import Person
from config.tests.product import eventually
from conftest import Run
from quotas import metering
from quotas.errors import QuotaExceeded
from quotas.metering import Admission
from quotas.models import Basis, Entry, Hold
from quotas.sweeping import sweep_reservations
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, charged, hold, let_lease_run_out, posted, reservation

TIMES = 20


async def settle(admission: Admission, tokens: int, *, basis: Basis = Basis.REPORTED, **more: Any) -> bool:
    return await metering.settle(admission.reservation_id, {"tokens": tokens}, basis=basis, **more)


async def checkpoint(admission: Admission, tokens: int) -> None:
    await metering.renew({admission.reservation_id: {"tokens": tokens} if tokens else {}})


def expire(admission: Admission) -> None:
    let_lease_run_out(id=admission.reservation_id)
    sweep_reservations()


# ---- settling and releasing


def test_settling_posts_what_was_spent_and_frees_the_rest(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))

    assert run(settle(admission, 120)) is True

    assert posted(admission) == [120]
    assert (bucket(alice).used, bucket(alice).reserved) == (120, 0)
    assert reservation(admission).state == "settled"


def test_an_entry_remembers_basis_plan_price_and_window(run: Run[Any], alice: Person) -> None:
    price = [{"input": 2, "output": 10}]
    asks = {"tokens": metering.Ask.exactly(10)}
    admission = run(metering.reserve(alice.caller, asks, request_id=uuid.uuid4().hex, at=now(), price=price))

    run(settle(admission, 10, basis=Basis.ESTIMATED))

    entry = Entry.objects.get(reservation=admission.reservation_id)
    assert (entry.basis, entry.plan, entry.price) == ("estimated", "free", price)
    assert entry.bucket == bucket(alice)


def test_releasing_frees_the_hold_and_posts_nothing(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))

    assert run(metering.release(admission.reservation_id)) is True

    assert posted(admission) == []
    assert (bucket(alice).used, bucket(alice).reserved) == (0, 0)
    assert reservation(admission).state == "released"


def test_statements_along_are_committed_with_it(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))
    rename = ("UPDATE accounts_workspace SET name = 'Paid' WHERE id = %(id)s", {"id": alice.workspace.id})

    run(settle(admission, 10, along=[rename]))

    alice.workspace.refresh_from_db()
    assert alice.workspace.name == "Paid"


def test_nothing_is_settled_where_a_statement_along_fails(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))

    with pytest.raises(Exception, match="no_such_table"):
        run(settle(admission, 10, along=[("DELETE FROM no_such_table", {})]))

    assert reservation(admission).state == "pending"
    assert bucket(alice).reserved == 300


def test_settling_what_never_was_answers_false(run: Run[Any]) -> None:
    assert run(metering.settle(uuid.uuid4(), {"tokens": 1}, basis=Basis.REPORTED)) is False
    assert run(metering.release(uuid.uuid4())) is False


# ---- once only


async def at_once(*verbs: Any) -> list[bool]:
    return list(await asyncio.gather(*verbs))


def test_settling_twenty_times_at_once_has_one_effect(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))

    answers = run(at_once(*(settle(admission, 100 + number) for number in range(TIMES))))

    assert sorted(answers) == [False] * (TIMES - 1) + [True]
    assert posted(admission) == [100 + answers.index(True)]


def test_releasing_twenty_times_at_once_has_one_effect(run: Run[Any], alice: Person) -> None:
    run(hold(alice, 50))
    admission = run(hold(alice, 300))

    answers = run(at_once(*(metering.release(admission.reservation_id) for _ in range(TIMES))))

    assert sum(answers) == 1
    assert bucket(alice).reserved == 50


def test_settling_and_releasing_at_once_has_the_effect_of_one(run: Run[Any], alice: Person) -> None:
    run(hold(alice, 50))
    admission = run(hold(alice, 300))
    both = [verb for _ in range(TIMES) for verb in (settle(admission, 100), metering.release(admission.reservation_id))]

    answers = run(at_once(*both))

    assert sum(answers) == 1
    assert posted(admission) == ([100] if reservation(admission).state == "settled" else [])
    assert bucket(alice).reserved == 50


@pytest.mark.parametrize("first", ["settled", "released"])
def test_what_is_resolved_stays_as_it_is(run: Run[Any], alice: Person, first: str) -> None:
    admission = run(hold(alice, 300))
    run(settle(admission, 100) if first == "settled" else metering.release(admission.reservation_id))

    assert run(at_once(settle(admission, 7), metering.release(admission.reservation_id))) == [False, False]
    expire(admission)

    assert reservation(admission).state == first
    assert charged(alice) == (100 if first == "settled" else 0)


# ---- overruns


def test_an_overrun_is_posted_whole_and_flagged(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 100))

    run(settle(admission, 150))

    entry = Entry.objects.get(reservation=admission.reservation_id)
    assert (entry.amount, entry.overrun) == (150, 50)
    assert bucket(alice).used == 150


def test_after_an_overrun_past_the_limit_the_next_request_is_refused(run: Run[Any], alice: Person) -> None:
    run(settle(run(hold(alice, 10_000)), 10_050))

    with pytest.raises(QuotaExceeded) as refused:
        run(hold(alice, 1))

    assert bucket(alice).used == 10_050
    assert refused.value.violated[0].remaining == 0


def test_what_others_hold_is_untouched_by_an_overrun(run: Run[Any], alice: Person) -> None:
    other = run(hold(alice, 5_000))
    run(settle(run(hold(alice, 5_000)), 6_000))

    run(settle(other, 5_000))

    assert (bucket(alice).used, bucket(alice).reserved) == (11_000, 0)
    assert Entry.objects.get(reservation=other.reservation_id).overrun == 0


# ---- leases


def test_renewing_extends_the_lease_and_keeps_the_checkpoint(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))
    let_lease_run_out(id=admission.reservation_id)
    before = reservation(admission).lease_until

    run(checkpoint(admission, 40))
    sweep_reservations()

    found = reservation(admission)
    assert (found.state, found.checkpoint) == ("pending", {"tokens": 40})
    assert found.lease_until > before


def test_renewing_what_is_resolved_changes_nothing(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))
    run(settle(admission, 100))
    before = reservation(admission).lease_until

    run(checkpoint(admission, 40))

    assert (reservation(admission).checkpoint, reservation(admission).lease_until) == ({}, before)


def test_sweeping_posts_the_checkpoint_as_an_estimate(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))
    run(checkpoint(admission, 40))

    expire(admission)

    assert (reservation(admission).state, reservation(admission).basis) == ("expired", "estimated")
    assert posted(admission) == [40]
    assert (bucket(alice).used, bucket(alice).reserved) == (40, 0)


def test_sweeping_frees_a_hold_without_a_checkpoint(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))

    expire(admission)

    assert reservation(admission).state == "expired"
    assert posted(admission) == []
    assert bucket(alice).reserved == 0


def test_sweeping_leaves_what_is_still_leased(run: Run[Any], alice: Person) -> None:
    dead, living = run(hold(alice, 300)), run(hold(alice, 200))

    expire(dead)

    assert reservation(living).state == "pending"
    assert bucket(alice).reserved == 200


def test_sweeping_resolves_all_there_are(run: Run[Any], alice: Person) -> None:
    dead = [run(hold(alice, 10)) for _ in range(5)]
    let_lease_run_out(workspace=alice.workspace)

    assert sweep_reservations() >= 5

    assert {reservation(admission).state for admission in dead} == {"expired"}
    assert bucket(alice).reserved == 0


# ---- results that come after expiry


def test_a_late_result_posts_what_expiry_did_not(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))
    run(checkpoint(admission, 40))
    expire(admission)

    assert run(settle(admission, 100)) is True

    settlement, correction = Entry.objects.filter(reservation=admission.reservation_id).order_by("id")
    assert (settlement.amount, correction.amount) == (40, 60)
    assert (correction.kind, correction.corrects, correction.overrun) == ("correction", settlement, 60)
    assert bucket(alice).used == 100


def test_a_late_result_below_the_checkpoint_gives_the_rest_back(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))
    run(checkpoint(admission, 40))
    expire(admission)

    run(settle(admission, 25))

    assert posted(admission) == [40, -15]
    assert bucket(alice).used == 25


def test_a_late_result_equal_to_the_checkpoint_posts_nothing_more(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))
    run(checkpoint(admission, 40))
    expire(admission)

    assert run(settle(admission, 40)) is True

    assert posted(admission) == [40]
    assert reservation(admission).corrected_at is not None


def test_a_late_result_without_a_checkpoint_is_posted_whole(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))
    expire(admission)

    run(settle(admission, 100))

    correction = Entry.objects.get(reservation=admission.reservation_id)
    assert (correction.kind, correction.amount, correction.corrects) == ("correction", 100, None)


def test_twenty_late_results_at_once_have_one_effect(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))
    run(checkpoint(admission, 40))
    expire(admission)

    answers = run(at_once(*(settle(admission, 100) for _ in range(TIMES))))

    assert sum(answers) == 1
    assert posted(admission) == [40, 60]


def test_a_late_result_is_posted_though_others_took_the_room(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))
    expire(admission)
    run(hold(alice, 10_000))

    run(settle(admission, 100))

    assert (bucket(alice).used, bucket(alice).reserved) == (100, 10_000)


# ---- settlement against the sweeper


def somebody_waits_for_us() -> bool:
    """Whether another connection waits for a lock that this one holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
        )
        return bool(cursor.fetchone()[0])


@contextmanager
def meanwhile(verb: Any) -> Iterator[None]:
    """Run the verb on a loop of its own, beside the block; it has ended when the block's transaction has."""

    async def whole() -> None:
        try:
            await verb
        finally:
            await database.close_pool()

    thread = threading.Thread(target=asyncio.run, args=[whole()])
    try:
        with transaction.atomic():
            yield
            thread.start()
            eventually(somebody_waits_for_us)
    finally:
        thread.join(timeout=10)
    assert not thread.is_alive()


def test_a_result_that_meets_the_sweeper_corrects_what_it_posted(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))
    run(checkpoint(admission, 40))
    let_lease_run_out(id=admission.reservation_id)

    with meanwhile(settle(admission, 100)):
        sweep_reservations()

    assert reservation(admission).state == "expired"
    assert posted(admission) == [40, 60]


def test_the_sweeper_passes_over_what_is_being_settled(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))
    run(checkpoint(admission, 40))
    let_lease_run_out(id=admission.reservation_id)
    lock = "SELECT pg_advisory_xact_lock(4711)"

    # The settlement has the row, and waits before its commit for a lock that we hold.
    def sweep_while_it_waits() -> bool:
        if not somebody_waits_for_us():
            return False
        sweep_reservations()
        return True

    thread = threading.Thread(target=asyncio.run, args=[_settle_alone(admission, lock)])
    with transaction.atomic():
        database.fetch_one_now(lock, {})
        thread.start()
        eventually(sweep_while_it_waits)
        assert reservation(admission).state == "pending"
    thread.join(timeout=10)

    assert (reservation(admission).state, posted(admission)) == ("settled", [100])


async def _settle_alone(admission: Admission, lock: str) -> None:
    try:
        await settle(admission, 100, along=[(lock, {})])
    finally:
        await database.close_pool()


def test_settlements_and_sweepers_at_once_resolve_each_reservation_once(run: Run[Any], alice: Person) -> None:
    admissions = [run(hold(alice, 100)) for _ in range(TIMES)]
    run(metering.renew({admission.reservation_id: {"tokens": 30} for admission in admissions}))
    let_lease_run_out(workspace=alice.workspace)

    async def both() -> None:
        sweep = asyncio.to_thread(_sweep_and_close)
        await asyncio.gather(sweep, *(settle(admission, 80) for admission in admissions))

    run(both())

    assert [sum(posted(admission)) for admission in admissions] == [80] * TIMES
    assert (bucket(alice).used, bucket(alice).reserved) == (80 * TIMES, 0)


def _sweep_and_close() -> None:
    sweep_reservations()
    connection.close()


# ---- what the database itself refuses


@pytest.mark.parametrize("edit", ["UPDATE quotas_entry SET amount = 1", "DELETE FROM quotas_entry"])
def test_no_entry_is_ever_edited_or_deleted(run: Run[Any], alice: Person, edit: str) -> None:
    admission = run(hold(alice, 300))
    run(settle(admission, 100))

    with pytest.raises(IntegrityError, match="never edited or deleted"), connection.cursor() as cursor:
        cursor.execute(f"{edit} WHERE reservation_id = %s", [admission.reservation_id])

    assert posted(admission) == [100]


def refused(constraint: str, row: Model) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        row.save(force_insert=row.pk is None)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"used": -1}, "used_not_negative"),
        ({"reserved": -1}, "reserved_not_negative"),
        ({"ends_at": now().replace(year=2000)}, "bucket_ends_after_start"),
    ],
)
def test_a_bucket_must_make_sense(run: Run[Any], alice: Person, change: dict[str, Any], constraint: str) -> None:
    run(hold(alice, 1))
    row = bucket(alice)

    for name, value in change.items():
        setattr(row, name, value)

    refused(constraint, row)


def test_there_is_one_bucket_for_a_meter_and_window(run: Run[Any], alice: Person) -> None:
    run(hold(alice, 1))
    row = bucket(alice)

    row.pk = None

    refused("one_bucket_per_meter_window_and_holder", row)


def test_there_is_one_settlement_of_a_reservation_in_a_bucket(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))
    run(settle(admission, 100))
    entry = Entry.objects.get(reservation=admission.reservation_id)

    entry.pk = None

    refused("one_settlement_per_bucket", entry)


def test_there_is_one_hold_of_a_reservation_in_a_bucket(run: Run[Any], alice: Person) -> None:
    admission = run(hold(alice, 300))
    held = Hold.objects.get(reservation=admission.reservation_id)

    held.pk = None

    refused("one_hold_per_bucket", held)


def test_a_hold_is_never_negative(run: Run[Any], alice: Person) -> None:
    held = Hold.objects.get(reservation=run(hold(alice, 300)).reservation_id)

    held.amount = -1

    refused("hold_not_negative", held)


def test_one_that_cannot_be_expired_does_not_keep_the_others_waiting(
    run: Run[Any], alice: Person, charlie: Person
) -> None:
    run(metering.settle(run(hold(alice, 10)).reservation_id, {"tokens": 10}, basis=Basis.REPORTED))
    stuck, other = run(hold(alice, 10)), run(hold(charlie, 10))
    run(metering.renew({stuck.reservation_id: {"tokens": 2**63 - 1}}))
    for admission in (stuck, other):
        let_lease_run_out(id=admission.reservation_id)

    sweep_reservations()
    sweep_reservations()

    assert (reservation(stuck).state, reservation(other).state) == ("pending", "expired")
    run(metering.release(stuck.reservation_id))
