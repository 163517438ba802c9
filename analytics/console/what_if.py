"""Other prices and limits for a plan, tried on last month before they are published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.forms import BoundField
from django.http import QueryDict
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from accounts.meters import Meter
from analytics import what_if
from analytics.console import links
from analytics.console.page import Page, Told
from analytics.console.parts import Cell, Table
from analytics.console.written import number, tone, usd
from analytics.moments import Moment
from analytics.what_if import NewLimit, Outcome, Replay, Repriced
from billing.models import Plan, PlanLimit, Price
from billing.money import decimals, written

MOST: Final = 2**53
REFUSES: Final = "Refuses"
AFTER: Final = {"hard": "refuses", "soft": "only tells"}


class Choice(forms.Form):
    plan = forms.ChoiceField(widget=UnfoldAdminSelectWidget)

    def __init__(self, asked: QueryDict | None) -> None:
        super().__init__(asked)
        plans = [("", "choose"), *Plan.objects.values_list("slug", "name")]
        self.fields["plan"].choices = plans  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Row:
    """The fields of one limit."""

    title: str
    now: str
    limit: BoundField
    beyond: BoundField


class Terms(forms.Form):
    """Every limit that can be replayed, and the monthly price in each currency in which the plan was ever sold."""

    def __init__(self, plan: Plan, asked: QueryDict | None = None) -> None:
        super().__init__(asked, label_suffix="")
        self.now = {f"{limit.meter}-{limit.window}": limit for limit in plan.limits.all()}
        self.prices = {price.currency: price for price in _monthly(plan)}
        for policy in what_if.REPLAYED:
            self._offer(policy, self.now.get(policy))
        for currency, price in self.prices.items():
            self.fields[f"price-{currency}"] = _price(price)

    def _offer(self, policy: str, now: PlanLimit | None) -> None:
        self.fields[f"limit-{policy}"] = _amount("Limit", now.limit if now else None)
        self.fields[f"beyond-{policy}"] = _amount("Cents for each beyond", now.overage_price if now else None)

    @property
    def limit_rows(self) -> Iterator[Row]:
        for policy in what_if.REPLAYED:
            yield Row(titled(policy), _told(self.now.get(policy)), self[f"limit-{policy}"], self[f"beyond-{policy}"])

    @property
    def price_fields(self) -> list[BoundField]:
        return [self[f"price-{currency}"] for currency in self.prices]

    def clean(self) -> dict[str, Any]:
        for policy in what_if.REPLAYED:
            limitless = self._said("limit", policy) is None and not self.has_error(f"limit-{policy}")
            if limitless and self._said("beyond", policy) is not None:
                self.add_error(f"limit-{policy}", "Beyond which limit?")
        if not self.errors and not self.limits and not self.new_prices:
            raise forms.ValidationError("Enter a limit or a price.")
        return self.cleaned_data

    @property
    def limits(self) -> list[NewLimit]:
        said = {policy: self._said("limit", policy) for policy in what_if.REPLAYED}
        return [
            NewLimit(policy, limit, self._said("beyond", policy)) for policy, limit in said.items() if limit is not None
        ]

    @property
    def new_prices(self) -> dict[str, int]:
        """In minor units."""
        said: dict[str, Decimal | None] = {each: self.cleaned_data.get(f"price-{each}") for each in self.prices}
        return {each: int(amount.scaleb(decimals(each))) for each, amount in said.items() if amount is not None}

    def _said(self, what: str, policy: str) -> int | None:
        amount: int | None = self.cleaned_data.get(f"{what}-{policy}")
        return amount


def _monthly(plan: Plan) -> list[Price]:
    """The newest of each currency."""
    found = plan.prices.filter(interval=Price.Interval.MONTH, interval_count=1).order_by("currency", "-version")
    return list(found.distinct("currency"))


def _amount(label: str, now: int | None) -> forms.Field:
    return forms.IntegerField(
        label=label,
        initial=now,
        min_value=0,
        max_value=MOST,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
    )


def _price(price: Price) -> forms.Field:
    places = decimals(price.currency)
    return forms.DecimalField(
        label=f"{price.currency} a month",
        initial=Decimal(price.amount).scaleb(-places),
        min_value=0,
        max_digits=15,
        decimal_places=places,
        required=False,
        help_text=f"Now {written(price.amount, price.currency)}.",
        widget=UnfoldAdminDecimalFieldWidget,
    )


def titled(policy: str) -> str:
    """`Tokens a day`."""
    meter, _, window = policy.partition("-")
    return f"{meter.capitalize()} a {window}"


def amount_of(policy: str, amount: int) -> str:
    return usd(amount) if policy.startswith(Meter.COST) else number(amount)


def _told(limit: PlanLimit | None) -> str:
    if limit is None:
        return "Not limited now."
    then = AFTER.get(limit.policy) or f"{written(limit.overage_price or 0, 'USD')} for each beyond"
    return f"Now {amount_of(f'{limit.meter}-{limit.window}', limit.limit)}, {then}."


def told(asked: QueryDict, moment: Moment) -> Told:
    month = moment.month_before()
    choice = Choice(asked if "plan" in asked else None)
    if not choice.is_valid():
        return {"form": choice, "month": month.first}
    plan = Plan.objects.get(pk=choice.cleaned_data["plan"])
    terms = Terms(plan, asked if "replay" in asked else None)
    shown: Told = {"form": choice, "terms": terms, "plan": plan, "month": month.first}
    if not terms.is_valid():
        return shown
    replayed = what_if.replay(plan.slug, limits=terms.limits, prices=terms.new_prices, month=month, moment=moment)
    return {**shown, "replay": replayed, "tables": _tables(replayed, terms.limits)}


# ---- what would have been --------------------------------------------------------------------------------------------


def _tables(replayed: Replay, limits: list[NewLimit]) -> list[Table]:
    hit = [_worst(outcome, limit) for outcome, limit in zip(replayed.limits, limits, strict=True) if outcome.worst]
    return [
        *([_of_limits(replayed.limits)] if replayed.limits else []),
        *([_of_prices(replayed.prices)] if replayed.prices else []),
        *hit,
    ]


def _of_limits(outcomes: list[Outcome]) -> Table:
    rows = [
        [
            Cell(titled(outcome.policy), is_number=False),
            Cell(amount_of(outcome.policy, outcome.limit)),
            Cell(REFUSES if outcome.refuses else "Is billed", is_number=False),
            Cell(number(outcome.customers), tone="bad" if outcome.refuses and outcome.customers else ""),
            Cell(amount_of(outcome.policy, outcome.beyond)),
            Cell(written(outcome.amount, "USD")),
        ]
        for outcome in outcomes
    ]
    columns = ["", "Limit", "Beyond it", "Customers", "Used beyond", "They pay more"]
    return Table("what-if-limits", "Limits", columns, rows)


def _of_prices(prices: list[Repriced]) -> Table:
    rows = [
        [
            Cell(price.currency, is_number=False),
            Cell(written(price.amount, price.currency)),
            Cell(number(price.customers)),
            Cell(written(price.before, price.currency)),
            Cell(written(price.after, price.currency)),
            Cell(written(price.after - price.before, price.currency), tone=tone(price.after - price.before)),
        ]
        for price in prices
    ]
    columns = ["", "Each pays now", "Customers", "All now", "All then", "Difference"]
    return Table("what-if-prices", "Prices a month", columns, rows)


def _worst(outcome: Outcome, limit: NewLimit) -> Table:
    _, _, window = outcome.policy.partition("-")
    what = "be refused" if outcome.refuses else "pay more"
    rows = [
        [
            Cell(hit.name, links.row("accounts.workspace", hit.workspace), is_number=False),
            Cell(number(hit.windows)),
            Cell(amount_of(outcome.policy, hit.most)),
            Cell(amount_of(outcome.policy, hit.beyond)),
            *([] if limit.overage_price is None else [Cell(written(hit.beyond * limit.overage_price, "USD"))]),
        ]
        for hit in outcome.worst
    ]
    columns = [
        "",
        f"{window.capitalize()}s",
        f"Most in a {window}",
        "Beyond in all",
        *([] if outcome.refuses else ["Pays"]),
    ]
    note = f"The {len(rows)} furthest beyond, of {number(outcome.customers)}." if outcome.customers > len(rows) else ""
    return Table(
        f"hit-{outcome.policy}", f"Who would {what}: {titled(outcome.policy).lower()}", columns, rows, note=note
    )


PAGE: Final = Page(
    "What if",
    "admin/console/what_if.html",
    (
        "billing.view_plan",
        "billing.view_planlimit",
        "billing.view_price",
        "billing.view_recurringrevenue",
        "quotas.view_rollup",
        "accounts.view_workspace",
    ),
    told,
)
