"""Limits of one key and of one member, below the plan's."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import RestrictedError
from django.utils.timezone import now

from accounts.models import ApiKey, Membership
from accounts.tests.factories import Person
from billing import subscriptions
from conftest import Run
from quotas import holdings, metering, reports
from quotas.errors import ModelNotAllowed, QuotaExceeded
from quotas.limits import tightest_of_each
from quotas.metering import Ask
from quotas.models import Basis, Bucket, Decision
from quotas.sweeping import sweep_reservations
from quotas.tests.ledger import audited as audited
from quotas.tests.ledger import bucket, charged, hold, let_lease_run_out, request_id, with_another_key, with_own_limits
from quotas.tests.plans import BILLED_BEYOND, put_on_plan
from quotas.tests.test_reserve import reserve


def key_bucket(person: Person, meter: str = "tokens") -> Bucket:
    return bucket(person, meter, key=person.caller.key_id)


def member_bucket(person: Person, meter: str = "tokens") -> Bucket:
    return bucket(person, meter, member=person.caller.user_id)


def refusal(run: Run[Any], person: Person, tokens: int) -> QuotaExceeded:
    with pytest.raises(QuotaExceeded) as refused:
        run(hold(person, tokens))
    return refused.value


def violated(refused: QuotaExceeded) -> list[str]:
    return [limit.policy for limit in refused.violated]


# ---- admission


def test_a_key_s_limit_is_held_beside_the_workspace_s(run: Run[Any], alice: Person) -> None:
    run(hold(with_own_limits(alice, key={"tokens-day": 1_000}), 300))

    assert (key_bucket(alice).reserved, bucket(alice).reserved) == (300, 300)


def test_a_key_is_refused_beyond_its_limit_and_nothing_is_held(run: Run[Any], alice: Person) -> None:
    refused = refusal(run, with_own_limits(alice, key={"tokens-day": 1_000}), 1_001)

    assert violated(refused) == ["key-tokens-day"]
    assert set(Bucket.objects.filter(workspace=alice.workspace).values_list("reserved", flat=True)) == {0}


def test_a_key_is_used_up_to_its_last_token(run: Run[Any], alice: Person) -> None:
    limited = with_own_limits(alice, key={"tokens-day": 1_000})
    run(hold(limited, 900))

    admission = run(reserve(limited, {"tokens": Ask(least=10, most=5_000)}))

    assert admission.held("tokens") == 100
    assert (key_bucket(alice).reserved, bucket(alice).reserved) == (1_000, 1_000)


def test_a_spent_key_leaves_the_workspace_s_rest_to_the_others(run: Run[Any], alice: Person) -> None:
    run(hold(with_own_limits(alice, key={"tokens-day": 1_000}), 1_000))

    other = with_another_key(alice)

    assert run(hold(other, 9_000)).held("tokens") == 9_000
    assert violated(refusal(run, other, 1)) == ["tokens-day"]


def test_each_key_has_its_own_limit(run: Run[Any], alice: Person) -> None:
    first = with_own_limits(alice, key={"tokens-day": 1_000})
    second = with_own_limits(with_another_key(alice), key={"tokens-day": 2_000})

    run(hold(first, 1_000))
    run(hold(second, 2_000))

    assert (key_bucket(first).reserved, key_bucket(second).reserved, bucket(alice).reserved) == (1_000, 2_000, 3_000)


def test_a_member_s_limit_counts_all_their_keys(run: Run[Any], alice: Person) -> None:
    first = with_own_limits(alice, member={"tokens-day": 1_000})
    second = with_own_limits(with_another_key(alice), member={"tokens-day": 1_000})
    run(hold(first, 600))

    assert violated(refusal(run, second, 401)) == ["member-tokens-day"]
    assert run(hold(second, 400)).held("tokens") == 400


def test_a_key_s_limit_and_its_member_s_both_count(run: Run[Any], alice: Person) -> None:
    limited = with_own_limits(alice, key={"tokens-day": 500}, member={"tokens-day": 800})
    run(hold(limited, 500))

    assert violated(refusal(run, limited, 301)) == ["member-tokens-day", "key-tokens-day"]
    assert violated(refusal(run, limited, 300)) == ["key-tokens-day"]


def test_an_own_limit_above_the_plan_s_gives_no_more(run: Run[Any], alice: Person) -> None:
    limited = with_own_limits(alice, key={"tokens-day": 1_000_000})

    assert violated(refusal(run, limited, 10_001)) == ["tokens-day"]
    assert run(reserve(limited, {"tokens": Ask(1, 50_000)})).held("tokens") == 10_000


def test_a_limit_of_nothing_refuses_everything(run: Run[Any], alice: Person) -> None:
    assert violated(refusal(run, with_own_limits(alice, key={"tokens-month": 0}), 1)) == ["key-tokens-month"]


def test_a_key_can_be_limited_in_what_the_plan_does_not_limit(run: Run[Any], alice: Person) -> None:
    put_on_plan(alice, **BILLED_BEYOND)
    limited = with_own_limits(alice, key={"requests-day": 1})

    assert run(reserve(limited, {"requests": Ask.exactly(1)})).held("requests") == 1
    with pytest.raises(QuotaExceeded):
        run(reserve(limited, {"requests": Ask.exactly(1)}))


def test_an_own_limit_is_hard_where_the_plan_s_is_not(run: Run[Any], alice: Person) -> None:
    put_on_plan(alice, **BILLED_BEYOND)
    limited = with_own_limits(alice, key={"tokens-day": 150})
    run(hold(limited, 140))

    assert violated(refusal(run, limited, 11)) == ["key-tokens-day"]


# ---- windows, and limits that change


def test_a_month_s_limit_spans_days(run: Run[Any], alice: Person) -> None:
    limited = with_own_limits(alice, key={"tokens-day": 600, "tokens-month": 1_000})
    first = now().replace(day=10)
    run(hold(limited, 600, at=first))

    with pytest.raises(QuotaExceeded) as today:
        run(hold(limited, 1, at=first))
    with pytest.raises(QuotaExceeded) as tomorrow:
        run(hold(limited, 401, at=first + timedelta(days=1)))

    assert (violated(today.value), violated(tomorrow.value)) == (["key-tokens-day"], ["key-tokens-month"])
    assert run(hold(limited, 400, at=first + timedelta(days=1))).held("tokens") == 400


def test_a_changed_limit_counts_from_the_next_request_on(run: Run[Any], alice: Person) -> None:
    run(hold(with_own_limits(alice, key={"tokens-day": 1_000}), 1_000))

    run(hold(with_own_limits(alice, key={"tokens-day": 1_500}), 500))

    assert (key_bucket(alice).limit, key_bucket(alice).reserved) == (1_500, 1_500)
    assert violated(refusal(run, with_own_limits(alice, key={"tokens-day": 700}), 1)) == ["key-tokens-day"]


def test_a_limit_taken_away_no_longer_counts(run: Run[Any], alice: Person) -> None:
    admission = run(hold(with_own_limits(alice, key={"tokens-day": 1_000}), 1_000))

    run(hold(alice, 2_000))
    run(metering.settle(admission.reservation_id, {"tokens": 700}, basis=Basis.REPORTED))

    assert (key_bucket(alice).used, key_bucket(alice).reserved) == (700, 0)
    assert (bucket(alice).used, bucket(alice).reserved) == (700, 2_000)


def test_who_leaves_and_comes_back_has_no_allowance_twice(run: Run[Any], alice: Person) -> None:
    limited = with_own_limits(alice, member={"tokens-day": 1_000})
    run(hold(limited, 1_000))

    membership = Membership.objects.get(workspace=alice.workspace, user=alice.user)
    membership.delete()
    membership.save(force_insert=True)

    assert violated(refusal(run, limited, 1)) == ["member-tokens-day"]


# ---- how it is resolved


def test_settling_charges_every_bucket_alike_and_the_workspace_once(run: Run[Any], alice: Person) -> None:
    limited = with_own_limits(alice, key={"tokens-day": 1_000, "tokens-month": 5_000}, member={"tokens-day": 2_000})
    admission = run(hold(limited, 300))

    run(metering.settle(admission.reservation_id, {"tokens": 120}, basis=Basis.REPORTED))

    found = Bucket.objects.filter(workspace=alice.workspace, meter="tokens").values_list("used", "reserved")
    assert list(found) == [(120, 0)] * 4
    assert charged(alice) == 120


def test_releasing_frees_every_bucket(run: Run[Any], alice: Person) -> None:
    admission = run(hold(with_own_limits(alice, key={"tokens-day": 1_000}, member={"tokens-day": 1_000}), 300))

    run(metering.release(admission.reservation_id))

    assert set(Bucket.objects.filter(workspace=alice.workspace).values_list("reserved", flat=True)) == {0}


def test_expiry_and_a_late_result_reach_every_bucket(run: Run[Any], alice: Person) -> None:
    admission = run(hold(with_own_limits(alice, key={"tokens-day": 1_000}, member={"tokens-day": 1_000}), 300))
    run(metering.renew({admission.reservation_id: {"tokens": 40}}))
    let_lease_run_out(id=admission.reservation_id)
    sweep_reservations()

    run(metering.settle(admission.reservation_id, {"tokens": 100}, basis=Basis.REPORTED))

    found = Bucket.objects.filter(workspace=alice.workspace, meter="tokens").values_list("used", "reserved")
    assert list(found) == [(100, 0)] * 3
    assert charged(alice) == 100


def test_after_an_overrun_the_key_is_refused(run: Run[Any], alice: Person) -> None:
    limited = with_own_limits(alice, key={"tokens-day": 1_000})
    admission = run(hold(limited, 1_000))

    run(metering.settle(admission.reservation_id, {"tokens": 1_050}, basis=Basis.REPORTED))

    assert violated(refusal(run, limited, 1)) == ["key-tokens-day"]
    assert key_bucket(alice).used == 1_050


# ---- many at once


async def admitted_of(*asks: tuple[Person, int]) -> Counter[Any]:
    """How many of each key's asks were admitted, all asked at the same time, for 100 tokens each."""

    async def once(person: Person) -> Any:
        try:
            await hold(person, 100)
        except QuotaExceeded:
            return None
        return person.caller.key_id

    found = await asyncio.gather(*(once(person) for person, times in asks for _ in range(times)))
    return Counter(key for key in found if key)


