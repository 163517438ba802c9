"""The console: everything can be seen, the ledger cannot be touched, and nobody but staff comes in."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from accounts import exports, guards, idempotency, letters, tokens
from accounts.audit import SYSTEM
from accounts.idempotency import Asked
from accounts.models import (
    ApiKey,
    AuditEntry,
    Export,
    IdempotentRequest,
    Invitation,
    Letter,
    Membership,
    Tally,
    User,
    Workspace,
)
from accounts.tests.factories import PASSWORD, Person, person
from accounts.tests.ways_in import in_console
from analytics import events, summing
from analytics.events import Happened
from analytics.models import (
    Alert,
    AlertRule,
    Compensation,
    CustomerDay,
    CustomerMonth,
    Delivery,
    Event,
    Incident,
    KeptFigure,
    KindDay,
    Ticket,
    UsageDay,
    Webhook,
)
from analytics.moments import here
from assistants import attachments
from assistants.coaching import decisions, profiles, tasks
from assistants.models import Attachment, Conversation, CreatorProfile, Job, Message, Project, Step, Task, Turn
from assistants.models import Decision as Decided
from assistants.tests.coached import project_of
from billing import purchases, subscriptions
from billing.gateways.demo import DemoGateway
from billing.models import (
    Customer,
    Effect,
    Invoice,
    Overage,
    PackPurchase,
    Plan,
    PlanLimit,
    Price,
    Simulated,
    StripeEvent,
    Subscription,
)
from conftest import Run
from quotas import grants, metering
from quotas.grants import Gift
from quotas.metering import Ask
from quotas.models import (
    Basis,
    Bucket,
    Decision,
    Entry,
    Grant,
    Hold,
    Notice,
    Promotion,
    Reservation,
    Rollup,
    TopUp,
)

APPS = ["accounts", "analytics", "assistants", "billing", "quotas"]
MODELS = [model for app in APPS for model in apps.get_app_config(app).get_models(include_auto_created=False)]
LEDGER: list[type[Model]] = [Bucket, Decision, Entry, Grant, Hold, Notice, Reservation, Rollup, TopUp]
MONEY: list[type[Model]] = [Customer, Effect, Invoice, Overage, PackPurchase, Simulated, StripeEvent, Subscription]
WATCHED: list[type[Model]] = [Alert, Compensation, Delivery, Event, Ticket, Webhook]
KEPT: list[type[Model]] = [PlanLimit, Price, Attachment, Turn, Step, AuditEntry, Tally, Export, IdempotentRequest]
SUMS: list[type[Model]] = [CustomerDay, CustomerMonth, KeptFigure, KindDay, UsageDay]
HOSTILE = "<script>ran()"
"""It stands in every column that takes words, of people's and of a model's."""
READ_ONLY = [*LEDGER, *MONEY, *WATCHED, *KEPT, *SUMS]
COACHING: list[type[Model]] = [CreatorProfile, Project, Task, Decided]
MADE_ELSEWHERE = [*READ_ONLY, ApiKey, Invitation, Letter, Conversation, Message, Job, *COACHING]


def name_of(model: type[Model]) -> str:
    return model._meta.label_lower


def address(model: type[Model], page: str, *arguments: object) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
    return reverse(name, args=[quote(str(argument)) for argument in arguments])


@pytest.fixture(scope="module")
def rows(run: Run[Any]) -> Person:
    """Somebody with a row in every table."""
    alice = person("Alice")
    at = now()
    tokens.begin_family(alice.user)
    guards.count("letter", alice.user.email, at=at)
    letters.post("password_changed", to=alice.user.email, user=alice.user)
    exports.ask(alice.user, by=SYSTEM, at=at)
    run(idempotency.claim(Asked("a key", str(uuid.uuid4()), alice.user.pk, "POST /", b"", "req_1")))
    Invitation.objects.create(workspace=alice.workspace, email="dave@example.com", role="viewer", expires_at=at)
    subscriptions.put_on_plan(alice.workspace, "team", at=at)
    request_id = f"req_{uuid.uuid4().hex}"
    admitted = run(metering.reserve(alice.caller, {"tokens": Ask.exactly(100)}, request_id=request_id, at=at))
    run(metering.settle(admitted.reservation_id, {"tokens": 60}, basis=Basis.REPORTED))
    buy(alice)
    give(alice)
    conversation = Conversation.objects.create(
        workspace=alice.workspace, user=alice.user, model="claude-sonnet-5-5", title=HOSTILE
    )
    message = conversation.messages.create(role="assistant", text=HOSTILE, created_at=at, updated_at=at)
    attachments.take_in(f"{HOSTILE}.txt", HOSTILE.encode(), alice.caller, at=at)
    counts = dict.fromkeys([f"{kind}_tokens" for kind in ("input", "output", "cache_read")], 1)
    writes = dict.fromkeys([f"cache_write_{life}_tokens" for life in ("5m", "1h")], 1)
    Turn.objects.create(
        reservation_id=admitted.reservation_id,
        request_id=request_id,
        workspace=alice.workspace,
        user=alice.user,
        message=message,
        road=Turn.Road.CONVERSATION,
        model="claude-sonnet-5-5",
        provider="anthropic",
        outcome=Turn.Outcome.COMPLETED,
        cost=5,
        duration_ms=5,
        created_at=at,
        **counts,
        **writes,
    )
    coach(alice)
    a_step(alice, admitted.reservation_id)
    watch(alice)
    summing.sum_up(here(at).days(1), here(at))
    KeptFigure.objects.get_or_create(name=HOSTILE, gateway="demo", defaults={"rows": [HOSTILE], "counted_at": at})
    return alice


def watch(alice: Person) -> None:
    """An event for a webhook, an alert, and somebody who is about to watch."""
    at = now()
    Webhook.objects.create(workspace=alice.workspace, url=f"https://{HOSTILE}", kinds=["user_signup"], created_at=at)
    events.tell(Happened("user_signup", alice.workspace.pk, alice.user.pk, {HOSTILE: HOSTILE}), at=at)
    Ticket.objects.create(hash=uuid.uuid4().hex, user=alice.user, expires_at=at)
    rule = AlertRule.objects.earliest("pk")
    about = {
        "rule": rule,
        "subject": HOSTILE,
        "workspace": alice.workspace,
        "window_start": at,
        "created_at": at,
    }
    Alert.objects.create(**about, value=2, threshold=1)
    hours = {
        "starts_at": at - timedelta(hours=2),
        "ends_at": at - timedelta(hours=1),
        "expires_at": at,
        "issued_at": at,
    }
    terms = {"reason": "<script>", "outcomes": [], "meter": "tokens", "percent": 100, "at_least": 0}
    incident = Incident.objects.create(**terms, **hours)
    incident.compensations.create(workspace=alice.workspace, calls=1, charged=1, amount=1)


def a_step(alice: Person, reservation_id: uuid.UUID) -> None:
    at = now()
    whose = {"workspace": alice.workspace, "user": alice.user, "leased_until": at, "created_at": at}
    job = Job.objects.create(kind="strategy", crew="strategy", title=HOSTILE, brief={}, **whose)
    counted = [field.name for field in Step._meta.fields if field.name.endswith("_tokens")]
    counts = dict.fromkeys([*counted, "position", "cost", "tries", "duration_ms"], 1)
    took = {"reservation_id": reservation_id, "finished_at": at, **counts}
    Step.objects.create(job=job, role="critic", output={"a": HOSTILE}, **took)


def coach(alice: Person) -> None:
    profiles.put(alice.user.pk, niche=HOSTILE, at=now())
    project = project_of(alice, title=HOSTILE)
    tasks.change(project, "interview-followers", by=alice.user.pk, at=now(), notes=HOSTILE)
    words = {"text": HOSTILE, "rationale": HOSTILE}
    decisions.record(project, category="pricing", **words, by=alice.user.pk, at=now())


def give(alice: Person) -> None:
    """Credit, a code for some, a pack when it is nearly used, and a word that it is."""
    at = now()
    code = Promotion.objects.create(code=f"CODE-{alice.user.pk.hex[:8]}".upper(), meter="tokens", amount=5)
    gift = Gift(meter="tokens", amount=5, source=Grant.Source.PROMOTION, promotion_id=code.pk)
    grants.give(alice.workspace.pk, gift, by=SYSTEM, at=at)
    TopUp.objects.create(workspace=alice.workspace, meter="operations", below=5, pack_id="operations-50", created_at=at)
    Notice.objects.create(
        bucket=Bucket.objects.filter(workspace=alice.workspace).earliest("pk"), percent=80, created_at=at, told_at=at
    )


def buy(alice: Person) -> None:
    """A plan, at the demo gateway, and something beyond it; and the news of it, as Stripe would bring it."""
    at = now()
    purchases.save_test_card(DemoGateway(), alice.workspace)
    ways = {"success_url": "https://app.example/", "cancel_url": "https://app.example/"}
    subscriptions.put_on_plan(alice.workspace, "free", at=at)
    purchases.subscribe(DemoGateway(), alice.workspace, Plan.objects.get(slug="team"), **ways, by=SYSTEM, at=at)
    Overage.objects.create(
        workspace=alice.workspace,
        entry_id=Entry.objects.latest("id").pk,
        meter="operations",
        units=1,
        unit_price=8,
        used_at=at,
    )
    PackPurchase.objects.create(
        workspace=alice.workspace,
        pack_id="operations-50",
        meter="operations",
        amount=50,
        price=300,
        currency="USD",
        gateway="demo",
        state="paid",
        created_at=at,
        paid_at=at,
        refunded=300,
    )
    StripeEvent.objects.create(id=f"evt_{uuid.uuid4().hex}", type="invoice.paid", payload={}, created_at=at)
    Effect.objects.create(event=f"evt_{uuid.uuid4().hex}", name="letter", at=at)


@pytest.fixture(scope="module")
def console(rows: Person) -> Client:
    """A browser in which a superuser is signed in."""
    staff = person("Staff").user
    User.objects.filter(pk=staff.pk).update(is_staff=True, is_superuser=True)
    staff.refresh_from_db()
    return in_console(staff)


def newest(model: type[Model]) -> Model:
    found = model._default_manager.last()
    assert found is not None, f"no {name_of(model)} to look at"
    return found


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_every_model_is_registered(model: type[Model]) -> None:
    assert admin.site.is_registered(model)


def test_the_front_page_shows_every_app(console: Client) -> None:
    page = console.get("/admin/")

    assert page.status_code == 200
    for model in MODELS:
        assert address(model, "changelist") in page.content.decode()


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_every_list_can_be_seen(console: Client, model: type[Model]) -> None:
    newest(model)

    page = console.get(address(model, "changelist"))

    assert page.status_code == 200
    assert HOSTILE not in page.content.decode()


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_every_list_can_be_searched_and_ordered(console: Client, model: type[Model]) -> None:
    columns = admin.site.get_model_admin(model).list_display

    for query in ({"q": "alice"}, *({"o": str(place + 1)} for place in range(len(columns)))):
        assert console.get(address(model, "changelist"), query).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_every_list_can_be_filtered(console: Client, model: type[Model]) -> None:
    page = console.get(address(model, "changelist"))

    for chosen in page.context["cl"].filter_specs:
        for choice in chosen.choices(page.context["cl"]):
            assert console.get(address(model, "changelist") + choice["query_string"]).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_every_row_can_be_opened(console: Client, model: type[Model]) -> None:
    page = console.get(address(model, "change", newest(model).pk))

    assert page.status_code == 200
    assert HOSTILE not in page.content.decode()


@pytest.mark.parametrize("model", [model for model in MODELS if model not in MADE_ELSEWHERE], ids=name_of)
def test_what_staff_make_has_a_form(console: Client, model: type[Model]) -> None:
    if admin.site.get_model_admin(model).has_add_permission(console.get("/admin/").wsgi_request):
        assert console.get(address(model, "add")).status_code == 200


@pytest.mark.parametrize("model", MADE_ELSEWHERE, ids=name_of)
def test_what_the_product_makes_has_none(console: Client, model: type[Model]) -> None:
    assert console.get(address(model, "add")).status_code == 403
    assert console.post(address(model, "add"), {}).status_code == 403


@pytest.mark.parametrize("model", [*READ_ONLY, Incident], ids=name_of)
def test_the_ledger_is_not_edited(console: Client, model: type[Model]) -> None:
    row = newest(model)
    before = model._default_manager.filter(pk=row.pk).values().get()

    assert console.post(address(model, "change", row.pk), {"used": "0", "amount": "0"}).status_code == 403
    assert console.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model._default_manager.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("model", [*READ_ONLY, Incident], ids=name_of)
def test_the_ledger_offers_no_deleting_of_many(console: Client, model: type[Model]) -> None:
    row = newest(model)
    asked = {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"}

    console.post(address(model, "changelist"), asked)

    assert model._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", LEDGER, ids=name_of)
def test_the_ledger_says_why(console: Client, model: type[Model]) -> None:
    assert "never edited" in console.get(address(model, "changelist")).content.decode()


@pytest.mark.parametrize("model", [Conversation, Message, *COACHING], ids=name_of)
def test_what_people_say_is_not_shown(console: Client, rows: Person, model: type[Model]) -> None:
    said = newest(model)

    for page in (address(model, "changelist"), address(model, "change", said.pk), address(model, "delete", said.pk)):
        assert "script&gt;" not in console.get(page).content.decode()


def test_a_key_s_hash_says_nothing_of_the_key(console: Client, rows: Person) -> None:
    key = ApiKey.objects.get(user=rows.user)

    assert rows.api_key not in console.get(address(ApiKey, "change", key.pk)).content.decode()


def test_a_key_can_be_revoked_by_staff(console: Client) -> None:
    bob = person("Bob")

    asked = {"action": "revoke", "_selected_action": [str(bob.caller.key_id)], "sure": "yes"}
    console.post(address(ApiKey, "changelist"), asked | {"reason": "It stood in a public repository."})

    assert ApiKey.objects.get(user=bob.user).revoked_at is not None
    assert AuditEntry.objects.get(action="api_key.revoked", workspace=bob.workspace).actor is not None


def test_a_person_whom_staff_add_has_a_workspace(console: Client) -> None:
    email = f"{uuid.uuid4()}@example.com"
    form = {"email": email, "name": "Bob", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}

    console.post(address(User, "add"), form)

    assert Membership.objects.get(user__email=email).workspace == Workspace.objects.get(personal_to__email=email)
    assert User.objects.get(email=email).password.startswith("argon2$argon2id$")


# Who may come in


@pytest.mark.parametrize("path", ["/admin/", "/admin/quotas/entry/", "/admin/accounts/user/add/"])
def test_nobody_is_sent_to_the_log_in(database: None, path: str) -> None:
    answer = Client().get(path)

    assert (answer.status_code, answer["location"]) == (302, f"/admin/login/?next={path}")


@pytest.mark.parametrize("path", ["/admin/", "/admin/quotas/entry/", "/admin/accounts/user/add/"])
def test_who_is_not_staff_is_sent_to_the_log_in(rows: Person, path: str) -> None:
    answer = in_console(rows.user).get(path)

    assert (answer.status_code, answer["location"]) == (302, f"/admin/login/?next={path}")


def test_who_is_not_staff_cannot_log_in(rows: Person) -> None:
    answer = Client().post("/admin/login/", {"username": rows.user.email, "password": PASSWORD})

    assert answer.status_code == 200
    assert "staff account" in answer.content.decode()


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_staff_without_rights_see_nothing(rows: Person, model: type[Model]) -> None:
    assert in_console(_staff()).get(address(model, "changelist")).status_code == 403


def _staff() -> User:
    found, _ = User.objects.get_or_create(email="staff-without-rights@example.com", defaults={"is_staff": True})
    return found


def test_an_api_key_opens_no_console(rows: Person) -> None:
    answer = Client().get("/admin/", headers={"x-api-key": rows.api_key})

    assert (answer.status_code, answer["location"]) == (302, "/admin/login/?next=/admin/")


def test_a_form_without_its_token_is_refused(console: Client, rows: Person) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = console.cookies

    answer = strict.post(address(User, "change", rows.user.pk), {"name": "Mallory"})

    assert answer.status_code == 403
    assert User.objects.get(pk=rows.user.pk).name == "Alice"


@pytest.mark.parametrize("headers", [{"x-api-key": "anything"}, {"authorization": "Bearer anything"}])
def test_a_credential_beside_the_session_forges_nothing(console: Client, rows: Person, headers: dict[str, str]) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = console.cookies

    answer = strict.post(address(User, "change", rows.user.pk), {"name": "Mallory"}, headers=headers)

    assert answer.status_code in (302, 403)
    assert User.objects.get(pk=rows.user.pk).name == "Alice"
