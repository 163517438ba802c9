"""Why a request was admitted or refused, what it was charged in the end, and what its customer can do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.text import get_text_list

from accounts.models import Workspace
from billing import packs
from billing.models import Overage, Plan, PlanLimit
from quotas.errors import counted, during, unit
from quotas.limits import Limit
from quotas.models import Basis, Decision, Entry, Reservation

SOON = timedelta(days=1)
"""A window that ends within it is waited for sooner than anything is bought."""
RESTS_ON: dict[str, str] = {
    Basis.REPORTED: "as the provider reported",
    Basis.ESTIMATED: "as was estimated from what was delivered",
    Basis.DRAINED: "as the provider reported after the client had gone",
}
PLANS_URL, PACKS_URL = "/api/v1/billing/plans/compare", "/api/v1/billing/packs"


@dataclass(frozen=True)
class LookedAt:
    """A limit as it stood when it was decided, with when it begins anew in the workspace's own time."""

    limit: Limit
    resets_at_local: datetime | None
    resets: str  # in words
    refused: bool


@dataclass(frozen=True)
class NextStep:
    """What helps: `wait` (`until` None: a moment), `upgrade`, `buy_credits`, `ask_admin`, `ask_less`, or `none`."""

    step: str
    text: str
    until: datetime | None = None
    url: str | None = None


@dataclass(frozen=True)
class Line:
    """An entry of the ledger for this work; of what is `beyond` the plan each unit costs `unit_price` minor units of
    USD. `credits_from` says where the credits came from that paid it."""

    entry: Entry
    beyond: int
    unit_price: int | None

    @property
    def credits_from(self) -> str | None:
        grant = self.entry.bucket.grant
        return grant.source if grant else None


@dataclass(frozen=True)
class Work:
    """What became of one reservation."""

    reservation: Reservation
    lines: list[Line]

    @property
    def credits(self) -> dict[str, int]:
        """Used of credits, by meter."""
        used: dict[str, int] = {}
        for line in self.lines:
            if line.credits_from:
                used[line.entry.bucket.meter] = used.get(line.entry.bucket.meter, 0) + line.entry.amount
        return used

    @property
    def told(self) -> str:
        """For people, in a sentence."""
        amounts = sorted(self.reservation.spent.items())
        spent = get_text_list([counted(meter, amount) for meter, amount in amounts], "and")
        match self.reservation.state:
            case Reservation.State.PENDING:
                return "It is under way, and keeps what it holds until it ends."
            case Reservation.State.EXPIRED if not self.reservation.corrected_at:
                how = f"what it had delivered by then was charged: {spent}" if spent else "nothing was charged"
                return f"Its process died, and {how}."
        if not spent:
            return "Nothing was delivered, and nothing was charged."
        was = "was" if sum(amount for _, amount in amounts) == 1 else "were"
        return f"{spent} {was} charged, {RESTS_ON.get(self.reservation.basis, 'as was known')}."


@dataclass(frozen=True)
class Story:
    """All that is known of one request."""

    decision: Decision
    zone: ZoneInfo

    @cached_property
    def limits(self) -> list[LookedAt]:
        return [self._looked_at(Limit.from_row(row)) for row in self.decision.limits]

    @cached_property
    def violated(self) -> list[Limit]:
        """Those that refused."""
        return [looked.limit for looked in self.limits if looked.refused]

    @cached_property
    def work(self) -> list[Work]:
        """The oldest first; none where nothing was held."""
        return work_of(self.decision.workspace_id, self.decision.request_id)

    @cached_property
    def next_step(self) -> NextStep:
        return _next_step(self)

    @cached_property
    def explanation(self) -> str:
        """For people, in a sentence or a few."""
        if not self.decision.admitted:
            return " ".join(["Refused.", *(self._told(limit) for limit in self.violated)])
        if not self.limits:
            return "Admitted: no limit speaks of what it asked for."
        if len(self.limits) == 1:
            return "Admitted: one limit was looked at, and did not stand in its way."
        return f"Admitted: {len(self.limits)} limits were looked at, and none stood in its way."

    def _looked_at(self, limit: Limit) -> LookedAt:
        refused = limit.refuses and not self.decision.admitted
        if limit.resets_at is None:
            return LookedAt(limit, None, "never", refused)
        return LookedAt(limit, limit.resets_at.astimezone(self.zone), local(limit.resets_at, self.zone), refused)

    def _told(self, limit: Limit) -> str:
        whose = {"member": "This membership", "key": "This API key"}.get(limit.holder, f"The {self.decision.plan} plan")
        held = f", {limit.reserved:,} held by other work" if limit.reserved else ""
        beside = f" and {limit.credits:,} of credits" if limit.credits else ""
        return (
            f"{whose} allows {limit.limit:,} {unit(limit.meter)}{during(limit.window)}: {limit.used:,} were used{held}"
            f", {limit.remaining:,} of it{beside} remained, and this request needed {limit.hold:,}. "
            f"{self.resets(limit)}"
        )

    def resets(self, limit: Limit) -> str:
        return f"It begins anew on {local(limit.resets_at, self.zone)}." if limit.resets_at else "It never resets."