def test_many_at_once_stop_at_their_key_s_limit_and_at_the_workspace_s(run: Run[Any], alice: Person) -> None:
    first = with_own_limits(alice, key={"tokens-day": 1_000})
    second = with_own_limits(with_another_key(alice), key={"tokens-day": 700, "tokens-month": 600})
    third = with_another_key(alice)

    limited = run(admitted_of((first, 40), (second, 40)))
    unlimited = run(admitted_of((first, 10), (second, 10), (third, 120)))

    assert limited == {first.caller.key_id: 10, second.caller.key_id: 6}
    assert unlimited == {third.caller.key_id: 84}
    assert bucket(alice).reserved == 10_000


def test_many_at_once_over_two_keys_stop_at_the_member_s_limit(run: Run[Any], alice: Person) -> None:
    keys = [with_own_limits(person, member={"tokens-day": 1_200}) for person in (alice, with_another_key(alice))]

    admitted = run(admitted_of(*((person, 30) for person in keys)))

    assert admitted.total() == 12
    assert (member_bucket(alice).reserved, bucket(alice).reserved) == (1_200, 1_200)


# ---- what is said of it


def test_the_decision_says_whose_each_limit_is(run: Run[Any], alice: Person) -> None:
    limited = with_own_limits(alice, key={"tokens-day": 1_000}, member={"tokens-day": 2_000})
    admission = run(hold(limited, 300))

    decision = Decision.objects.get(request_id=admission.request_id)

    assert [(limit["holder"], limit["limit"], limit["hold"]) for limit in decision.limits] == [
        ("workspace", 10_000, 300),
        ("member", 2_000, 300),
        ("key", 1_000, 300),
    ]
    assert [limit.policy for limit in admission.limits] == ["tokens-day", "member-tokens-day", "key-tokens-day"]


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        ({"key": {"tokens-day": 50}}, "This API key allows 50 tokens a day: 0 are used, 50 remain"),
        ({"member": {"tokens-month": 50}}, "Your membership allows 50 tokens a month: 0 are used, 50 remain"),
    ],
)
def test_a_refusal_says_whose_limit_it_is(
    run: Run[Any], alice: Person, own: dict[str, dict[str, int]], sentence: str
) -> None:
    refused = refusal(run, with_own_limits(alice, **own), 51)

    assert sentence in str(refused)
    assert not refused.upgrade_helps


