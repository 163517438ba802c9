"""What is sold, changed in the console: staff see for how many a change counts, and only then is it saved."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, User
from accounts.tests.factories import Person, person
from accounts.tests.ways_in import in_console
from billing.models import CreditPack, Plan, Price, Subscription

PLANS = "/admin/billing/plan/"
PACKS = "/admin/billing/creditpack/"


@pytest.fixture(autouse=True)
def undone(database: None) -> Iterator[None]:
    """Other tests count on the catalogue as it is."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def console(database: None) -> Client:
    return in_console(staff(is_superuser=True))


def staff(*rights: str, is_superuser: bool = False) -> User:
    user = person("Staff").user
    user.is_staff, user.is_superuser = True, is_superuser
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=rights, content_type__app_label="billing"))
    return user


@pytest.fixture
def plan(database: None) -> Plan:
    """Sold at 5 dollars a month for ten tokens a day, then beyond."""
    made = Plan.objects.create(slug=f"plan-{uuid4().hex[:8]}", name="Special", rank=99, features=["Tea, and cake"])
    made.prices.create(amount=500, currency="USD")
    made.limits.create(meter="tokens", window="day", limit=10, overage_price=2)
    return made


def filled(plan: Plan, **change: Any) -> dict[str, Any]:
    """The form as a browser would send it back, but for these."""
    limits = list(plan.limits.all())
    form = {
        "name": plan.name, "description": "", "features_told": "\r\n".join(plan.features), "models_allowed": "",
        "rank": plan.rank, "amount": 500, "currency": "USD", "interval_count": 1, "interval": "month",
        "trial_days": 0, "requests_per_minute": "", "active_projects": 1, "is_offered": "on",
        "limits-TOTAL_FORMS": len(limits), "limits-INITIAL_FORMS": len(limits),
    }  # fmt: skip
    for number, limit in enumerate(limits):
        row = {"id": limit.pk, "plan": plan.pk, "meter": limit.meter, "window": limit.window, "limit": limit.limit}
        row["overage_price"] = "" if limit.overage_price is None else limit.overage_price
        form |= {f"limits-{number}-{name}": value for name, value in row.items()}
    sent = form | {name.replace("__", "-"): value for name, value in change.items()}
    return {name: value for name, value in sent.items() if value is not ...}


def ask(console: Client, plan: Plan, **change: Any) -> Any:
    return console.post(f"{PLANS}{plan.pk}/change/", filled(plan, **change))


def confirm(console: Client, asked: Any, plan: Plan) -> Any:
    """Press the button of the page that was shown, which holds all that was asked for."""
    form: dict[str, list[str]] = {}
    for name, value in [*asked.context["asked"], asked.context["confirmed"]]:
        form.setdefault(name, []).append(value)
    return console.post(f"{PLANS}{plan.pk}/change/", form)


def shown(page: Any) -> list[tuple[str, str]]:
    """What would change, under whose heading."""
    return [(str(plan), str(change)) for plan in page.context["previews"] for change in plan.changes]


def subscribed(someone: Person, plan: Plan) -> Subscription:
    return Subscription.objects.create(workspace=someone.workspace, plan=plan, price=plan.prices.get())


def rows(plan: Plan) -> list[Any]:
    return [
        Plan.objects.filter(pk=plan.pk).values().get(),
        list(Price.objects.filter(plan=plan).order_by("version").values()),
        list(plan.limits.values()),
    ]


def test_what_would_change_is_shown_and_nothing_is_saved(
    console: Client, plan: Plan, alice: Person, charlie: Person
) -> None:
    subscribed(alice, plan)
    subscribed(charlie, plan)
    before = rows(plan)

    page = ask(console, plan, amount=900, limits__0__limit=5)

    assert page.status_code == 200
    assert shown(page) == [
        (f"{plan.pk}, 2 subscriptions", "price: $5.00 every month -> $9.00 every month"),
        (f"{plan.pk}, 2 subscriptions", "tokens/day: 10, then $0.02 each -> 5, then $0.02 each"),
    ]
    assert "who has subscribed keeps the former price" in page.content.decode()
    assert rows(plan) == before


def test_a_limit_may_become_soft_or_roll_over_and_a_plan_get_a_pace(console: Client, plan: Plan) -> None:
    asked = ask(
        console, plan, requests_per_minute=60, active_projects=3, limits__0__overage_price="", limits__0__soft="on"
    )
    assert [change for _, change in shown(asked)] == [
        "tokens/day: 10, then $0.02 each -> 10, then it is told",
        "requests a minute: as many as there are -> 60",
        "active projects: 1 -> 3",
    ]

    confirm(console, asked, plan)
    confirm(console, ask(console, plan, requests_per_minute=60, active_projects=3, limits__0__rolls_over=4), plan)

    plan.refresh_from_db()
    assert plan.requests_per_minute == 60
    assert list(plan.limits.values_list("limit", "overage_price", "soft", "rolls_over")) == [(10, None, False, 4)]


