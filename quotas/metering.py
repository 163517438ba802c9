"""Reserve, settle, release, renew: how work is admitted and paid for. PostgreSQL alone decides."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Now
from psycopg.types.json import Jsonb

from accounts import database
from accounts.callers import Caller
from accounts.database import Params, Row
from billing.errors import NoCatalogue
from quotas import statements, windows
from quotas.errors import ModelNotAllowed, ModelNotInPlan, QuotaExceeded
from quotas.limits import Limit
from quotas.models import Basis, Reservation
from quotas.signals import work_resolved
from quotas.windows import limits_of

Amounts = Mapping[str, int]
"""Amounts by meter, such as `{"tokens": 120, "requests": 1}`."""


@dataclass(frozen=True)
class Ask:
    """Wanted of one meter: `most`, or as much as there is room for down to `least`."""

    least: int
    most: int

    @classmethod
    def exactly(cls, amount: int) -> Ask:
        return cls(least=amount, most=amount)


@dataclass(frozen=True)
class Admission:
    """Work that may begin: what is held for it, and the limits as they stood before."""

    reservation_id: UUID
    request_id: str
    plan: str
    limits: list[Limit]
    amounts: Amounts
    pace: Limit | None = None

    @property
    def limits_now(self) -> list[Limit]:
        """The limits with what is held for this work."""
        return [limit.with_hold for limit in self.limits] + paced(self.pace)

    def limits_after(self, spent: Amounts) -> list[Limit]:
        """The limits with what was charged for this work in the end."""
        return [limit.charged(spent.get(limit.meter, 0)) for limit in self.limits] + paced(self.pace)

    def held(self, meter: str) -> int | None:
        """Of the plan and of credits together. None when no limit speaks of this meter."""
        return self.amounts.get(meter)


def paced(pace: Limit | None) -> list[Limit]:
    """With this request counted, whatever becomes of it."""
    return [pace.with_hold] if pace else []


async def reserve(
    caller: Caller,
    asks: Mapping[str, Ask],
    *,
    request_id: str,
    at: datetime,
    model: str = "",
    price: Any = None,
    pace: Limit | None = None,
) -> Admission:
    """Hold what is asked in every window that is open `at` that moment, all of it or nothing.

    `pace` was counted before and is only told beside the limits. Raises `QuotaExceeded` (the decision is kept),
    `ModelNotInPlan` or `ModelNotAllowed`.
    """
    params = _wanted(caller, asks, request_id=request_id, at=at, model=model, price=price)
    verdict = await _verdict(_reserving(caller), params)
    return _admission(verdict, params, pace)


def reserve_now(
    caller: Caller, asks: Mapping[str, Ask], *, request_id: str, at: datetime, model: str = "", price: Any = None
) -> Admission:
    """The same for synchronous code, in its transaction. The decision about what is refused is kept with that."""
    params = _wanted(caller, asks, request_id=request_id, at=at, model=model, price=price)
    verdicts = database.run_prepared(_reserving(caller), params)
    while verdicts and not verdicts[0]["complete"]:
        windows.begin_now(params)
        verdicts = database.run_prepared(_reserving(caller), params)
    if not verdicts:
        raise NoCatalogue
    read = {name: database.from_json(verdicts[0][name]) for name in ("limits", "amounts")}
    return _admission(verdicts[0] | read, params, None)


def _wanted(
    caller: Caller, asks: Mapping[str, Ask], *, request_id: str, at: datetime, model: str, price: Any
) -> Params:
    if model and not caller.may_use(model):
        raise ModelNotAllowed(model)
    return {
        **limits_of(caller, at),
        "reservation_id": uuid.uuid4(),
        "request_id": request_id,
        "key_id": caller.key_id,
        "member_id": caller.user_id,
        **_asked(asks),
        "model": model,
        "price": Jsonb(price or {}),
        "lease": settings.RESERVATION_LEASE,
    }


def _reserving(caller: Caller) -> str:
    return statements.RESERVE_WITHIN_OWN_LIMITS if caller.limits else statements.RESERVE


def _admission(verdict: Row, params: Params, pace: Limit | None) -> Admission:
    limits = [Limit.from_row(row) for row in verdict["limits"]]
    if not verdict["permitted"]:
        raise ModelNotInPlan(params["model"], verdict["plan"])
    if not verdict["fits"]:
        raise QuotaExceeded(params["request_id"], verdict["plan"], limits + paced(pace))
    return Admission(params["reservation_id"], params["request_id"], verdict["plan"], limits, verdict["amounts"], pace)


async def grow(caller: Caller, admission: Admission, asks: Mapping[str, Ask], *, at: datetime) -> Admission | None:
    """Hold more for the same work: `least` to `most` of each meter altogether, in the buckets it holds and of credits.

    `at` is the moment of its admission. None: there is no room for the least of it, or the work is over.
    """
    params = {
        "workspace_id": caller.workspace_id,
        "at": at,
        "reservation_id": admission.reservation_id,
        **_asked(asks),
        "model": "",
    }
    verdict = await _verdict(statements.GROW, params)
    return replace(admission, amounts={**admission.amounts, **verdict["amounts"]}) if verdict["fits"] else None


async def reassign(reservation_id: UUID, *, model: str, price: Any) -> None:
    """The work is done by another model than it was reserved for, within what is held, at that one's price."""
    params = {"reservation_id": reservation_id, "model": model, "price": Jsonb(price)}
    async with database.connected() as connection:
        await connection.execute(statements.REASSIGN, params)