def test_the_tightest_limit_is_named_first(run: Run[Any], alice: Person) -> None:
    limited = with_own_limits(alice, key={"tokens-day": 500}, member={"tokens-day": 400})

    assert refusal(run, limited, 10_001).tightest.policy == "member-tokens-day"


def test_usage_shows_the_caller_s_own_limits(run: Run[Any], alice: Person) -> None:
    limited = with_own_limits(alice, key={"tokens-day": 1_000}, member={"requests-month": 9})
    run(hold(limited, 300))

    usage = run(reports.usage(limited.caller, now()))

    own = {limit.policy: (limit.limit, limit.remaining) for limit in usage.limits if limit.holder != "workspace"}
    assert own == {"key-tokens-day": (1_000, 700), "member-requests-month": (9, 9)}
    assert usage.tokens.policy == "key-tokens-day"
    assert [limit.holder for limit in run(reports.usage(alice.caller, now())).limits] == ["workspace"] * 4


def test_a_limit_that_is_billed_beyond_is_never_the_tightest_beside_a_hard_one(run: Run[Any], alice: Person) -> None:
    put_on_plan(alice, **BILLED_BEYOND)
    admission = run(hold(with_own_limits(alice, key={"tokens-day": 150}), 120))

    assert [limit.policy for limit in tightest_of_each(admission.limits_now)] == ["key-tokens-day"]