@pytest.mark.parametrize("change", [{"soft": "on"}, {"soft": "on", "overage_price": "", "rolls_over": 4}])
def test_a_limit_that_contradicts_itself_is_refused_by_the_form(
    console: Client, plan: Plan, change: dict[str, Any]
) -> None:
    page = ask(console, plan, **{f"limits__0__{name}": value for name, value in change.items()})

    assert "A soft limit" in page.content.decode()
    assert not plan.limits.filter(soft=True).exists()


def test_a_pack_is_added_and_sold_otherwise(console: Client) -> None:
    form = {"slug": "few", "name": "Few", "meter": "tokens", "amount": 10, "price": 5, "currency": "usd", "rank": 9}
    assert "Three capitals" in console.post(f"{PACKS}add/", form).content.decode()

    assert console.post(f"{PACKS}add/", form | {"currency": "USD"}).status_code == 302
    changed = form | {"slug": "another", "currency": "USD", "price": 7, "lasts_days": 30}
    assert console.post(f"{PACKS}few/change/", changed).status_code == 302

    few = CreditPack.objects.get(slug="few")
    assert (few.price, few.lasts_days, few.is_offered) == (7, 30, False)
    assert AuditEntry.objects.filter(action__startswith="creditpack.", subject="creditpack:few").count() == 2
    assert console.post(f"{PACKS}few/delete/", {"post": "yes"}).status_code == 403


def test_what_was_shown_is_saved_once_it_is_confirmed(console: Client, plan: Plan, alice: Person) -> None:
    subscription = subscribed(alice, plan)
    asked = ask(console, plan, name="Very special", amount=900, limits__0__limit=5, limits__0__overage_price="")

    answer = confirm(console, asked, plan)

    assert answer.status_code == 302
    plan.refresh_from_db()
    assert (plan.name, plan.features) == ("Very special", ["Tea, and cake"])
    assert list(plan.prices.order_by("version").values_list("amount", "version", "is_current")) == [
        (500, 1, False),
        (900, 2, True),
    ]
    assert list(plan.limits.values_list("meter", "window", "limit", "overage_price")) == [("tokens", "day", 5, None)]
    subscription.refresh_from_db()
    assert subscription.price is not None
    assert subscription.price.amount == 500


def test_what_was_saved_stands_in_the_audit_log(plan: Plan) -> None:
    someone = staff(is_superuser=True)
    console = in_console(someone)

    confirm(console, ask(console, plan, amount=900), plan)

    line = AuditEntry.objects.get(action="plan.changed", subject=f"plan:{plan.pk}")
    assert line.actor == someone
    assert line.after == {"in the console": f"{plan.pk}: price: $5.00 every month -> $9.00 every month"}


def test_what_changed_meanwhile_is_shown_again(console: Client, plan: Plan) -> None:
    asked = ask(console, plan, amount=900)
    Plan.objects.filter(pk=plan.pk).update(description="Somebody else was here.")

    again = confirm(console, asked, plan)

    assert [change for _, change in shown(again)] == [
        "price: $5.00 every month -> $9.00 every month",
        "description: Somebody else was here. -> none",
    ]
    assert plan.prices.get().amount == 500
    assert confirm(console, again, plan).status_code == 302


def test_a_confirmation_of_something_else_confirms_nothing(console: Client, plan: Plan) -> None:
    shown_before = ask(console, plan, amount=600).context["confirmed"]

    page = console.post(f"{PLANS}{plan.pk}/change/", filled(plan, amount=900) | dict([shown_before]))

    assert [change for _, change in shown(page)] == ["price: $5.00 every month -> $9.00 every month"]
    assert plan.prices.get().amount == 500


def test_a_form_that_changes_nothing_says_so(console: Client, plan: Plan) -> None:
    page = ask(console, plan)

    assert shown(page) == []
    assert "Nothing would change" in page.content.decode()


def test_limits_come_and_go(console: Client, plan: Plan) -> None:
    new = {f"limits-1-{name}": value for name, value in {"meter": "messages", "window": "day", "limit": 7}.items()}
    asked = ask(console, plan, **{"limits-0-DELETE": "on", "limits-TOTAL_FORMS": 2}, **new)

    assert [change for _, change in shown(asked)] == [
        "messages/day: no limit -> 7",
        "tokens/day: 10, then $0.02 each -> no limit",
    ]
    confirm(console, asked, plan)
    assert list(plan.limits.values_list("meter", "limit")) == [("messages", 7)]


