"""A change of plan, as its customer asks for it, and what becomes of the windows that are open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accounts.audit import Actor
from accounts.callers import Caller
from accounts.meters import Meter
from accounts.models import Workspace
from billing import purchases, subscriptions
from billing.gateways import Gateway
from billing.models import Plan
from quotas import resets, windows
from quotas.errors import ResetNotAllowed


@dataclass(frozen=True)
class Change:
    """Where to come back to from a checkout, should it take one."""

    plan: Plan
    reset_used: bool
    success_url: str
    cancel_url: str


def set_plan(gateway: Gateway, caller: Caller, change: Change, *, by: Actor, at: datetime) -> str:
    """Put the caller's workspace on a plan, and say what that was.

    One that costs nothing, or more, counts at once; a lower one that costs something, from the end of what is paid. It
    is paid by the card that is saved, and where payments are simulated there always is one. Raises `PaymentRequired`,
    with a checkout, where none is; `ResetNotAllowed`; and as gateways do.
    """
    if change.reset_used and not caller.is_staff:
        raise ResetNotAllowed
    former = Plan.objects.get(pk=subscriptions.current_plan(caller.workspace_id).slug)
    running = purchases.subscription_of(caller.workspace_id)
    if former != change.plan or (running and running.next_price):
        windows.begin_now(windows.limits_of(caller, at))  # So that what is left is known, though nothing was used.
        _move(gateway, caller, change, by=by, at=at)
        windows.begin_now(windows.limits_of(caller, at))
    if change.reset_used:
        resets.reset(caller.workspace_id, meters=[Meter.TOKENS], by=by, reason="Asked for with the plan.", at=at)
    return _said(former, change.plan)


def _said(former: Plan, latter: Plan) -> str:
    if former == latter:
        return "plan confirmed"
    higher = latter.rank > former.rank
    return f"upgraded to {latter.slug} with carry-over" if higher else f"downgraded to {latter.slug}"


def counts_from(caller: Caller) -> datetime | None:
    """When a lower plan that was chosen begins to count; None where none waits for the end of what is paid."""
    running = purchases.subscription_of(caller.workspace_id)
    return running.current_period_end if running and running.next_price else None


def _move(gateway: Gateway, caller: Caller, change: Change, *, by: Actor, at: datetime) -> None:
    workspace = Workspace.objects.get(pk=caller.workspace_id)
    running = purchases.subscription_of(workspace.pk)
    paid = running if running and running.stripe_id else None
    if not change.plan.prices.current().filter(amount__gt=0).exists():
        subscriptions.put_on_plan(workspace, change.plan.slug, by=by, at=at)
    elif paid:
        purchases.change(gateway, paid, change.plan, previewed_at=None, by=by, at=at)
    else:
        purchases.save_test_card(gateway, workspace)
        ways = {"success_url": change.success_url, "cancel_url": change.cancel_url}
        purchases.subscribe(gateway, workspace, change.plan, **ways, by=by, at=at)