def test_an_export_tells_own_buckets_from_the_workspace_s(run: Run[Any], alice: Person, charlie: Person) -> None:
    run(hold(with_own_limits(alice, key={"tokens-day": 1_000}, member={"tokens-day": 2_000}), 300))

    rows = [row for row in holdings.usage(alice.user) if row["meter"] == "tokens"]
    exported = {(row["key_id"], row["member_id"]): row["reserved"] for row in rows}

    assert exported == {(None, None): 300, (alice.caller.key_id, None): 300, (None, alice.user.id): 300}
    assert not list(holdings.usage(charlie.user))


def test_an_export_has_what_its_owner_used_in_another_s_workspace(
    run: Run[Any], alice: Person, charlie: Person
) -> None:
    guest = replace(charlie, caller=replace(charlie.caller, workspace_id=alice.workspace.id))
    admission = run(hold(with_own_limits(guest, member={"tokens-day": 2_000}), 300))
    run(metering.settle(admission.reservation_id, {"tokens": 120}, basis=Basis.REPORTED))

    [used] = holdings.usage(charlie.user)
    [line] = holdings.ledger(charlie.user)

    assert (used["workspace_id"], used["used"]) == (alice.workspace.id, 120)
    assert (line["bucket_id"], line["amount"]) == (used["id"], 120)


# ---- models


def test_a_key_may_use_the_models_it_names_and_no_other(run: Run[Any], alice: Person) -> None:
    subscriptions.put_on_plan(alice.workspace, "starter", at=now())
    caller = replace(alice.caller, allowed_models=("claude-haiku-5-5",))
    asks = {"tokens": Ask.exactly(1)}

    run(metering.reserve(caller, asks, request_id=request_id(), at=now(), model="claude-haiku-5-5"))
    with pytest.raises(ModelNotAllowed, match="may not use the model claude-sonnet-5-5"):
        run(metering.reserve(caller, asks, request_id=request_id(), at=now(), model="claude-sonnet-5-5"))

    assert bucket(alice).reserved == 1


# ---- what the database itself refuses


def test_there_is_one_bucket_of_a_key_for_a_meter_and_window(run: Run[Any], alice: Person) -> None:
    run(hold(with_own_limits(alice, key={"tokens-day": 1_000}), 1))
    row = key_bucket(alice)

    row.pk = None

    with pytest.raises(IntegrityError, match="one_bucket_per_meter_window_and_holder"), transaction.atomic():
        row.save(force_insert=True)


def test_a_bucket_is_a_key_s_or_a_member_s_and_not_both_s(run: Run[Any], alice: Person) -> None:
    run(hold(with_own_limits(alice, key={"tokens-day": 1_000}), 1))

    with pytest.raises(IntegrityError, match="bucket_has_one_holder"), transaction.atomic():
        Bucket.objects.filter(pk=key_bucket(alice).pk).update(member=alice.user)


def test_a_key_is_not_deleted_from_under_its_ledger(run: Run[Any], alice: Person) -> None:
    run(hold(with_own_limits(alice, key={"tokens-day": 1_000}), 1))

    with pytest.raises(RestrictedError):
        ApiKey.objects.get(workspace=alice.workspace).delete()
