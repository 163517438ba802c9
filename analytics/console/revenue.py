"""What comes in every month: over a year, and from whom."""

from __future__ import annotations

from typing import Final

from django import forms
from django.http import QueryDict
from unfold.widgets import UnfoldAdminSelectWidget

from analytics import kpis
from analytics.console import links
from analytics.console.page import Page, Told
from analytics.console.parts import Cell, Chart, Point, Table
from analytics.console.written import amount_in, currencies, moneys, number
from analytics.kpis import Group
from analytics.moments import Moment
from billing.money import written

MOST: Final = 100
COLUMNS: Final = ["", "Workspaces", "Paying", "MRR"]
TITLES: Final = {"plan": "By plan", "industry": "By industry", "country": "By country"}


class Choice(forms.Form):
    by = forms.ChoiceField(
        label="From whom, by", choices=[(by, by) for by in TITLES], required=False, widget=UnfoldAdminSelectWidget
    )


def told(asked: QueryDict, moment: Moment) -> Told:
    form = Choice(asked)
    if not form.is_valid():
        return {"form": form}
    by = form.cleaned_data["by"] or "plan"
    groups = kpis.BREAKDOWNS[by](moment)
    return {"form": form, "charts": charts(moment), "table": _table(by, groups, moment)}


def charts(moment: Moment) -> list[Chart]:
    """Of twelve months, one for each currency."""
    trend = kpis.mrr_trend(moment)
    return [_chart(currency, trend, moment) for currency in currencies([start.mrr for start in trend])]


def _chart(currency: str, trend: list[kpis.MonthStart], moment: Moment) -> Chart:
    link = links.rows("billing.recurringrevenue", gateway__exact=moment.gateway, currency=currency)
    points = [
        Point(f"{start.month:%B %Y}", amount, written(amount, currency), link)
        for start in trend
        for amount in [amount_in(start.mrr, currency)]
    ]
    return Chart(f"mrr-trend-{currency}", f"MRR when each month began, {currency}", points)


def _table(by: str, groups: list[Group], moment: Moment) -> Table:
    rows = [of_plan(group, moment) if by == "plan" else of_others(group) for group in groups[:MOST]]
    others = len(groups) - len(rows)
    return Table(f"by-{by}", TITLES[by], COLUMNS, rows, note=f"And {number(others)} smaller ones." if others else "")


def of_plan(group: Group, moment: Moment) -> list[Cell]:
    paying = links.paid_now(moment, plan__slug__exact=group.name)
    return [
        Cell(group.name or "none", is_number=False),
        Cell(number(group.workspaces), links.rows("accounts.workspace", tier=group.name, deleted_at__isempty=1)),
        Cell(number(group.paying), paying),
        Cell(moneys(group.mrr), paying),
    ]


def of_others(group: Group) -> list[Cell]:
    """No list of the console is filtered by these."""
    counts = [Cell(number(group.workspaces)), Cell(number(group.paying)), Cell(moneys(group.mrr))]
    return [Cell(group.name or "not told", is_number=False), *counts]


PAGE: Final = Page(
    "Revenue",
    "admin/console/revenue.html",
    (
        "billing.view_recurringrevenue",
        "billing.view_subscription",
        "billing.view_invoice",
        "accounts.view_user",
        "accounts.view_workspace",
    ),
    told,
)