def test_another_default_plan_is_shown_for_both(console: Client, plan: Plan, alice: Person) -> None:
    asked = ask(console, plan, default="on")

    said = {change: heading for heading, change in shown(asked)}
    assert set(said) == {"default: no -> yes", "default: yes -> no"}
    assert all(" without one" in heading for heading in said.values())
    confirm(console, asked, plan)
    assert Plan.objects.get(is_default=True) == plan


def test_there_is_always_a_default_plan(console: Client) -> None:
    page = ask(console, Plan.objects.get(pk="free"), amount=0)

    assert page.context["errors"]
    assert "Make another plan the default" in unescape(page.content.decode())
    assert Plan.objects.get(is_default=True).pk == "free"


def test_a_new_plan_is_shown_first_too(console: Client, plan: Plan) -> None:
    form = filled(plan, **{"limits-INITIAL_FORMS": 0, "limits-0-id": ..., "limits-0-plan": ..., "trial_days": 14})
    asked = console.post(f"{PLANS}add/", form | {"slug": "brand-new"})

    assert shown(asked) == [
        ("brand-new, 0 subscriptions", "new plan: Special, $5.00 every month; tokens/day 10, then $0.02 each")
    ]
    assert not Plan.objects.filter(pk="brand-new").exists()
    console.post(f"{PLANS}add/", dict([*asked.context["asked"], asked.context["confirmed"]]))
    made = Plan.objects.get(pk="brand-new")
    assert (made.trial_days, made.prices.get().amount, made.limits.get().limit) == (14, 500, 10)
    assert AuditEntry.objects.filter(action="plan.added", subject="plan:brand-new").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": -1},
        {"amount": "29.99"},
        {"amount": ""},
        {"amount": 10**19},
        {"currency": "usd"},
        {"currency": ""},
        {"interval": "fortnight"},
        {"interval_count": 0},
        {"trial_days": -1},
        {"features_told": "x" * 121},
        {"name": ""},
        {"limits-0-limit": -1},
        {"limits-0-limit": ""},
        {"limits-0-overage_price": -1},
        {"limits-0-meter": "smiles"},
        {"limits-TOTAL_FORMS": 2, "limits-1-meter": "tokens", "limits-1-window": "day", "limits-1-limit": 5},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(console: Client, plan: Plan, wrong: dict[str, Any]) -> None:
    before = rows(plan)

    page = ask(console, plan, **wrong)

    assert page.status_code == 200
    assert page.context["errors"]
    assert rows(plan) == before


@pytest.mark.parametrize("slug", ["Capital", "under_score", "-", "free", ""])
def test_a_slug_that_cannot_be_is_refused(console: Client, plan: Plan, slug: str) -> None:
    form = filled(plan, **{"limits-TOTAL_FORMS": 0, "limits-INITIAL_FORMS": 0})

    assert console.post(f"{PLANS}add/", form | {"slug": slug}).context["errors"]


def test_no_plan_is_deleted(console: Client, plan: Plan) -> None:
    assert console.post(f"{PLANS}{plan.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Plan.objects.filter(pk=plan.pk).exists()


def test_a_plan_tells_what_it_cost_before(console: Client, plan: Plan, alice: Person) -> None:
    subscribed(alice, plan)
    confirm(console, ask(console, plan, amount=900), plan)

    page = console.get(f"{PLANS}{plan.pk}/change/").content.decode()

    assert "$9.00 every month, paid by 0 subscriptions" in page
    assert "$5.00 every month, paid by 1 subscription" in page


def test_who_may_only_look_changes_nothing(plan: Plan) -> None:
    console = in_console(staff("view_plan", "view_planlimit"))

    page = console.get(f"{PLANS}{plan.pk}/change/")

    assert page.status_code == 200
    assert "$5.00 every month" in page.content.decode()
    assert "_save" not in page.content.decode()
    assert ask(console, plan, amount=900).status_code == 403


def test_who_may_change_a_plan_may_change_all_of_it(plan: Plan) -> None:
    console = in_console(staff("view_plan", "change_plan"))

    confirm(console, ask(console, plan, amount=900, limits__0__limit=5), plan)

    assert (plan.prices.current().get().amount, plan.limits.get().limit) == (900, 5)
    assert console.get(f"{PLANS}add/").status_code == 403


def test_many_plans_are_listed_by_as_few_queries_as_few(console: Client, plan: Plan) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert "$79.00 every month" in console.get(PLANS).content.decode()
        return len(asked)

    few = queries()
    for number in range(10):
        more = Plan.objects.create(slug=f"{plan.pk}-{number}", name="More", rank=100)
        more.prices.create(amount=number, currency="EUR")

    assert queries() == few
