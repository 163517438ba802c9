"""The console's first page: the API's figures, each a link to its rows, for who may see them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client
from django.utils.timezone import now

from accounts.models import AuditEntry, User, Workspace
from accounts.tests.factories import Person, person
from accounts.tests.ways_in import in_console
from analytics.console.written import number, percent, usd
from analytics.models import Alert, AlertRule, CustomerMonth, UsageDay
from analytics.moments import here
from billing.money import written
from billing.tests.demo import Buyer, a_price

HOSTILE = "<script>alert(1)</script>"
SEEN = re.compile(r"data-(?:figure|table|chart|provider|alert|socket)=")


def staff(*rights: str) -> User:
    """Of these rights alone; of none: a superuser."""
    user = person("Staff").user
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=not rights)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    user.refresh_from_db()
    return user


def an_alert(workspace: Workspace) -> Alert:
    at = now()
    rule = AlertRule.objects.create(name=f"{HOSTILE} {workspace.pk}", kind="cost", threshold=1, window="day")
    return Alert.objects.create(rule=rule, workspace=workspace, window_start=at, value=2, threshold=1, created_at=at)


@pytest.fixture
def busy(alice: Person) -> Iterator[Person]:
    """Somebody who pays and uses, and has a name of the worst kind. Their use is gone afterwards."""
    with transaction.atomic():
        moment = here(now())
        today, month = moment.days(1).first, moment.months(1).first
        Workspace.objects.filter(pk=alice.workspace.pk).update(name=HOSTILE)
        User.objects.filter(pk=alice.user.pk).update(industry=HOSTILE)
        Buyer(alice, now()).buy(a_price(7777))
        counts = {"works": 3, "tokens": 1_234_567, "cost": 2_345_678}
        UsageDay.objects.create(day=today, plan="team", model=HOSTILE, **counts)
        UsageDay.objects.create(day=today - timedelta(days=10), plan="team", model="older", **counts)
        CustomerMonth.objects.create(month=month, workspace=alice.workspace, **counts | {"tokens": 10**12})
        an_alert(alice.workspace)
        yield alice
        transaction.set_rollback(True)


def front_page(browser: Client) -> str:
    answer = browser.get("/admin/")
    assert answer.status_code == 200
    page = answer.content.decode()
    return page[page.index('data-page="dashboard"') :]


def figure(page: str, key: str) -> str:
    found = re.search(rf'data-figure="{key}".*?<dd><a [^>]*>(.*?)</a>', page, re.DOTALL)
    assert found is not None, key
    return html.unescape(found[1])


def part_of(page: str, table: str) -> str:
    return page[page.index(f'data-table="{table}"') :].partition("</table>")[0]


def row(page: str, table: str, name: str) -> list[str]:
    """The cells beside that name."""
    found = re.search(rf">{re.escape(html.escape(name))}\s*<.*?</tr>", part_of(page, table), re.DOTALL)
    assert found is not None, (table, name)
    cells = re.findall(r"<td.*?</td>", found[0], re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in cells]


def test_its_figures_are_those_of_the_api(busy: Person) -> None:
    browser = in_console(staff())

    page, told = front_page(browser), browser.get("/api/v1/analytics/dashboard").json()

    kpis, used = told["kpis"], told["usage"]
    for money in kpis["mrr"]:
        assert figure(page, f"mrr-{money['currency']}") == written(money["amount"], money["currency"])
    for money in kpis["arpu"]:
        assert figure(page, f"arpu-{money['currency']}") == written(money["amount"], money["currency"])
    for part in kpis["growth"]:
        amounts = [part[name] for name in ("before", "new", "expansion")]
        amounts += [-part["contraction"], -part["churned"], part["after"]]
        assert row(page, "growth", part["currency"])[:-1] == [written(amount, part["currency"]) for amount in amounts]
    revenue = sum(money["amount"] for day in kpis["revenue_trend"] for money in day["revenue"])
    assert figure(page, "revenue-USD") == written(revenue, "USD")
    assert figure(page, "churn") == percent(kpis["churn"]["percent"])
    assert figure(page, "churn-of-users") == percent(kpis["churn"]["percent_of_users"])
    assert figure(page, "sign-ups") == number(sum(day["users"] for day in kpis["user_growth"]))
    assert figure(page, "tokens-7") == number(sum(day["tokens"] for day in used["by_day"][-7:]))
    assert figure(page, "tokens-30") == number(used["tokens"])
    assert figure(page, "cost-30") == usd(used["cost"])
    for plan in kpis["tiers"]:
        assert row(page, "tiers", plan["name"] or "none")[:2] == [number(plan["workspaces"]), number(plan["paying"])]
    for plan in told["margins"]["plans"]:
        assert row(page, "margins", plan["name"] or "none")[1] == usd(plan["cost"])
    for best in told["top_users"]:
        assert f">{number(best['tokens'])}<" in part_of(page, "top-users")


def test_what_somebody_wrote_is_text(busy: Person) -> None:
    page = front_page(in_console(staff()))

    assert HOSTILE not in page
    for part in ("table-top-users", "table-models", "table-industries", "open-alerts"):
        assert html.escape(HOSTILE) in page[page.index(f'id="{part}"') :].partition("</section>")[0]


def test_every_link_leads_somewhere(busy: Person) -> None:
    browser = in_console(staff())

    links = {html.unescape(link) for link in re.findall(r'href="([^"]*)"', front_page(browser))} - {"/health/"}

    assert len(links) > 50
    assert {link: status for link in links if (status := browser.get(link).status_code) != 200} == {}


def test_who_may_see_no_rows_sees_no_figures() -> None:
    page = front_page(in_console(staff("view_letter")))

    assert not SEEN.search(page)
    assert "see no figures" in page


@pytest.mark.parametrize(
    ("rights", "shown", "hidden"),
    [
        (["view_user"], "sign-ups-trend", "mrr"),
        (["view_usageday"], "tokens-30", "sign-ups"),
        (["view_recurringrevenue", "view_workspace"], "churn", "tokens-30"),
        (["view_alert"], "open-alerts", "feed-socket"),
        (["view_event"], "data-socket", "open-alerts"),
    ],
)
def test_who_may_see_some_rows_sees_their_figures(rights: list[str], shown: str, hidden: str) -> None:
    page = front_page(in_console(staff(*rights)))

    assert shown in page
    assert hidden not in page


# Alerts


def test_an_alert_is_acknowledged_there(alice: Person) -> None:
    user, alert = staff("view_alert", "change_alert"), an_alert(alice.workspace)
    browser = in_console(user)
    assert f'action="/admin/analytics/alert/{alert.pk}/acknowledge"' in front_page(browser)

    browser.post(f"/admin/analytics/alert/{alert.pk}/acknowledge")

    alert.refresh_from_db()
    assert alert.acknowledged_by == user
    assert AuditEntry.objects.get(action="alert.acknowledged", subject=f"alert:{alert.pk}").actor == user
    assert f'data-alert="{alert.pk}"' not in front_page(browser)


def test_who_may_only_look_has_no_button_and_is_refused(alice: Person) -> None:
    browser, alert = in_console(staff("view_alert")), an_alert(alice.workspace)

    assert "/acknowledge" not in front_page(browser)
    assert browser.post(f"/admin/analytics/alert/{alert.pk}/acknowledge").status_code == 403


def test_nothing_is_acknowledged_by_looking_or_from_elsewhere(alice: Person) -> None:
    user, alert = staff(), an_alert(alice.workspace)
    address = f"/admin/analytics/alert/{alert.pk}/acknowledge"
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = in_console(user).cookies

    assert in_console(user).get(address).status_code == 405
    assert strict.post(address).status_code == 403
    alert.refresh_from_db()
    assert alert.acknowledged_at is None