async def _verdict(statement: str, params: Params) -> Row:
    verdict = await database.fetch_one(statement, params)
    while verdict and not verdict["complete"]:  # Twice, where the plan changes in that very moment.
        await windows.begin(params)
        verdict = await database.fetch_one(statement, params)
    if verdict is None:
        raise NoCatalogue
    return verdict


def _asked(asks: Mapping[str, Ask]) -> Params:
    return {
        "meters": list(asks),
        "least": [ask.least for ask in asks.values()],
        "most": [ask.most for ask in asks.values()],
    }


async def settle(
    reservation_id: UUID, spent: Amounts, *, basis: Basis, along: list[tuple[str, Params]] | None = None
) -> bool:
    """Post what was spent and give the rest of the hold back; False when that was done before.

    A reservation that expired meanwhile gets a correction instead. The statements `along` are committed with it.
    """
    resolve = (statements.RESOLVE, _resolution(reservation_id, "settled", spent, basis))
    if await database.fetch_first_of([resolve, *(along or [])]):
        return _announced("settled", basis)
    if await database.fetch_one(statements.CORRECT, _resolution(reservation_id, "", spent, basis)):
        return _announced("corrected", basis)
    return False


def settle_now(reservation_id: UUID, spent: Amounts, *, basis: Basis) -> bool:
    """The same for synchronous code that has just reserved it, in its transaction."""
    return bool(database.run_prepared(statements.RESOLVE, _resolution(reservation_id, "settled", spent, basis)))


async def release(reservation_id: UUID, *, along: list[tuple[str, Params]] | None = None) -> bool:
    """Give the whole hold back: nothing was delivered. False when it was resolved before."""
    resolve = (statements.RESOLVE, _resolution(reservation_id, "released", {}, ""))
    if await database.fetch_first_of([resolve, *(along or [])]) is None:
        return False
    return _announced("released")


def _announced(state: str, basis: str = "") -> bool:
    work_resolved.send_robust(Reservation, state=state, basis=str(basis))
    return True


async def renew(checkpoints: Mapping[UUID, Amounts]) -> set[UUID]:
    """Say that this work is alive, and what it has delivered so far, for as many reservations as there are: those of
    them that stand."""
    return {row["id"] for row in await database.fetch_all(*renewal(checkpoints))}


def renewal(checkpoints: Mapping[UUID, Amounts], *, lease: timedelta | None = None) -> tuple[str, Params]:
    """The statement that says so, to be committed with others. Who says nothing again within `lease` has died."""
    params = {
        "reservation_ids": list(checkpoints),
        "checkpoints": [Jsonb(amounts) for amounts in checkpoints.values()],
        "lease": lease or settings.RESERVATION_LEASE,
    }
    return statements.RENEW, params


def lapse(reservation_ids: list[UUID]) -> None:
    """Nobody works on these any more: the sweeper settles them next, by their checkpoints."""
    Reservation.objects.filter(id__in=reservation_ids, state=Reservation.State.PENDING).update(lease_until=Now())


def _resolution(reservation_id: UUID, state: str, spent: Amounts, basis: str) -> Params:
    return {
        "reservation_id": reservation_id,
        "state": state,
        "basis": str(basis),
        "meters": list(spent),
        "amounts": list(spent.values()),
    }
