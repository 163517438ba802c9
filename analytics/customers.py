"""Everybody who signed up, with what they pay and what they used."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, F, FilteredRelation, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from accounts.models import User
from analytics.moments import Moment
from billing.models import Plan, Subscription

SORTS: Final = ("created_at", "email", "tokens", "cost", "mrr")
COLUMNS: Final = (
    "id",
    "email",
    "name",
    "business_name",
    "industry",
    "created_at",
    "is_active",
    "workspace",
    "tier",
    "mrr",
    "pays_in",
    "tokens",
    "cost",
)
ASCENDING: Final = ("email",)
COUNTED: Final = {"tokens": "tokens_used", "cost": "cost_caused", "mrr": "mrr_paid"}
"""What is sorted by and is zero of many; and the same as it stands in the row, if there is one."""

Customers = QuerySet[User, dict[str, Any]]


def customers(moment: Moment, *, search: str = "", tier: str = "") -> Customers:
    """`COLUMNS` of everybody who is not erased, with the plan of their own workspace, what it pays a month in minor
    units of `pays_in`, and what it used this month (cost in micro-USD)."""
    found = _with_their_workspace(User.objects.filter(erased_at=None), moment)
    if search:
        words = [Q(**{f"{column}__icontains": search}) for column in ("email", "name", "business_name")]
        found = found.filter(words[0] | words[1] | words[2])
    if tier:
        found = found.filter(_on_plan(tier, moment))
    rows: Customers = found.values(*COLUMNS)
    return rows


def following(found: Customers, sort: str, after: tuple[Any, UUID] | None, count: int) -> list[dict[str, Any]]:
    """So many after that one, which is named by its value of `sort` and its id: addresses from A, else from the top.

    The last of them cost what the first do.
    """
    # First who they are, which needs only what is sorted by; all there is to tell is then looked up of these alone.
    chosen = _most(found, sort, after, count) if sort in COUNTED else _sorted(found, sort, after, count)
    lines = {line["id"]: line for line in found.filter(pk__in=chosen).order_by()}
    return [lines[pk] for pk in chosen if pk in lines]


def _sorted(found: Customers, sort: str, after: tuple[Any, UUID] | None, count: int) -> list[UUID]:
    beyond, order = ("gt", F(sort).asc()) if sort in ASCENDING else ("lt", F(sort).desc())
    if after:
        found = found.filter(_beyond(sort, f"{sort}__{beyond}", after), **{f"{sort}__{beyond}e": after[0]})
    return _ids(found.order_by(order, "-pk"), count)


def _most(found: Customers, sort: str, after: tuple[Any, UUID] | None, count: int) -> list[UUID]:
    """Who has any stands in an index in this order; whoever has none follows, and needs no order but that of ids."""
    column, nothing = COUNTED[sort], found.filter(Q((sort, 0)))
    some = found.filter(**{f"{column}__gt": 0})
    if after:
        value, pk = after
        some = some.filter(_beyond(column, f"{column}__lt", after), **{f"{column}__lte": value})
        nothing = nothing if value else nothing.filter(pk__lt=pk)
    chosen = _ids(some.order_by(f"-{column}", "-pk"), count)
    return chosen + _ids(nothing.order_by("-pk"), count - len(chosen))


def _beyond(column: str, further: str, after: tuple[Any, UUID]) -> Q:
    value, pk = after
    return Q((further, value)) | Q((column, value), ("pk__lt", pk))


def _ids(found: Customers, count: int) -> list[UUID]:
    return list(found.values_list("pk", flat=True)[:count]) if count else []


def _with_their_workspace(users: QuerySet[User], moment: Moment) -> QuerySet[User]:
    own = "personal_workspace"
    paying = Q(personal_workspace__recurring_revenue__ends_at=None)
    money = Q(personal_workspace__recurring_revenue__gateway=moment.gateway)
    this_month = Q(personal_workspace__usage_months__month=moment.months(1).first)
    default = _default_plan().values("slug")[:1]
    return (
        users.alias(
            subscribed=FilteredRelation(f"{own}__subscriptions", condition=_lasting(f"{own}__subscriptions__", moment)),
            paid=FilteredRelation(f"{own}__recurring_revenue", condition=paying & money),
            used=FilteredRelation(f"{own}__usage_months", condition=this_month),
        )
        .alias(
            had=F("subscribed__plan_id"),
            tokens_used=F("used__tokens"),
            cost_caused=F("used__cost"),
            mrr_paid=F("paid__amount"),
        )
        .annotate(
            workspace=F(f"{own}__id"),
            tier=Coalesce("had", default, Value("")),
            mrr=Coalesce("mrr_paid", 0),
            pays_in=Coalesce("paid__currency", Value("")),
            tokens=Coalesce("tokens_used", 0),
            cost=Coalesce("cost_caused", 0),
        )
    )


def _on_plan(tier: str, moment: Moment) -> Q:
    """Said so that PostgreSQL finds who subscribed from the plan, and can tell how many have the default one."""
    if not _default_plan().filter(slug=tier).exists():
        return Q(("had", tier))
    other = Subscription.objects.filter(_lasting("", moment)).exclude(plan=tier)
    return ~Q(Exists(other.filter(workspace__personal_to=OuterRef("pk"))))


def _lasting(subscription: str, moment: Moment) -> Q:
    """What somebody is entitled to."""
    status, until = f"{subscription}status__in", f"{subscription}entitled_until"
    return Q((status, Subscription.ENTITLED)) & (Q((until, None)) | Q((f"{until}__gt", moment.at)))


def _default_plan() -> QuerySet[Plan]:
    return Plan.objects.filter(is_default=True)
