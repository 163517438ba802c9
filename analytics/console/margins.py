"""What a month earned beside what it cost: by plan, by model, and the customers who cost more than they pay."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from django import forms
from django.http import QueryDict
from unfold.widgets import UnfoldAdminSelectWidget

from analytics import margins, overview
from analytics.console import links
from analytics.console.page import Page, Told
from analytics.console.parts import Cell, Table
from analytics.console.written import NOTHING, moneys, tone, usd
from analytics.margins import Loss, Margin
from analytics.moments import Moment
from billing.money import written
from quotas.days import Days, months_of

MONTHS: Final = 24
MOST: Final = 100
COLUMNS: Final = ["", "Earned", "Cost", "Margin"]
WHO: Final = {"": "everybody", "paying": "who pays something"}


class Choice(forms.Form):
    month = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)
    who = forms.ChoiceField(
        label="Of who costs more than they pay",
        choices=list(WHO.items()),
        required=False,
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, asked: QueryDict, moment: Moment) -> None:
        super().__init__(asked)
        months = reversed(months_of(moment.months(MONTHS)))
        self.fields["month"].choices = [(f"{month:%Y-%m}", f"{month:%B %Y}") for month in months]  # type: ignore[attr-defined]

    def clean_month(self) -> date | None:
        named = self.cleaned_data["month"]
        return datetime.strptime(named, "%Y-%m").date() if named else None


def told(asked: QueryDict, moment: Moment) -> Told:
    form = Choice(asked, moment)
    if not form.is_valid():
        return {"form": form}
    month, paying = overview.month_of(form.cleaned_data["month"], moment), form.cleaned_data["who"] == "paying"
    found = overview.margins_of(month, moment, paying=paying, count=MOST)
    return {
        "form": form,
        "month": month.first,
        "tables": [
            by_plan("plans", "By plan", found["plans"], month, moment),
            _by_model(found["models"], month),
            _losses(found["losses"]),
        ],
    }


def by_plan(key: str, title: str, found: list[Margin], month: Days, moment: Moment) -> Table:
    return Table(key, title, COLUMNS, [_of_plan(margin, month, moment) for margin in found])


def of_running_month(moment: Moment) -> Table:
    month = moment.months(1)
    return by_plan("margins", "Cost and margin by plan, this month", margins.by_plan(month, moment), month, moment)


def _of_plan(margin: Margin, month: Days, moment: Moment) -> list[Cell]:
    paid = links.rows("billing.recurringrevenue", gateway__exact=moment.gateway, plan__slug__exact=margin.name)
    return _cells(margin, margin.name or "none", paid, links.used(month, plan=margin.name))


def _by_model(found: list[Margin], month: Days) -> Table:
    rows = [
        _cells(margin, margin.name or "not known", used, used)
        for margin in found
        for used in [links.used(month, model=margin.name)]
    ]
    return Table("margins-by-model", "By model", COLUMNS, rows, note="A plan's revenue goes to its models by tokens.")


def _cells(margin: Margin, name: str, paid: str, used: str) -> list[Cell]:
    left = NOTHING if margin.margin is None else usd(margin.margin)
    return [
        Cell(name, is_number=False),
        Cell(moneys(margin.earned), paid),
        Cell(usd(margin.cost), used),
        Cell(left, used, tone=tone(margin.margin or 0)),
    ]


def _losses(found: list[Loss]) -> Table:
    rows = [
        [
            Cell(loss.name, links.row("accounts.workspace", loss.workspace), is_number=False),
            Cell(loss.plan, is_number=False),
            Cell(written(loss.earned, "USD")),
            Cell(usd(loss.cost)),
            Cell(usd(-loss.loss), tone="bad"),
        ]
        for loss in found
    ]
    return Table(
        "losses",
        "Customers who cost more than they pay",
        ["", "Plan", *COLUMNS[1:]],
        rows,
        empty="Nobody.",
        note=f"The {MOST} dearest." if len(rows) == MOST else "",
    )


PAGE: Final = Page(
    "Margins",
    "admin/console/margins.html",
    (
        "billing.view_recurringrevenue",
        "billing.view_subscription",
        "analytics.view_usageday",
        "analytics.view_customermonth",
        "accounts.view_workspace",
    ),
    told,
)
