"""A business from its first day to this moment, played in order of time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

from accounts.database import close_pool
from accounts.models import Letter
from analytics import summing
from analytics.moments import here
from assistants import catalogue
from assistants.catalogue import Offer
from assistants.models import Job
from billing.gateways.demo import DemoGateway
from billing.models import Invoice, PackPurchase, RecurringRevenue, Simulated
from config.demo import people, usage
from config.demo.clock import SetClock, played
from config.demo.customers import Customer, Seller, sign_up
from config.demo.people import Person
from quotas import notices

DAYS_A_MONTH = 30.4

Scene = tuple[datetime, int, Callable[[datetime], None]]
"""When, whose, and what is done then."""


@dataclass(frozen=True)
class Made:
    people: int
    paying: int
    calls: int
    refused: int
    jobs: int
    invoices: int
    packs: int

    def __str__(self) -> str:
        return (
            f"{self.people} people, {self.paying} of whom pay; {self.calls} calls of models, {self.refused} refused; "
            f"{self.jobs} strategies and operations; {self.invoices} invoices, {self.packs} packs"
        )


def make(*, workspaces: int, months: int, seed: int, at: datetime) -> Made:
    """Play so many months up to `at`, all of it or nothing. Inside a transaction, it is undone with that."""
    offers = asyncio.run(_offers())
    days = int(months * DAYS_A_MONTH)
    first = at.date() - timedelta(days=days)
    with played() as set_clock:
        story = Story(people.cast(workspaces, seed, first=first, last=at.date()), offers, set_clock, at)
        story.play(first)
        # Of a past that never was nobody is written to; whoever it was posted for has an address that reaches nobody.
        Letter.objects.filter(to__endswith=f"@{people.DOMAIN}").delete()
        made = story.made()
    moment = here(at)
    summing.sum_up(moment.days(days + 2), moment)
    return made


async def _offers() -> Mapping[str, Offer]:
    try:
        return await catalogue.offers()
    finally:
        await close_pool()


class Story:
    def __init__(self, cast: list[Person], offers: Mapping[str, Offer], set_clock: SetClock, at: datetime) -> None:
        self.cast = cast
        self.set_clock = set_clock
        self.ends_at = at
        self.here: dict[int, Customer] = {}
        self.seller = Seller()
        self.work = usage.Work(offers, at)

    def play(self, first: date) -> None:
        day = first
        while day <= self.ends_at.date():
            self.play_day(day)
            day += timedelta(days=1)
        self.bring_up_to(self.ends_at)

    def play_day(self, day: date) -> None:
        self.bring_up_to(datetime(day.year, day.month, day.day, tzinfo=UTC))
        for at, _, scene in sorted(self.scenes(day), key=lambda scene: scene[:2]):
            if at <= self.ends_at:
                self.set_clock(at)
                scene(at)
        self.work.write_down()

    def bring_up_to(self, at: datetime) -> None:
        """What nobody does but time: renewals, retries, and notices of allowances that are used up."""
        self.set_clock(at)
        by_id = {f"demo_cus_{customer.workspace.pk.hex}": customer for customer in self.here.values()}
        due = Simulated.objects.filter(kind="subscription", due_at__lte=at, customer_id__in=by_id)
        for customer_id in due.order_by("due_at").values_list("customer_id", flat=True):
            self.seller.renew(by_id[customer_id], at)
        while notices.tell_next(at):
            pass

    def scenes(self, day: date) -> Iterator[Scene]:
        for person in self.cast:
            customer = self.here.get(person.number)
            if customer is None:
                if person.signs_up_at.date() == day:
                    yield person.signs_up_at, person.number, partial(self.welcome, person)
            else:
                yield from self.day_of(customer, day)

    def welcome(self, person: Person, at: datetime) -> None:
        self.here[person.number] = customer = sign_up(person, at)
        self.use(customer, at)

    def day_of(self, customer: Customer, day: date) -> Iterator[Scene]:
        person = customer.person
        if decision := self.seller.decided_for(customer, day):
            yield person.busy_moment(day), person.number, partial(decision, customer)
        if day < customer.until and person.works_on(day):
            for _ in range(person.chance.randint(1, person.nature.calls)):
                yield person.busy_moment(day), person.number, partial(self.use, customer)

    def use(self, customer: Customer, at: datetime) -> None:
        customer.look()  # A plan may have ended since the day began.
        chance = customer.person.chance
        drawn = chance.random()
        if customer.pays and drawn < 0.05:
            self.work.job(customer, chance.choice(usage.crews(Job.Kind.STRATEGY)), at)
        elif drawn < 0.1:
            self.work.job(customer, chance.choice(usage.crews(Job.Kind.OPERATION)), at)
        elif meter := self.work.call(customer, at):
            self.seller.top_up(customer, meter, at)

    def made(self) -> Made:
        workspaces = [customer.workspace.pk for customer in self.here.values()]
        paying = RecurringRevenue.objects.filter(workspace__in=workspaces, gateway=DemoGateway.name, ends_at=None)
        return Made(
            people=len(self.here),
            paying=paying.count(),
            calls=self.work.done.calls,
            refused=self.work.done.refused,
            jobs=self.work.done.jobs,
            invoices=Invoice.objects.filter(workspace__in=workspaces).count(),
            packs=PackPurchase.objects.filter(workspace__in=workspaces, state=PackPurchase.State.PAID).count(),
        )