def told_of(decision: Decision) -> Story:
    return Story(decision, ZoneInfo(decision.workspace.time_zone))


def local(moment: datetime, zone: ZoneInfo) -> str:
    """As people say it, such as `Tuesday 14 July 2026, 00:00 (Europe/Berlin)`."""
    there = moment.astimezone(zone)
    return f"{there:%A} {there.day} {there:%B %Y, %H:%M} ({zone.key})"


# ---- What was charged


def work_of(workspace_id: UUID, request_id: str) -> list[Work]:
    found = Reservation.objects.filter(workspace=workspace_id, request_id=request_id)
    return with_entries(list(found.select_related("key", "member").order_by("created_at")))


def latest_work(workspace: Workspace, most: int) -> list[Work]:
    found = Reservation.objects.filter(workspace=workspace).order_by("-created_at", "-id")
    return with_entries(list(found.select_related("key", "member")[:most]))


def with_entries(reservations: Sequence[Reservation]) -> list[Work]:
    """Two queries, however many there are."""
    entries = Entry.objects.filter(reservation__in=reservations).select_related("bucket__grant").order_by("id")
    lines = list(_lines(list(entries)))
    return [Work(one, [line for line in lines if line.entry.reservation_id == one.pk]) for one in reservations]


def _lines(entries: list[Entry]) -> Iterable[Line]:
    beyond = {noted.entry_id: noted for noted in Overage.objects.filter(entry_id__in=[entry.pk for entry in entries])}
    for entry in entries:
        noted = beyond.get(entry.pk)
        yield Line(entry, noted.units if noted else 0, noted.unit_price if noted else None)


# ---- What helps


def _next_step(story: Story) -> NextStep:
    """One's own limit is an admin's to raise. Else what costs nothing comes first, if it comes soon."""
    violated = story.violated
    if story.decision.admitted:
        return NextStep("none", "Nothing: it was admitted.")
    if not violated:
        return NextStep("none", "Nothing is known that refused it.")
    if any(limit.holder != "workspace" for limit in violated):
        own = next(limit for limit in violated if limit.holder != "workspace")
        whose = "the API key" if own.holder == "key" else "your membership"
        return NextStep("ask_admin", f"Ask an admin of the workspace to raise the limit {own.policy} of {whose}.")
    if all(limit.hold <= limit.limit - limit.used + limit.credits for limit in violated):
        return NextStep("wait", "Try again in a moment: only other work under way stood in the way.")
    waiting = _waiting(story)
    if waiting and waiting.until and waiting.until - story.decision.created_at <= SOON:
        return waiting
    return _paying(story.decision.plan, violated) or waiting or _asking_less(violated)


def _waiting(story: Story) -> NextStep | None:
    """None where no new window would have room either, or none comes."""
    ends = [limit.resets_at for limit in story.violated if limit.hold <= limit.limit]
    if len(ends) < len(story.violated) or not all(ends):
        return None
    until = max(end for end in ends if end)
    return NextStep("wait", f"Wait until {local(until, story.zone)}.", until=until)


def _paying(slug: str, violated: list[Limit]) -> NextStep | None:
    """Who has a plan is shown credits first, and who has none a plan."""
    plan = Plan.objects.filter(slug=slug).first()
    if plan and plan.is_default:
        return _upgrading(plan, violated) or _buying(violated)
    return _buying(violated) or (_upgrading(plan, violated) if plan else None)


def _buying(violated: list[Limit]) -> NextStep | None:
    meters = sorted({limit.meter for limit in violated})
    sold = set(packs.offered().filter(meter__in=meters).values_list("meter", flat=True))
    if sold < set(meters):
        return None
    return NextStep("buy_credits", f"Buy credits: there are packs of {' and '.join(meters)}.", url=PACKS_URL)


def _upgrading(plan: Plan, violated: list[Limit]) -> NextStep | None:
    higher = Plan.objects.filter(is_offered=True, rank__gt=plan.rank).prefetch_related("limits")
    found = next((one for one in higher if _allows_more(list(one.limits.all()), violated)), None)
    return NextStep("upgrade", f"Upgrade: the {found} plan allows more.", url=PLANS_URL) if found else None


def _allows_more(limits: list[PlanLimit], violated: list[Limit]) -> bool:
    hard = {(one.meter, one.window): one.limit for one in limits if one.policy == "hard"}
    return all(hard.get((old.meter, old.window), old.limit + 1) > old.limit for old in violated)


def _asking_less(violated: list[Limit]) -> NextStep:
    if any(limit.hold > limit.limit for limit in violated):
        most = min(violated, key=lambda limit: limit.limit)
        text = f"Ask for less: no more than {most.limit:,} {unit(most.meter)} fit into the whole limit."
        return NextStep("ask_less", text)
    return NextStep("none", "Nothing helps: this limit never resets, and no plan that is offered allows more.")
