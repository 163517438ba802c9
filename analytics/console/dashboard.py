"""The console's first page: figures of `analytics.overview`, written for people, each with the rows behind it.

Somebody sees the sections whose rows they may see, and nothing is computed for the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.http import HttpRequest
from django.utils.timezone import now

from analytics import kpis, overview
from analytics.console import feed, links, margins, open_alerts, revenue
from analytics.console.parts import Cell, Chart, Figure, Point, Table
from analytics.console.written import amount_in, currencies, number, percent, signed, tone, usd
from analytics.kpis import Churn, Growth, Money
from analytics.moments import Moment, here
from billing.money import written
from quotas.days import Days

WEEK: Final = 7
SHOWN: Final = 8
"""So many of a list whose end is nowhere; its page has the others."""

Told = dict[str, Any]


@dataclass(frozen=True)
class Section:
    needs: tuple[str, ...]
    told: Callable[[Moment], Told]


def fill(request: HttpRequest, context: Told) -> Told:
    """Each section by its name, where `request.user` may see it."""
    moment = here(now())
    seen = {name: each.told(moment) for name, each in SECTIONS.items() if request.user.has_perms(each.needs)}
    about = {"moment": moment, "today": day_of(moment), "is_simulated": overview.is_simulated(moment)}
    return {**context, **about, "sections": seen, "title": "Dashboard"}


def day_of(moment: Moment) -> date:
    return moment.at.astimezone(moment.zone).date()


# ---- what comes in every month ---------------------------------------------------------------------------------------


def recurring(moment: Moment) -> Told:
    came, each = kpis.mrr(moment), {money.currency: money for money in kpis.arpu(moment)}
    changed = {part.currency: part for part in kpis.growth(moment)}
    tiers = [revenue.of_plan(group, moment) for group in kpis.by_plan(moment)]
    return {
        "figures": [
            figure
            for money in came
            for figure in _of_currency(money, each[money.currency], changed.get(money.currency), moment)
        ],
        "churn": _churn(kpis.churn(moment), moment),
        "growth": _growth(list(changed.values()), moment),
        "charts": revenue.charts(moment),
        "tiers": Table("tiers", "Plans", revenue.COLUMNS, tiers),
    }


def _of_currency(mrr: Money, arpu: Money, changed: Growth | None, moment: Moment) -> list[Figure]:
    link = links.paid_now(moment, currency=mrr.currency)
    grown = f"{signed(changed.percent)} since the month began" if changed else ""
    return [
        Figure(f"mrr-{mrr.currency}", "MRR", written(mrr.amount, mrr.currency), link, grown),
        Figure(f"arpu-{arpu.currency}", "ARPU", written(arpu.amount, arpu.currency), link, "a month by who pays"),
    ]


def _churn(churn: Churn, moment: Moment) -> list[Figure]:
    ended = links.rows("billing.recurringrevenue", gateway__exact=moment.gateway, ends_at__gte=moment.month_began_at)
    told = f"{number(churn.cancelled)} of {number(churn.paying_before)} who paid when the month began"
    of_all = f"{number(churn.stopped)} stopped, of {number(churn.users)} users"
    return [
        Figure("churn", "Churn", percent(churn.percent), ended, told),
        Figure("churn-of-users", "Churn, of all users", percent(churn.percent_of_users), ended, of_all),
    ]


def _growth(parts: list[Growth], moment: Moment) -> Table:
    def row(part: Growth) -> list[Cell]:
        amounts = [part.before, part.new, part.expansion, -part.contraction, -part.churned, part.after]
        link = links.rows("billing.recurringrevenue", gateway__exact=moment.gateway, currency=part.currency)
        cells = [Cell(written(amount, part.currency), link, tone=tone(amount)) for amount in amounts[1:-1]]
        ends = [Cell(written(amount, part.currency), link) for amount in (amounts[0], amounts[-1])]
        return [Cell(part.currency, is_number=False), ends[0], *cells, ends[1], Cell(signed(part.percent))]

    columns = ["", "Month began", "New", "Expansion", "Contraction", "Churned", "Now", "Growth"]
    return Table("growth", "Growth this month", columns, [row(part) for part in parts], "Nobody pays yet.")


def industries(moment: Moment) -> Told:
    groups = kpis.by_industry(moment)
    rows = [revenue.of_others(group) for group in groups[:SHOWN]]
    return {"table": Table("industries", "Industries", revenue.COLUMNS, rows)}


# ---- what was paid, and who came -------------------------------------------------------------------------------------


def paid(moment: Moment) -> Told:
    days = kpis.revenue_trend(moment)
    charts = [_revenue_chart(currency, days, moment) for currency in currencies([day.revenue for day in days])]
    return {"figures": [_revenue(chart, moment) for chart in charts], "charts": charts}


def _revenue(chart: Chart, moment: Moment) -> Figure:
    total = sum(point.amount for point in chart.points)
    link = _invoices(chart.unit, moment.days(kpis.TREND_DAYS), moment)
    return Figure(f"revenue-{chart.unit}", f"Revenue, {kpis.TREND_DAYS} days", written(total, chart.unit), link)


def _revenue_chart(currency: str, trend: list[kpis.RevenueDay], moment: Moment) -> Chart:
    def point(day: kpis.RevenueDay) -> Point:
        amount, link = amount_in(day.revenue, currency), _invoices(currency, a_day(day.day, moment), moment)
        return Point(on(day.day), amount, written(amount, currency), link)

    points = [point(day) for day in trend]
    return Chart(f"revenue-trend-{currency}", f"Revenue by day, {currency}", points, unit=currency)


def _invoices(currency: str, days: Days, moment: Moment) -> str:
    return links.between("billing.invoice", "paid_at", days, gateway__exact=moment.gateway, currency=currency)


def people(moment: Moment) -> Told:
    trend, days = kpis.user_growth(moment), moment.days(kpis.TREND_DAYS)
    points = [
        Point(
            on(day.day),
            day.users,
            number(day.users),
            links.between("accounts.user", "created_at", a_day(day.day, moment)),
        )
        for day in trend
    ]
    came = sum(day.users for day in trend)
    link = links.between("accounts.user", "created_at", days)
    in_all = f"of {number(kpis.users(moment))} who may sign in"
    figure = Figure("sign-ups", f"Sign-ups, {kpis.TREND_DAYS} days", number(came), link, in_all)
    return {"figures": [figure], "chart": Chart("sign-ups-trend", "Sign-ups by day", points)}


# ---- what was used ---------------------------------------------------------------------------------------------------


def use(moment: Moment) -> Told:
    used, thirty, seven = overview.usage_of(moment), moment.days(kpis.TREND_DAYS), moment.days(WEEK)
    week = sum(day.tokens for day in used.by_day[-WEEK:])
    points = [
        Point(on(day.day), day.tokens, number(day.tokens), links.used(a_day(day.day, moment))) for day in used.by_day
    ]
    models = [
        [
            Cell(row["name"] or "not known", is_number=False),
            *(Cell(text, links.used(thirty, model=row["name"])) for text in (number(row["tokens"]), usd(row["cost"]))),
        ]
        for row in used.by_model
    ]
    return {
        "figures": [
            Figure("tokens-7", f"Tokens, {WEEK} days", number(week), links.used(seven)),
            Figure("tokens-30", f"Tokens, {kpis.TREND_DAYS} days", number(used.tokens), links.used(thirty)),
            Figure("cost-30", f"Cost, {kpis.TREND_DAYS} days", usd(used.cost), links.used(thirty)),
        ],
        "chart": Chart("tokens-trend", "Tokens by day", points),
        "models": Table("models", f"Models, {kpis.TREND_DAYS} days", ["", "Tokens", "Cost"], models),
    }


def plans(moment: Moment) -> Told:
    return {"table": margins.of_running_month(moment)}


def top_users(moment: Moment) -> Told:
    month = moment.months(1).first
    used = links.rows("analytics.customermonth", month__year=month.year, month__month=month.month, o=-4)
    rows = [
        [
            Cell(top.name, links.row("accounts.workspace", top.workspace), is_number=False),
            Cell(number(top.tokens), used),
            Cell(usd(top.cost), used),
        ]
        for top in overview.top_users(moment)
    ]
    return {"table": Table("top-users", "Who used most this month", ["", "Tokens", "Cost"], rows)}


# ---- what needs somebody ---------------------------------------------------------------------------------------------


def providers(moment: Moment) -> Told:
    states = overview.states_of_providers()
    link = links.rows("analytics.event", kind__exact="provider_failing")
    return {"states": states, "failing": [name for name, state in states.items() if state != "closed"], "link": link}


# ---- words -----------------------------------------------------------------------------------------------------------


def on(day: date) -> str:
    return f"{day.day} {day:%B}"


def a_day(day: date, moment: Moment) -> Days:
    return Days(day, day, moment.zone)


RECURRING: Final = ("billing.view_recurringrevenue", "accounts.view_workspace")
SECTIONS: Final[dict[str, Section]] = {
    "recurring": Section(RECURRING, recurring),
    "revenue": Section(("billing.view_invoice", "billing.view_packpurchase"), paid),
    "people": Section(("accounts.view_user",), people),
    "use": Section(("analytics.view_usageday",), use),
    "plans": Section((*RECURRING, "analytics.view_usageday"), plans),
    "top_users": Section(("accounts.view_workspace", "analytics.view_customermonth"), top_users),
    "industries": Section(RECURRING, industries),
    "providers": Section(("analytics.view_event",), providers),
    "alerts": Section(("analytics.view_alert",), open_alerts.told),
    "feed": Section(("analytics.view_event",), feed.told),
}
