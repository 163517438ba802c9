"""What a customer of the demo does with the product: signs up, pays, changes, leaves, by its own verbs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial

from accounts import profiles, registration, workspaces
from accounts.audit import Actor
from accounts.callers import ROLE_SCOPES, Caller
from accounts.models import Membership, User, Workspace
from billing import customers, demo_clock, packs, purchases, subscriptions
from billing.errors import BillingError
from billing.gateways.demo import DemoGateway
from billing.gateways.demo.cards import typed
from billing.models import CreditPack, Plan, Subscription
from config.demo.people import Person
from quotas import purchases as bought

CARD_THAT_FAILS_LATER = "4000000000000341"
WAYS = {"success_url": "https://people.example/paid", "cancel_url": "https://people.example/not-paid"}
A_MONTH = 30.4  # Days.
SETTLES_IN_DAYS = 14
"""Nobody who has just paid cancels or changes again sooner."""

Decision = Callable[["Customer", datetime], None]


@dataclass
class Customer:
    """`until` is the day from which they do nothing any more, `decided_on` that of their last change of plan."""

    person: Person
    user: User
    workspace: Workspace
    caller: Caller
    until: date
    decided_on: date
    wants_more: bool = False
    mends_card_on: date | None = None
    worked_on: date | None = None
    plan: subscriptions.CurrentPlan = field(init=False)

    def __post_init__(self) -> None:
        self.look()

    @property
    def by(self) -> Actor:
        return Actor(user_id=self.user.pk)

    @property
    def pays(self) -> bool:
        return self.plan.current_period_end is not None

    def look(self) -> None:
        """Which plan they are on by now."""
        self.plan = subscriptions.current_plan(self.workspace.pk)

    def subscription(self) -> Subscription | None:
        return purchases.subscription_of(self.workspace.pk)


def sign_up(person: Person, at: datetime) -> Customer:
    """Through a provider, so that there is no password to hash and no letter to write."""
    user = registration.register_through(person.email, name=person.name, verified=True, may_write=False, at=at)
    by = Actor(user_id=user.pk)
    told = {"business_name": person.business, "industry": person.industry, "employees": person.chance.randint(1, 60)}
    profiles.change(user, by=by, at=at, **told)
    zone = str(person.zone)
    workspace = workspaces.change(user.personal_workspace.pk, by=by, at=at, name=person.business, time_zone=zone)
    role = Membership.Role.OWNER
    caller = Caller(user.pk, user.email, workspace.pk, zone, workspace.created_at, role, ROLE_SCOPES[role])
    day = at.date()
    stays = 1 + int(person.chance.expovariate(1 / person.nature.stays_days))
    return Customer(person, user, workspace, caller, until=day + timedelta(days=stays), decided_on=day)


class Seller:
    """What is sold, and the customers' dealings with it."""

    def __init__(self) -> None:
        priced = Plan.objects.filter(is_offered=True, prices__is_current=True, prices__amount__gt=0)
        self.ladder = list(priced.order_by("rank").distinct())
        self.packs = {pack.meter: pack for pack in reversed(packs.offered())}

    # ---- what they decide

    def decided_for(self, customer: Customer, day: date) -> Decision | None:
        """What somebody does on that day, of mending their card, beginning to pay, going up, going down, cancelling."""
        drawn = customer.person.chance.random()
        wanted_more, customer.wants_more = customer.wants_more, False
        if customer.mends_card_on:
            return self.mend_card if day >= customer.mends_card_on else None
        if customer.person.nature.rung is None or not self.ladder:
            return None
        if not customer.pays:
            return self.subscribe if day < customer.until and drawn < (0.5 if wanted_more else 0.06) else None
        if (day - customer.decided_on).days < SETTLES_IN_DAYS:
            return None
        return self.reconsidered(customer, drawn * A_MONTH, 0.25 if wanted_more else 0.03)

    def reconsidered(self, customer: Customer, drawn: float, up: float) -> Decision | None:
        """`up` is how likely somebody goes up within a month."""
        churn, down = customer.person.nature.churn, 0.03
        if drawn < churn:
            return self.cancel
        if drawn < churn + up:
            return partial(self.move, by=+1)
        return partial(self.move, by=-1) if drawn < churn + up + down else None

    # ---- how they pay

    def subscribe(self, customer: Customer, at: datetime) -> None:
        """At the checkout, with a card that is good now and perhaps not later."""
        person = customer.person
        card = typed(CARD_THAT_FAILS_LATER if person.card_fails else purchases.CARD_THAT_PAYS)
        plan = self.ladder[min(person.nature.rung or 0, len(self.ladder) - 1)]
        gateway = DemoGateway(clock=lambda: at)
        page = purchases.checkout(gateway, customer.workspace, plan, **WAYS, by=customer.by, at=at)
        code = "DEMO20" if person.chance.random() < 0.2 else ""
        with demo_clock.acting(self.id_of(customer), at=at) as acting:
            acting.complete_checkout(page.id, card, code=code, authenticated=True, country=person.country)
        self.decided(customer, at)
        customer.until = date.max

    def move(self, customer: Customer, at: datetime, *, by: int) -> None:
        """Up or down the ladder, where there is a rung and the card pays for it."""
        subscription = customer.subscription()
        rungs = [plan.slug for plan in self.ladder]
        if subscription is None or subscription.plan_id not in rungs:
            return
        rung = rungs.index(subscription.plan_id) + by
        if not 0 <= rung < len(rungs):
            return
        gateway = DemoGateway(clock=lambda: at)
        try:
            purchases.change(gateway, subscription, self.ladder[rung], previewed_at=None, by=customer.by, at=at)
        except BillingError:  # The card does not pay, or something else is to follow already.
            return
        self.decided(customer, at)

    def cancel(self, customer: Customer, at: datetime) -> None:
        """From the end of what is paid; some think better of it."""
        subscription = customer.subscription()
        if subscription is None or subscription.cancel_at_period_end:
            return
        gateway = DemoGateway(clock=lambda: at)
        ending = purchases.cancel(gateway, subscription, now=False, by=customer.by, at=at)
        if customer.person.chance.random() < 0.15:
            purchases.resume(gateway, ending, by=customer.by, at=at)
        self.decided(customer, at)

    def mend_card(self, customer: Customer, at: datetime) -> None:
        customer.mends_card_on = None
        with demo_clock.acting(self.id_of(customer), at=at) as gateway:
            card = typed(purchases.CARD_THAT_PAYS)
            gateway.add_card(self.id_of(customer), card, authenticated=True)
        customer.look()

    def top_up(self, customer: Customer, meter: str, at: datetime) -> None:
        """A pack of what they ran out of, if they pay and are in the mood."""
        pack: CreditPack | None = self.packs.get(meter)
        if pack is None or not customer.pays or customer.person.chance.random() > 0.4:
            return
        gateway = DemoGateway(clock=lambda: at)
        try:
            purchase = packs.buy(gateway, customer.workspace, pack, **WAYS, by=customer.by, at=at)
        except BillingError:  # No card that pays.
            return
        bought.grant_for(purchase.pk, at=at)  # Now, and not when the whole past is committed.

    def renew(self, customer: Customer, at: datetime) -> None:
        """What has come due by then: renewals, retries, ends."""
        paid = customer.pays
        demo_clock.play(at, customer_id=self.id_of(customer))
        customer.look()
        subscription = customer.subscription()
        chance = customer.person.chance
        if subscription and subscription.past_due_since and customer.mends_card_on is None and chance.random() < 0.7:
            customer.mends_card_on = at.date() + timedelta(days=chance.randint(1, 3))
        if paid and not customer.pays:
            customer.until = at.date() + timedelta(days=chance.randint(0, 30))

    # ---- helpers

    def id_of(self, customer: Customer) -> str:
        return customers.customer_of(customer.workspace, DemoGateway()).stripe_id

    def decided(self, customer: Customer, at: datetime) -> None:
        customer.decided_on = at.date()
        customer.look()
