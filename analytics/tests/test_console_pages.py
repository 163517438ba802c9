"""Margins, revenue and what-if in the console: the API's figures, for who may see the rows behind them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client
from django.utils.timezone import now

from accounts.models import User, Workspace
from accounts.tests.factories import Person, person
from accounts.tests.ways_in import in_console
from analytics.console import margins, revenue, what_if
from analytics.console.written import NOTHING, moneys, number, usd
from analytics.kpis import Money
from analytics.models import CustomerMonth, UsageDay
from analytics.moments import here
from billing.models import RecurringRevenue
from billing.money import written
from billing.tests.demo import Buyer, a_price
from quotas.models import Rollup
from quotas.tests.plans import put_on_plan

HOSTILE = "<script>alert(1)</script>"
PAGES = {"margins": margins.PAGE.needs, "revenue": revenue.PAGE.needs, "what-if": what_if.PAGE.needs}


def staff(*rights: str) -> User:
    """Of these rights alone; of none: a superuser."""
    user = person("Staff").user
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=not rights)
    user.user_permissions.set(Permission.objects.filter(codename__in=[right.partition(".")[2] for right in rights]))
    user.refresh_from_db()
    return user


@pytest.fixture
def browser(database: None) -> Client:
    return in_console(staff())


@pytest.fixture
def costly(alice: Person) -> Iterator[Person]:
    """Somebody of a hostile name who pays $20, and cost $1,000 with a hostile model. Gone afterwards."""
    with transaction.atomic():
        moment = here(now())
        price = a_price(2000)
        Workspace.objects.filter(pk=alice.workspace.pk).update(name=HOSTILE)
        User.objects.filter(pk=alice.user.pk).update(industry=HOSTILE)
        Buyer(alice, now()).buy(price)
        counts = {"works": 3, "tokens": 1_000_000, "cost": 1_000_000_000}
        UsageDay.objects.create(day=moment.days(1).first, plan=price.plan_id, model=HOSTILE, **counts)
        CustomerMonth.objects.create(month=moment.months(1).first, workspace=alice.workspace, **counts)
        yield alice
        transaction.set_rollback(True)


def shown(browser: Client, page: str, **asked: object) -> str:
    answer = browser.get(f"/admin/analytics/{page}?{urlencode(asked)}")
    assert answer.status_code == 200
    text = answer.content.decode()
    return text[text.index("data-page=") :]


def rows(page: str, table: str) -> list[list[str]]:
    """The words of each cell, the rows of the head left out."""
    body = page[page.index(f'data-table="{table}"') :].partition("<tbody>")[2].partition("</tbody>")[0]
    found = [re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL) for row in body.split("</tr>")[:-1]]
    return [[html.unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in cells] for cells in found]


def links(page: str, table: str) -> set[str]:
    part = page[page.index(f'data-table="{table}"') :].partition("</table>")[0]
    return {html.unescape(link) for link in re.findall(r'href="([^"]*)"', part)}


def paid(found: list[dict[str, int | str]]) -> str:
    return moneys([Money(str(money["currency"]), int(money["amount"])) for money in found])


# Margins


def test_margins_are_those_of_the_api(browser: Client, costly: Person) -> None:
    told = browser.get("/api/v1/analytics/margins?count=100").json()

    page = shown(browser, "margins")

    for table, nameless, found in (
        ("plans", "none", told["plans"]),
        ("margins-by-model", "not known", told["models"]),
    ):
        assert [(row[0], row[2]) for row in rows(page, table)] == [
            (one["name"] or nameless, usd(one["cost"])) for one in found
        ]
        assert [row[3] for row in rows(page, table)] == [
            NOTHING if one["margin"] is None else usd(one["margin"]) for one in found
        ]
    losses = [[one["name"], one["plan"], usd(one["cost"]), usd(-one["loss"])] for one in told["losses"]]
    assert [[row[0], row[1], row[3], row[4]] for row in rows(page, "losses")] == losses
    assert HOSTILE in [loss[0] for loss in losses]
    assert f"/admin/accounts/workspace/{costly.workspace.pk}/change/" in links(page, "losses")


def test_another_month_has_its_own_margins(browser: Client, costly: Person) -> None:
    before = here(now()).month_before().first

    page = shown(browser, "margins", month=f"{before:%Y-%m}")

    assert f'<option value="{before:%Y-%m}" selected>' in page
    assert HOSTILE not in [row[0] for row in rows(page, "margins-by-model")]


def test_who_pays_nothing_can_be_left_out(browser: Client, costly: Person) -> None:
    CustomerMonth.objects.filter(workspace=costly.workspace).update(cost=1)
    RecurringRevenue.objects.filter(workspace=costly.workspace).delete()
    CustomerMonth.objects.filter(workspace=costly.workspace).update(cost=10**15)

    assert rows(shown(browser, "margins"), "losses")[0][0] == HOSTILE
    assert HOSTILE not in [row[0] for row in rows(shown(browser, "margins", who="paying"), "losses")]


# Revenue


@pytest.mark.parametrize("by", ["plan", "industry", "country"])
def test_revenue_is_that_of_the_api(browser: Client, costly: Person, by: str) -> None:
    told = browser.get(f"/api/v1/analytics/revenue-breakdown?by={by}").json()["groups"]

    page = shown(browser, "revenue", by=by)

    nameless = "none" if by == "plan" else "not told"
    assert rows(page, f"by-{by}") == [
        [one["name"] or nameless, number(one["workspaces"]), number(one["paying"]), paid(one["mrr"])]
        for one in told[: revenue.MOST]
    ]


def test_a_year_of_recurring_revenue_is_drawn(browser: Client, costly: Person) -> None:
    trend = browser.get("/api/v1/analytics/kpis").json()["mrr_trend"]
    RecurringRevenue.objects.filter(workspace=costly.workspace).update(starts_at=here(now()).month_before().starts_at)

    page = shown(browser, "revenue")

    drawn = page[page.index('data-chart="mrr-trend-USD"') :].partition("</section>")[0]
    assert drawn.count('class="column"') == len(trend) == 12
    newest = sum(money["amount"] for money in trend[-1]["mrr"] if money["currency"] == "USD")
    assert f"{written(newest + 2000, 'USD')}</a>" in drawn


# What if


def test_last_month_under_other_terms_says_who_would_be_refused_and_who_would_pay_what(
    browser: Client, alice: Person
) -> None:
    with transaction.atomic():
        Workspace.objects.filter(pk=alice.workspace.pk).update(name=HOSTILE)
        plan = put_on_plan(alice, tokens_day=1000)
        for day, amount in ((3, 50), (4, 1200), (5, 1300)):
            at = here(now()).month_before().starts_at.replace(day=day, hour=12)
            Rollup.objects.create(workspace=alice.workspace, hour=at, meter="tokens", model="m", amount=amount, works=1)

        terms = {"limit-tokens-day": 1000, "limit-tokens-month": 1550, "beyond-tokens-month": 3}
        page = shown(browser, "what-if", plan=plan.slug, replay=1, **terms)
        transaction.set_rollback(True)

    assert rows(page, "what-if-limits") == [
        ["Tokens a day", "1,000", "Refuses", "1", "500", "$0.00"],
        ["Tokens a month", "1,550", "Is billed", "1", "1,000", "$30.00"],
    ]
    assert rows(page, "hit-tokens-day") == [[HOSTILE, "2", "1,300", "500"]]
    assert rows(page, "hit-tokens-month") == [[HOSTILE, "1", "2,550", "1,000", "$30.00"]]
    assert links(page, "hit-tokens-day") == {f"/admin/accounts/workspace/{alice.workspace.pk}/change/"}
    assert HOSTILE not in page


def test_other_prices_are_compared_and_nothing_is_changed(browser: Client, costly: Person) -> None:
    plan = RecurringRevenue.objects.get(workspace=costly.workspace).plan_id

    page = shown(browser, "what-if", plan=plan, replay=1, **{"price-USD": "25.50"})

    assert rows(page, "what-if-prices") == [["USD", "$20.00", "1", "$20.00", "$25.50", "$5.50"]]
    assert RecurringRevenue.objects.get(workspace=costly.workspace).amount == 2000


def test_a_plan_comes_with_its_terms_of_today(browser: Client, alice: Person) -> None:
    plan = put_on_plan(alice, tokens_day=1000, operations_month={"limit": 7, "overage_price": 8})

    page = shown(browser, "what-if", plan=plan.slug)

    assert "Now 1,000, refuses." in page
    assert "Now 7, $0.08 for each beyond." in page
    assert 'name="limit-tokens-day" value="1000"' in page
    assert "data-table" not in page


# All of them


@pytest.mark.parametrize("page", PAGES)
def test_it_takes_every_right_that_it_names(page: str) -> None:
    needs = PAGES[page]
    address = f"/admin/analytics/{page}"

    assert in_console(staff(*needs)).get(address).status_code == 200
    for right in needs:
        browser = in_console(staff("accounts.view_letter", *(each for each in needs if each != right)))
        assert browser.get(address).status_code == 403, right
        assert f'href="{address}"' not in browser.get("/admin/").content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_it_is_only_looked_at(browser: Client, page: str) -> None:
    assert f'href="/admin/analytics/{page}"' in browser.get("/admin/").content.decode()
    assert browser.post(f"/admin/analytics/{page}").status_code == 405
    assert Client().get(f"/admin/analytics/{page}").status_code == 302


@pytest.mark.parametrize(
    ("page", "asked", "error"),
    [
        ("margins", {"month": "1999-13"}, "Select a valid choice."),
        ("margins", {"month": f"{HOSTILE}\0"}, "Select a valid choice."),
        ("margins", {"who": HOSTILE}, "Select a valid choice."),
        ("revenue", {"by": HOSTILE}, "Select a valid choice."),
        ("what-if", {"plan": HOSTILE}, "Select a valid choice."),
        ("what-if", {"plan": "free", "replay": 1}, "Enter a limit or a price."),
        ("what-if", {"plan": "free", "replay": 1, "limit-tokens-day": "many"}, "Enter a whole number."),
        ("what-if", {"plan": "free", "replay": 1, "limit-tokens-day": -1}, "greater than or equal to 0"),
        ("what-if", {"plan": "free", "replay": 1, "limit-tokens-day": 10**30}, "less than or equal to"),
        ("what-if", {"plan": "free", "replay": 1, "beyond-tokens-day": 1}, "Beyond which limit?"),
        ("what-if", {"plan": "team", "replay": 1, "price-USD": "1.005"}, "no more than 2 decimal places"),
        ("what-if", {"plan": "team", "replay": 1, "price-USD": "NaN"}, "Enter a number."),
    ],
)
def test_what_it_cannot_read_is_said_in_its_form(
    browser: Client, page: str, asked: dict[str, object], error: str
) -> None:
    told = shown(browser, page, **asked)

    assert error in told
    assert 'role="alert"' in told
    assert "data-table" not in told
    assert HOSTILE not in told
