"""What is sold, changed as a whole: seen before it is done, done whole or not at all, and done once.

A new price is a new version. Who subscribed keeps the price of that day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Count, Exists, Max, OuterRef, Prefetch, Q

from accounts import audit
from accounts.audit import Actor
from accounts.models import AuditEntry, Workspace
from billing import catalogue_files
from billing.models import CreditPack, Plan, PlanLimit, Price, Subscription
from billing.terms import Change, LimitTerms, PackTerms, PlanTerms, PriceTerms, changes, pack_changes

LOADED = "catalogue.loaded"


@dataclass(frozen=True)
class PlanPreview:
    """What is to be otherwise about a plan, and for how many.

    `workspaces` are on it, or would be, only because it is the default plan; they have no subscription.
    """

    slug: str
    changes: list[Change]
    subscriptions: int
    workspaces: int

    def __str__(self) -> str:
        without = f" and {count(self.workspaces, 'workspace')} without one" if self.workspaces else ""
        return f"{self.slug}, {count(self.subscriptions, 'subscription')}{without}"


@dataclass(frozen=True)
class PackPreview:
    """What is to be otherwise about a pack. It touches nobody: what was bought keeps its terms."""

    slug: str
    changes: list[Change]

    def __str__(self) -> str:
        return f"pack {self.slug}"


Sale = PlanTerms | PackTerms
Preview = PlanPreview | PackPreview


def count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


@transaction.atomic
def load(name: str, *, by: Actor, at: datetime) -> list[Preview]:
    """Sell what the file says; what was changed, so empty the second time. Raises `InvalidCatalogue`."""
    alone()
    proposed = in_file(name)
    told = preview(proposed, at=at)
    sell(proposed)
    if told or not was_loaded_last(name):
        said = [f"{sale.slug}: {change}" for sale in told for change in sale.changes]
        after = {**_loaded(name), "changes": said}
        audit.record(LOADED, by=by, subject=Plan.objects.get(is_default=True), at=at, after=after)
    return told


def was_loaded_last(name: str) -> bool:
    """Whether this file, as it is now, was the last one loaded. Staff may have changed plans since."""
    last = AuditEntry.objects.filter(action=LOADED).first()
    return last is not None and _loaded(name).items() <= last.after.items()


def _loaded(name: str) -> dict[str, str]:
    return {"catalogue": name, "sha256": catalogue_files.digest(name)}


def in_file(name: str) -> list[Sale]:
    """The plans and packs of the file, and those it does not name, no longer offered. Raises `InvalidCatalogue`."""
    written = catalogue_files.read(name)
    plans, packs = sold(), packs_sold()
    for plan in written.plans:
        plans.pop(plan.slug, None)
    for pack in written.packs:
        packs.pop(pack.slug, None)
    return [
        *written.plans,
        *(replace(plan, is_default=False, is_offered=False) for plan in plans.values()),
        *written.packs,
        *(replace(pack, is_offered=False) for pack in packs.values()),
    ]


def sold() -> dict[str, PlanTerms]:
    """Every plan there is, by slug, offered or not."""
    current = Prefetch("prices", Price.objects.current())
    return {plan.slug: _terms(plan) for plan in Plan.objects.prefetch_related(current, "limits")}


def packs_sold() -> dict[str, PackTerms]:
    """Every pack there is, by slug, offered or not."""
    return {pack.slug: pack_terms(pack) for pack in CreditPack.objects.all()}


def with_one_default(terms: PlanTerms) -> list[PlanTerms]:
    """These, and those of the plan that is the default no more because of them."""
    if not terms.is_default:
        return [terms]
    others = [other for other in sold().values() if other.is_default and other.slug != terms.slug]
    return [terms, *(replace(other, is_default=False) for other in others)]


def preview(proposed: Iterable[Sale], *, at: datetime) -> list[Preview]:
    """What `sell` would change, plan by plan and pack by pack. Nothing is written."""
    plans, packs = _apart(proposed)
    return [*_preview_plans(plans, at=at), *_preview_packs(packs)]


def _apart(proposed: Iterable[Sale]) -> tuple[list[PlanTerms], list[PackTerms]]:
    things = list(proposed)
    plans = [each for each in things if isinstance(each, PlanTerms)]
    return plans, [each for each in things if isinstance(each, PackTerms)]


def _preview_packs(proposed: list[PackTerms]) -> list[PackPreview]:
    former = packs_sold()
    found = [PackPreview(terms.slug, pack_changes(former.get(terms.slug), terms)) for terms in proposed]
    return [told for told in found if told.changes]


def _preview_plans(proposed: Iterable[PlanTerms], *, at: datetime) -> list[PlanPreview]:
    former = sold()
    found = [(terms, changes(former.get(terms.slug), terms)) for terms in proposed]
    changed = [(terms, different) for terms, different in found if different]
    subscribed = _open_subscriptions()
    default = {slug for slug, terms in former.items() if terms.is_default}
    without = _without_subscription(at) if changed else 0
    return [
        PlanPreview(
            slug=terms.slug,
            changes=different,
            subscriptions=subscribed[terms.slug],
            workspaces=without if terms.is_default or terms.slug in default else 0,
        )
        for terms, different in changed
    ]


@transaction.atomic
def sell(proposed: Iterable[Sale]) -> None:
    """Make the plans and packs so. What is so already is not touched."""
    alone()
    plans, packs = _apart(proposed)
    former = sold()
    # The new default plan comes last: there are never two.
    for terms in sorted(plans, key=lambda terms: terms.is_default):
        if changes(former.get(terms.slug), terms):
            _make(former.get(terms.slug), terms)
    packs_before = packs_sold()
    for pack in packs:
        if pack_changes(packs_before.get(pack.slug), pack):
            CreditPack.objects.update_or_create(slug=pack.slug, defaults=vars(pack))


def alone() -> None:
    """Until the transaction ends nobody else changes what is sold; everybody reads, and subscribes."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE billing_plan IN SHARE ROW EXCLUSIVE MODE")


