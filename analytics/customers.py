"""Everybody who signed up, with what they pay and what they used."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.db.models import F, FilteredRelation, Q, QuerySet, Value
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

Customers = QuerySet[User, dict[str, Any]]


def customers(moment: Moment, *, search: str = "", tier: str = "") -> Customers:
    """`COLUMNS` of everybody who is not erased, with the plan of their own workspace, what it pays a month in minor
    units of `pays_in`, and what it used this month (cost in micro-USD)."""
    found = _with_their_workspace(User.objects.filter(erased_at=None), moment)
    if search:
        words = [Q(**{f"{column}__icontains": search}) for column in ("email", "name", "business_name")]
        found = found.filter(words[0] | words[1] | words[2])
    if tier:
        found = found.filter(Q(("tier", tier)))
    rows: Customers = found.values(*COLUMNS)
    return rows


def following(found: Customers, sort: str, after: tuple[Any, UUID] | None, count: int) -> list[dict[str, Any]]:
    """So many after that one, which is named by its value of `sort` and its id: addresses from A, else from the top.

    The last of them cost what the first do.
    """
    if after:
        value, pk = after
        beyond = "gt" if sort in ASCENDING else "lt"
        found = found.filter(Q(**{f"{sort}__{beyond}": value}) | Q(**{sort: value, "pk__lt": pk}))
    order = F(sort).asc() if sort in ASCENDING else F(sort).desc()
    # First who they are, which needs only what is sorted by; all there is to tell is then looked up of these alone.
    sorted_by = found.order_by(order, "-pk")
    chosen = [pk for pk, _ in sorted_by.values_list("pk", sort)[:count]]
    lines = {line["id"]: line for line in found.filter(pk__in=chosen).order_by()}
    return [lines[pk] for pk in chosen if pk in lines]


def _with_their_workspace(users: QuerySet[User], moment: Moment) -> QuerySet[User]:
    own, entitled = "personal_workspace", Q(personal_workspace__subscriptions__status__in=Subscription.ENTITLED)
    until = "personal_workspace__subscriptions__entitled_until"
    lasting = Q(**{until: None}) | Q(**{f"{until}__gt": moment.at})
    paying = Q(personal_workspace__recurring_revenue__ends_at=None)
    money = Q(personal_workspace__recurring_revenue__gateway=moment.gateway)
    this_month = Q(personal_workspace__usage_months__month=moment.months(1).first)
    default = Plan.objects.filter(is_default=True).values("slug")[:1]
    return users.alias(
        subscribed=FilteredRelation(f"{own}__subscriptions", condition=entitled & lasting),
        paid=FilteredRelation(f"{own}__recurring_revenue", condition=paying & money),
        used=FilteredRelation(f"{own}__usage_months", condition=this_month),
    ).annotate(
        workspace=F(f"{own}__id"),
        tier=Coalesce("subscribed__plan_id", default, Value("")),
        mrr=Coalesce("paid__amount", 0),
        pays_in=Coalesce("paid__currency", Value("")),
        tokens=Coalesce("used__tokens", 0),
        cost=Coalesce("used__cost", 0),
    )
