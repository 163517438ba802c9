"""What the lower apps announce, as the feed tells it. A listener that fails never breaks who spoke."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.dispatch import Signal
from django.utils.timezone import now

from accounts.models import User
from accounts.signals import staff_signed_in, user_signed_up
from analytics import events, metrics, pulse
from analytics.events import Happened, Kind
from analytics.pulse import Sum
from assistants.models import Job, Turn
from assistants.providers.base import NobodyListened
from assistants.signals import job_deleted, job_ended, provider_left_alone, turn_completed
from billing.models import PackPurchase
from billing.models.subscriptions import Gateway
from billing.signals import pack_paid, payment_received, subscription_changed
from quotas.signals import allowance_reached, quota_exceeded, work_resolved

GENERATED: dict[str, str] = {
    Job.Kind.STRATEGY: Kind.STRATEGY_GENERATED,
    Job.Kind.OPERATION: Kind.OPERATION_EXECUTED,
}


def connect() -> None:
    heard: dict[Signal, Callable[..., Any]] = {
        user_signed_up: hear_of_sign_up,
        staff_signed_in: hear_of_staff,
        turn_completed: hear_of_turn,
        quota_exceeded: hear_of_refusal,
        provider_left_alone: hear_of_provider,
        allowance_reached: hear_of_allowance,
        job_ended: hear_of_job,
        job_deleted: hear_of_deletion,
        payment_received: hear_of_payment,
        pack_paid: hear_of_pack,
        subscription_changed: hear_of_subscription,
        work_resolved: hear_of_settlement,
    }
    for signal, receiver in heard.items():
        signal.connect(receiver)


def hear_of_sign_up(*, user_id: UUID, at: datetime, **_: Any) -> None:
    workspace = User.objects.filter(pk=user_id).values_list("personal_workspace", flat=True).first()
    events.tell(Happened(Kind.USER_SIGNUP, workspace, user_id), at=at)


def hear_of_staff(*, user_id: UUID, way: str, **_: Any) -> None:
    events.tell(Happened(Kind.ADMIN_LOGIN, None, user_id, {"way": way}), at=now())


def hear_of_allowance(*, workspace_id: UUID, at: datetime, **news: Any) -> None:
    data = {name: news[name] for name in ("meter", "window", "percent", "used", "limit")}
    events.tell(Happened(Kind.ALLOWANCE_REACHED, workspace_id, None, data), at=at)


async def hear_of_job(*, job_id: UUID, workspace_id: UUID, user_id: UUID, kind: str, state: str, **_: Any) -> None:
    """However it ended: `state` says so."""
    if kind in GENERATED:
        happened = Happened(GENERATED[kind], workspace_id, user_id, {"job": str(job_id), "state": str(state)})
        await events.atell(happened, at=now())


async def hear_of_deletion(*, job_id: UUID, workspace_id: UUID, user_id: UUID, kind: str, **_: Any) -> None:
    if kind == Job.Kind.STRATEGY:
        await events.atell(Happened(Kind.STRATEGY_DELETED, workspace_id, user_id, {"job": str(job_id)}), at=now())


def hear_of_payment(*, invoice: int, workspace_id: UUID, at: datetime, **news: Any) -> None:
    data = {"invoice": invoice, **{name: news[name] for name in ("amount", "currency", "simulated")}}
    events.tell(Happened(Kind.PAYMENT_RECEIVED, workspace_id, None, data), at=at)


def hear_of_pack(*, purchase: UUID, at: datetime, **_: Any) -> None:
    bought = PackPurchase.objects.get(pk=purchase)
    data = {
        "pack": bought.pack_id,
        "purchase": str(purchase),
        "amount": bought.price,
        "currency": bought.currency,
        "simulated": bought.gateway == Gateway.DEMO,
    }
    events.tell(Happened(Kind.PAYMENT_RECEIVED, bought.workspace_id, None, data), at=at)


def hear_of_subscription(*, workspace_id: UUID, at: datetime, **news: Any) -> None:
    """Of the subscription null where staff took it away."""
    data = {name: news[name] for name in ("subscription", "plan", "status", "cancel_at_period_end", "next_plan")}
    events.tell(Happened(Kind.SUBSCRIPTION_CHANGED, workspace_id, None, data), at=at)


# ---- in the road of an answer: notes alone ---------------------------------------------------------------------------


def hear_of_turn(
    *, workspace_id: UUID, user_id: UUID, model: str, outcome: str, error: str, tokens: int, cost: int, **news: Any
) -> None:
    """Whoever hangs up has not been failed."""
    metrics.note_turn(model, str(outcome), news["usage"], news["first_token_ms"])
    failed = int(outcome != Turn.Outcome.COMPLETED and error != NobodyListened.code)
    sums = {"chats": 1, "failed": failed, "tokens": tokens, "cost": cost}
    pulse.note(Kind.CHAT_COMPLETED, workspace_id, Sum({user_id}, sums, {"models": {model}}))


def hear_of_refusal(
    *, workspace_id: UUID, user_id: UUID, request_id: str, plan: str, meters: list[str], **_: Any
) -> None:
    """The first of those that were refused together can be looked up."""
    metrics.REFUSALS.labels(plan).inc()
    words = {"meters": set(meters), "plans": {plan}, "requests": {request_id}}
    pulse.note(Kind.QUOTA_EXCEEDED, workspace_id, Sum({user_id}, {"refused": 1}, words))


def hear_of_provider(*, provider: str, **_: Any) -> None:
    pulse.note(Kind.PROVIDER_FAILING, None, Sum(sums={"times": 1}, sets={"providers": {provider}}))


def hear_of_settlement(*, state: str, basis: str, **_: Any) -> None:
    metrics.SETTLEMENTS.labels(state, basis).inc()