def _make(former: PlanTerms | None, terms: PlanTerms) -> None:
    plan, _ = Plan.objects.update_or_create(
        slug=terms.slug,
        defaults={
            "name": terms.name,
            "description": terms.description,
            "rank": terms.rank,
            "features": list(terms.features),
            "allowed_models": list(terms.models),
            "trial_days": terms.trial_days,
            "requests_per_minute": terms.requests_per_minute,
            "active_projects": terms.active_projects,
            "is_default": terms.is_default,
            "is_offered": terms.is_offered,
        },
    )
    if former is None or former.price != terms.price:
        _price(plan, terms.price)
    if former is None or former.limits != terms.limits:
        plan.limits.all().delete()
        PlanLimit.objects.bulk_create(_limit(plan, policy, limit) for policy, limit in terms.limits.items())


def _price(plan: Plan, terms: PriceTerms | None) -> None:
    plan.prices.update(is_current=False)
    if terms is None:
        return
    before = plan.prices.filter(interval=terms.interval, interval_count=terms.interval_count)
    version = (before.aggregate(last=Max("version"))["last"] or 0) + 1
    plan.prices.create(
        version=version,
        currency=terms.currency,
        amount=terms.amount,
        interval=terms.interval,
        interval_count=terms.interval_count,
    )


def _limit(plan: Plan, policy: str, terms: LimitTerms) -> PlanLimit:
    meter, _, window = policy.partition("/")
    return PlanLimit(plan=plan, meter=meter, window=window, **vars(terms))


def _terms(plan: Plan) -> PlanTerms:
    price = next(iter(plan.prices.all()), None)
    return PlanTerms(
        slug=plan.slug,
        name=plan.name,
        description=plan.description,
        rank=plan.rank,
        features=tuple(plan.features),
        models=tuple(plan.allowed_models),
        trial_days=plan.trial_days,
        is_default=plan.is_default,
        is_offered=plan.is_offered,
        price=terms_of(price) if price else None,
        limits={f"{row.meter}/{row.window}": limit_terms(row) for row in plan.limits.all()},
        requests_per_minute=plan.requests_per_minute,
        active_projects=plan.active_projects,
    )


def limit_terms(row: PlanLimit) -> LimitTerms:
    return LimitTerms(row.limit, row.overage_price, row.soft, row.rolls_over)


def pack_terms(row: CreditPack) -> PackTerms:
    return PackTerms(
        slug=row.slug,
        name=row.name,
        meter=row.meter,
        amount=row.amount,
        price=row.price,
        currency=row.currency,
        lasts_days=row.lasts_days,
        rank=row.rank,
        is_offered=row.is_offered,
    )


def terms_of(price: Price) -> PriceTerms:
    return PriceTerms(price.amount, price.currency, price.interval, price.interval_count)


def _open_subscriptions() -> Counter[str]:
    """How many, by plan."""
    found = Subscription.objects.open().order_by().values_list("plan_id")
    return Counter(dict(found.annotate(Count("pk"))))


def _without_subscription(at: datetime) -> int:
    """Workspaces for which the default plan counts."""
    counts = Q(entitled_until=None) | Q(entitled_until__gt=at)
    live = Subscription.objects.filter(counts, workspace=OuterRef("pk"), status__in=Subscription.ENTITLED)
    return Workspace.objects.filter(~Exists(live), deleted_at=None).count()
