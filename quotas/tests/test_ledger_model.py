"""The ledger against a model of it: whatever is done in whatever order, both hold the same numbers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils.timezone import now
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from pytest_django import Settings

from accounts.audit import SYSTEM
from accounts.callers import Caller
from accounts.tests.factories import person
from billing import subscriptions
from conftest import Run
from quotas import grants, metering
from quotas.errors import QuotaExceeded
from quotas.grants import Gift
from quotas.metering import Admission, Ask
from quotas.models import Basis, Bucket, Grant
from quotas.sweeping import sweep_reservations
from quotas.tests.ledger import (
    assert_ledger_is_whole,
    let_lease_run_out,
    request_id,
    with_another_key,
    with_own_limits,
)

LIMITS = {"free": {"tokens": 10_000, "messages": 50}, "starter": {"tokens": 100_000, "messages": 500}}
HOLDERS = ["first key", "second key", "member"]
OWN = st.fixed_dictionaries({}, optional={"tokens": st.integers(0, 15_000), "messages": st.integers(0, 60)})
AMOUNTS = st.integers(0, 12_000)
MESSAGES = st.integers(0, 30)
PROFILE = hypothesis_settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
# The quick one goes the same ways each time; the long one looks for new ones.
QUICK = hypothesis_settings(PROFILE, max_examples=10, stateful_step_count=30, derandomize=True)
LONG = hypothesis_settings(PROFILE, max_examples=100, stateful_step_count=100)


@dataclass
class Counter:
    used: int = 0
    reserved: int = 0


@dataclass
class Standing:
    """Of one window of the workspace: the plan it counts for, what was carried over, and to which plans before."""

    plan: str
    carried: int = 0
    carried_to: dict[str, int] = field(default_factory=dict)


@dataclass
class Credit:
    """A grant of tokens, and when it ends."""

    id: Any
    amount: int
    starts_at: datetime
    ends_at: datetime
    counter: Counter = field(default_factory=Counter)

    @property
    def room(self) -> int:
        return self.amount - self.counter.used - self.counter.reserved

    def is_open(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at and self.room > 0


@dataclass
class Share:
    """What a work holds of a credit: used after `begins` of the meter were spent."""

    credit: Credit
    begins: int
    held: int

    def of(self, spent: int) -> int:
        return min(max(spent - self.begins, 0), self.held)


@dataclass
class Work:
    """A reservation as it should be."""

    id: Any
    at: datetime
    plan: str
    held: dict[str, int]
    holders: dict[str, list[str]]
    made: Admission
    state: str = "pending"
    checkpoint: dict[str, int] = field(default_factory=dict)
    shares: dict[str, list[Share]] = field(default_factory=dict)

    def of_credits(self, meter: str, spent: int) -> int:
        return sum(share.of(spent) for share in self.shares.get(meter, []))


class Ledger(RuleBasedStateMachine):
    works: Bundle[Work] = Bundle("works")

    def __init__(self, run: Run[Any]) -> None:
        super().__init__()
        self.do = run
        self.person = person("Alice")
        self.keys = {"first key": self.person, "second key": with_another_key(self.person)}
        self.plan = "free"
        self.own: dict[str, dict[str, int]] = {}
        self.at = now()
        self.counters: defaultdict[tuple[str, str, datetime], Counter] = defaultdict(Counter)
        self.credits: list[Credit] = []
        self.stored: dict[tuple[str, str, datetime], int] = {}
        self.priorities: dict[Any, int] = {}
        self.standings: dict[tuple[str, datetime], Standing] = {}

    # ---- what can happen

    @rule(target=works, key=st.sampled_from(HOLDERS[:2]), least=AMOUNTS, more=AMOUNTS, messages=MESSAGES)
    def reserve(self, key: str, least: int, more: int, messages: int) -> Work | MultipleResults[Work]:
        asks = {"tokens": Ask(least, least + more), "messages": Ask.exactly(messages)}
        limits = {name: self.own.get(name, {}) for name in (key, "member")}
        limits["workspace"] = {meter: self._limit(meter) for meter in asks}
        holders = {meter: ["workspace", *(name for name in (key, "member") if meter in limits[name])] for meter in asks}
        in_plan = {meter: max(limits["workspace"][meter] - self._taken("workspace", meter), 0) for meter in asks}
        credit = {"tokens": sum(credit.room for credit in self._open_credits()), "messages": 0}
        own = {
            meter: [max(limits[name][meter] - self._taken(name, meter), 0) for name in holders[meter][1:]]
            for meter in asks
        }
        held = {meter: min([ask.most, in_plan[meter] + credit[meter], *own[meter]]) for meter, ask in asks.items()}
        fits = all(held[meter] >= ask.least for meter, ask in asks.items())
        caller = self._caller(key)
        try:
            made = self.do(metering.reserve(caller, asks, request_id=request_id(), at=self.at))
        except QuotaExceeded:
            assert not fits
            return multiple()
        assert fits
        assert {meter: made.held(meter) for meter in asks} == held
        work = Work(made.reservation_id, self.at, self.plan, held, holders, made)
        work.shares["tokens"] = self._shares(self._open_credits(), held["tokens"], in_plan["tokens"])
        self._hold(work, 1)
        for meter in asks:
            self.stored |= {(name, meter, self._day(self.at)): limits[name][meter] for name in holders[meter]}
        return work

    @rule(work=works, more=st.integers(1, 12_000))
    def grow(self, work: Work, more: int) -> None:
        least, most = work.held["tokens"] + 1, work.held["tokens"] + more
        if work.state == "pending":
            self._hold(work, -1)
            in_plan, *own = [
                max(self.stored[name, "tokens", self._day(work.at)] - counter.used - counter.reserved, 0)
                for name, counter in zip(work.holders["tokens"], self._counters(work, "tokens"), strict=True)
            ]
            mine = [share.credit for share in work.shares["tokens"]]
            open_ = [credit for credit in self.credits if credit in mine or credit.is_open(work.at)]
            amount = min([most, in_plan + sum(credit.room for credit in open_), *own])
            fits = amount >= least
            if fits:
                work.held["tokens"] = amount
                work.shares["tokens"] = self._shares(open_, amount, in_plan)
            self._hold(work, 1)
        grown = self.do(metering.grow(self.person.caller, work.made, {"tokens": Ask(least, most)}, at=work.at))
        assert bool(grown) == (work.state == "pending" and fits)

    @rule(work=works, tokens=AMOUNTS, messages=st.integers(0, 2))
    def settle(self, work: Work, tokens: int, messages: int) -> None:
        spent = {"tokens": tokens, "messages": messages}
        effect = self.do(metering.settle(work.id, spent, basis=Basis.REPORTED))

        assert effect == (work.state in ("pending", "expired"))
        if work.state == "pending":
            self._resolve(work, "settled", spent)
        elif work.state == "expired":
            work.state = "corrected"
            for meter, amount in spent.items():
                self._post(work, meter, amount, before=work.checkpoint.get(meter, 0))

    @rule(work=works)
    def release(self, work: Work) -> None:
        assert self.do(metering.release(work.id)) == (work.state == "pending")
        if work.state == "pending":
            self._resolve(work, "released", {})

    @rule(work=works, tokens=AMOUNTS)
    def checkpoint(self, work: Work, tokens: int) -> None:
        delivered = {"tokens": tokens, "messages": 1}
        self.do(metering.renew({work.id: delivered}))
        if work.state == "pending":
            work.checkpoint = delivered

    @rule(work=works)
    def expire(self, work: Work) -> None:
        let_lease_run_out(id=work.id)
        sweep_reservations()
        if work.state == "pending":
            self._resolve(work, "expired", work.checkpoint)

    @rule(plan=st.sampled_from(sorted(LIMITS)))
    def change_plan(self, plan: str) -> None:
        subscriptions.put_on_plan(self.person.workspace, plan, at=now())
        self.plan = plan

    @rule(holder=st.sampled_from(HOLDERS), limits=OWN)
    def change_own_limits(self, holder: str, limits: dict[str, int]) -> None:
        self.own[holder] = limits

    @rule(amount=st.integers(1, 15_000), days=st.integers(1, 3), priority=st.integers(0, 1))
    def give_credit(self, amount: int, days: int, priority: int) -> None:
        ends = self.at + timedelta(days=days)
        gift = Gift("tokens", amount, Grant.Source.GOODWILL, expires_at=ends, priority=priority)
        grant = grants.give(self.person.workspace.id, gift, by=SYSTEM, at=self.at)
        assert grant
        self.credits.append(Credit(grant.pk, amount, self.at, ends))
        self.credits.sort(key=lambda credit: (self.priorities.setdefault(credit.id, priority), credit.ends_at))

    @rule()
    def expire_credits(self) -> None:
        grants.expire(self.at)
        for credit in self.credits:
            if credit.ends_at <= self.at:
                credit.amount -= max(credit.room, 0)

    @rule()
    def next_day(self) -> None:
        self.at += timedelta(days=1)

    # ---- what must hold

    @invariant()
    def every_bucket_holds_what_it_should(self) -> None:
        names = {self.person.workspace.id: "workspace", self.person.user.id: "member"}
        names |= {key.caller.key_id: name for name, key in self.keys.items() if key.caller.key_id}
        found = Bucket.objects.filter(workspace=self.person.workspace, grant=None)
        counted = {
            (names[bucket.holder_id], bucket.meter, bucket.starts_at): Counter(bucket.used, bucket.reserved)
            for bucket in found
        }
        assert counted == {key: self.counters.get(key, Counter()) for key in counted}
        assert all(counter == Counter() for key, counter in self.counters.items() if key not in counted)
        of_grants = Bucket.objects.filter(workspace=self.person.workspace).exclude(grant=None)
        counted_credit = {found.grant_id: (found.limit, Counter(found.used, found.reserved)) for found in of_grants}
        assert counted_credit == {credit.id: (credit.amount, credit.counter) for credit in self.credits}

    @invariant()
    def the_ledger_is_whole(self) -> None:
        assert_ledger_is_whole()

    def _resolve(self, work: Work, state: str, spent: dict[str, int]) -> None:
        work.state = state
        self._hold(work, -1)
        for meter in work.held:
            self._post(work, meter, spent.get(meter, 0))

    def _hold(self, work: Work, times: int) -> None:
        for meter, amount in work.held.items():
            shares = work.shares.get(meter, [])
            for share in shares:
                share.credit.counter.reserved += times * share.held
            for name, counter in zip(work.holders[meter], self._counters(work, meter), strict=True):
                held_elsewhere = sum(share.held for share in shares) if name == "workspace" else 0
                counter.reserved += times * (amount - held_elsewhere)

    def _post(self, work: Work, meter: str, spent: int, *, before: int = 0) -> None:
        for share in work.shares.get(meter, []):
            share.credit.counter.used += share.of(spent) - share.of(before)
        of_credits = work.of_credits(meter, spent) - work.of_credits(meter, before)
        for name, counter in zip(work.holders[meter], self._counters(work, meter), strict=True):
            charged = spent - before - (of_credits if name == "workspace" else 0)
            counter.used += charged
            if charged and name == "workspace":  # An entry says that its plan has counted here.
                self.standings[meter, self._day(work.at)].carried_to.setdefault(work.plan, 0)

    def _open_credits(self) -> list[Credit]:
        return [credit for credit in self.credits if credit.is_open(self.at)]

    def _shares(self, open_: list[Credit], amount: int, in_plan: int) -> list[Share]:
        begins, shares = min(amount, in_plan), []
        for credit in open_:
            if held := min(amount - begins, credit.room):
                shares.append(Share(credit, begins, held))
                begins += held
        return shares

    def _limit(self, meter: str) -> int:
        """What the plan allows now. A change of plan counts from the first request after it on."""
        standing = self.standings.setdefault((meter, self._day(self.at)), Standing(self.plan))
        if standing.plan != self.plan:
            self._move(standing, self._counter("workspace", meter, self.at), LIMITS[standing.plan][meter])
        return LIMITS[self.plan][meter] + standing.carried

    def _move(self, standing: Standing, counter: Counter, former_limit: int) -> None:
        rest = max(former_limit + standing.carried - counter.used, 0)
        standing.carried_to.setdefault(standing.plan, standing.carried)
        goes_up = self.plan == "starter"
        if goes_up and self.plan not in standing.carried_to:
            counter.used, standing.carried = 0, rest
        else:
            standing.carried = standing.carried_to.get(self.plan, 0) if goes_up else 0
        standing.plan = self.plan
        standing.carried_to[self.plan] = standing.carried

    def _caller(self, key: str) -> Caller:
        own = {name: {f"{meter}-day": limit for meter, limit in limits.items()} for name, limits in self.own.items()}
        return with_own_limits(self.keys[key], key=own.get(key), member=own.get("member")).caller

    def _taken(self, holder: str, meter: str) -> int:
        counter = self._counter(holder, meter, self.at)
        return counter.used + counter.reserved

    def _counters(self, work: Work, meter: str) -> list[Counter]:
        return [self._counter(holder, meter, work.at) for holder in work.holders[meter]]

    def _counter(self, holder: str, meter: str, at: datetime) -> Counter:
        return self.counters[holder, meter, self._day(at)]

    def _day(self, at: datetime) -> datetime:
        return at.replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def leases_without_end(settings: Settings) -> None:
    """A lease runs out where the model says so, however long the test takes."""
    settings.RESERVATION_LEASE = timedelta(days=1)


def check(run: Run[Any], profile: hypothesis_settings) -> None:
    run_state_machine_as_test(lambda: Ledger(run), settings=profile)  # type: ignore[arg-type]  # a factory will do


@pytest.mark.usefixtures("leases_without_end")
def test_the_ledger_agrees_with_its_model(run: Run[Any]) -> None:
    check(run, QUICK)


@pytest.mark.slow
@pytest.mark.usefixtures("leases_without_end")
def test_the_ledger_agrees_with_its_model_for_ten_thousand_steps(run: Run[Any]) -> None:
    check(run, LONG)
