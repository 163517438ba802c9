"""What the demo's customers have models do. Each call is reserved and settled by the ledger, which refuses as ever.

No model is asked, so the records beside the ledger are written here as the product's roads write them: a turn for a
call, a job with its steps for what a crew made. Their texts are the samples that the demo provider gives too.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from analytics import events
from analytics.events import Happened, Kind
from analytics.pulse import Sum
from assistants.catalogue import Offer
from assistants.crew import roles, rooms
from assistants.crew.roles import Crew
from assistants.models import Job, Step, Turn
from assistants.prices import Usage
from config.demo.customers import Customer
from quotas import metering, windows
from quotas.errors import QuotaExceeded
from quotas.metering import Ask
from quotas.models import Basis

Road = Turn.Road
ROADS = ((Road.CONVERSATION, 5), (Road.MESSAGES, 3), (Road.CHAT_COMPLETIONS, 2))
# The first model that is offered, the second, and so on: how often each is taken.
LIKED = (55, 22, 23)
CHATS_TOLD = timedelta(days=2)
"""So long back the feed tells of single chats: it would be full of them."""


@dataclass
class Done:
    """Filled while it is played."""

    calls: int = 0
    refused: int = 0
    jobs: int = 0
    turns: list[Turn] = field(default_factory=list)


class Work:
    """`offers` by slug, at today's prices. `ends_at` is the moment up to which the past is played."""

    def __init__(self, offers: Mapping[str, Offer], ends_at: datetime) -> None:
        self.offers = offers
        self.ends_at = ends_at
        self.done = Done()

    def call(self, customer: Customer, at: datetime) -> str | None:
        """One call of a model. The meter that had no room; None where it was answered."""
        chance, nature = customer.person.chance, customer.person.nature
        usage = _usage(int(nature.tokens * chance.lognormvariate(0, 0.6)), customer)
        offer = self.chosen(customer)
        [road] = chance.choices([road for road, _ in ROADS], [share for _, share in ROADS])
        counts = {"requests": 1, "messages": 1} if road == Road.CONVERSATION else {"requests": 1}
        cost = offer.prices.cost(usage)
        reserved = self.charge(customer, usage.total, cost, counts, offer.slug, offer.prices.as_data(), at)
        if isinstance(reserved, QuotaExceeded):
            return reserved.violated[0].meter
        self.done.calls += 1
        self.done.turns.append(_turn(customer, reserved, road, offer, usage, cost, at))
        if at > self.ends_at - CHATS_TOLD:
            told = {"chats": 1, "failed": 0, "tokens": usage.total, "cost": cost}
            self.tell(Kind.CHAT_COMPLETED, customer, Sum({customer.user.pk}, told, {"models": {offer.slug}}), at)
        return None

    def job(self, customer: Customer, crew: Crew, at: datetime) -> None:
        """A strategy or an operation, with all its steps."""
        brief = _brief(customer, crew)
        offer = self.chosen(customer)
        steps = _steps(crew, brief, offer, customer)
        tokens = sum(step.input_tokens + step.output_tokens for step in steps)
        cost = sum(step.cost for step in steps)
        prices = {offer.slug: offer.prices.as_data()}
        reserved = self.charge(customer, tokens, cost, rooms.counts(crew.kind), offer.slug, prices, at)
        if isinstance(reserved, QuotaExceeded):
            return
        self.done.jobs += 1
        job = _job(customer, crew, brief, steps, reserved, at)
        kind = Kind.STRATEGY_GENERATED if crew.kind == Job.Kind.STRATEGY else Kind.OPERATION_EXECUTED
        data = {"job": str(job.pk), "state": str(job.state)}
        happened = Happened(kind, customer.workspace.pk, customer.user.pk, data)
        transaction.on_commit(partial(events.tell, happened, at=at))

    def charge(
        self,
        customer: Customer,
        tokens: int,
        cost: int,
        counts: Mapping[str, int],
        model: str,
        price: object,
        at: datetime,
    ) -> metering.Admission | QuotaExceeded:
        """Held with some room to spare, and settled at what it took."""
        asks = {"tokens": Ask(tokens, tokens * 5 // 4), "cost": Ask(cost, cost * 5 // 4)}
        others = {meter: Ask.exactly(amount) for meter, amount in counts.items()}
        request_id = f"req_{uuid.uuid4().hex}"
        if (
            customer.worked_on != at.date()
        ):  # Else the ledger would find its windows missing, begin them, and ask again.
            windows.begin_now(windows.limits_of(customer.caller, at))
            customer.worked_on = at.date()
        try:
            admission = metering.reserve_now(
                customer.caller, asks | others, request_id=request_id, at=at, model=model, price=price
            )
        except QuotaExceeded as refusal:
            self.refused(customer, refusal, at)
            return refusal
        spent = {"tokens": tokens, "cost": cost, **counts}
        metering.settle_now(admission.reservation_id, spent, basis=Basis.REPORTED)
        return admission

    def refused(self, customer: Customer, refusal: QuotaExceeded, at: datetime) -> None:
        self.done.refused += 1
        customer.wants_more = True
        words = {
            "meters": {str(limit.meter) for limit in refusal.violated},
            "plans": {refusal.plan},
            "requests": {refusal.request_id},
        }
        self.tell(Kind.QUOTA_EXCEEDED, customer, Sum({customer.user.pk}, {"refused": 1}, words), at)

    def tell(self, kind: Kind, customer: Customer, what: Sum, at: datetime) -> None:
        """As the pulse does, which knows the present alone."""
        transaction.on_commit(partial(events.tell, what.told(kind, customer.workspace.pk), at=at))

    def chosen(self, customer: Customer) -> Offer:
        allowed = customer.plan.allowed_models
        usable = [offer for slug, offer in self.offers.items() if not allowed or slug in allowed]
        weights = [LIKED[place] if place < len(LIKED) else 1 for place in range(len(usable))]
        [offer] = customer.person.chance.choices(usable, weights)
        return offer

    def write_down(self) -> None:
        """The records of the calls since the last time, at once: thousands of rows one by one would take minutes."""
        Turn.objects.bulk_create(self.done.turns)
        self.done.turns = []


def crews(kind: str) -> list[Crew]:
    return roles.of_kind(kind)


def _usage(tokens: int, customer: Customer) -> Usage:
    """Most of it is what was said before; a tenth to a third is the answer."""
    output = int(tokens * customer.person.chance.uniform(0.1, 0.3))
    read = int((tokens - output) * customer.person.chance.choice([0, 0, 0.4]))
    return Usage(input=max(tokens - output - read, 1), cache_read=read, output=max(output, 1))


def _turn(
    customer: Customer,
    admission: metering.Admission,
    road: Road,
    offer: Offer,
    usage: Usage,
    cost: int,
    at: datetime,
) -> Turn:
    return Turn(
        reservation_id=admission.reservation_id,
        request_id=admission.request_id,
        workspace=customer.workspace,
        user=customer.user,
        road=road,
        model=offer.slug,
        provider=offer.provider,
        outcome=Turn.Outcome.COMPLETED,
        stop_reason="end_turn",
        basis=Basis.REPORTED,
        input_tokens=usage.input,
        cache_write_5m_tokens=usage.cache_write_5m,
        cache_write_1h_tokens=usage.cache_write_1h,
        cache_read_tokens=usage.cache_read,
        output_tokens=usage.output,
        cost=cost,
        first_token_ms=customer.person.chance.randint(250, 1200),
        duration_ms=1200 + usage.output * 12,
        created_at=at,
    )


def _brief(customer: Customer, crew: Crew) -> dict[str, str]:
    person = customer.person
    said = {
        "business": person.business,
        "industry": person.industry,
        "audience": "people nearby who have not heard of us",
        "goal": "a third more customers by the summer",
        "subject": person.business,
        "question": "Should we open a second place?",
        "product": f"{person.business}, {person.industry}",
        "market": person.industry,
        "geography": person.country,
    }
    return {name: said.get(name, person.business) for name in crew.input["required"]}


def _steps(crew: Crew, brief: Mapping[str, str], offer: Offer, customer: Customer) -> list[Step]:
    steps: list[Step] = []
    written = 0
    for position, role in enumerate(crew.roles):
        output = int(role.max_tokens * customer.person.chance.uniform(0.3, 0.6))
        usage = Usage(input=900 + written, output=output)
        written += output
        steps.append(
            Step(
                position=position,
                role=role.slug,
                output=roles.filled(role.sample, brief),
                model=offer.slug,
                provider=offer.provider,
                input_tokens=usage.input,
                cache_write_5m_tokens=0,
                cache_write_1h_tokens=0,
                cache_read_tokens=0,
                output_tokens=usage.output,
                cost=offer.prices.cost(usage),
                tries=1,
                duration_ms=1200 + usage.output * 12,
            )
        )
    return steps


def _job(
    customer: Customer,
    crew: Crew,
    brief: Mapping[str, str],
    steps: list[Step],
    admission: metering.Admission,
    at: datetime,
) -> Job:
    took = timedelta(milliseconds=sum(step.duration_ms for step in steps))
    job = Job.objects.create(
        workspace=customer.workspace,
        user=customer.user,
        kind=crew.kind,
        crew=crew.slug,
        title=crew.title_of(brief),
        brief=brief,
        state=Job.State.COMPLETED,
        result=steps[-1].output,
        step=len(steps),
        request_id=admission.request_id,
        reservation_id=admission.reservation_id,
        leased_until=at,
        tries=1,
        created_at=at,
        started_at=at,
        finished_at=at + took,
    )
    for step in steps:
        step.job, step.reservation_id, step.finished_at = job, admission.reservation_id, at + took
    Step.objects.bulk_create(steps)
    return job
