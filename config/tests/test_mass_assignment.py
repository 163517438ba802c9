"""Every column of a model, sent with every write of it: what the endpoint does not list stays what it was."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db.models import BooleanField, DateTimeField, ForeignKey, IntegerField, JSONField, Model, UUIDField
from django.utils.timezone import now

from accounts.audit import SYSTEM
from accounts.models import ApiKey, Invitation, Membership, TokenFamily, User, Workspace
from accounts.tests.factories import PASSWORD, Person, person
from analytics.models import Webhook
from assistants.coaching import profiles
from assistants.models import Conversation, CreatorProfile, Decision, Job, Message, Project, Task
from assistants.tests.coached import TEMPLATE, project_of
from assistants.tests.crews import BRIEF
from assistants.tests.test_operations import asked
from billing import purchases
from billing.gateways.demo import DemoGateway
from billing.models import PackPurchase, Plan, Subscription
from config.tests.product import Product
from quotas.models import TopUp
from quotas.tests.plans import put_on_plan

API = "/api/v1"
FORGED_AT = "2000-01-01T00:00:00Z"


@dataclass(frozen=True)
class Write:
    """`make` answers with the row that the address names; a write without it makes a row, whose id it answers with."""

    method: str
    path: str
    model: type[Model]
    body: dict[str, Any]
    make: Callable[[Person], Model] | None = None
    before: Callable[[Person], object] = lambda alice: None
    own: set[str] = field(default_factory=set)  # Columns in which two rows differ by themselves.

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def a_key(alice: Person) -> Model:
    return ApiKey.objects.get(pk=alice.caller.key_id or "")


def a_conversation(alice: Person) -> Conversation:
    reply = a_reply(alice)
    Conversation.objects.filter(pk=reply.conversation_id).update(tip=reply)
    return Conversation.objects.get(pk=reply.conversation_id)


def a_reply(alice: Person) -> Message:
    at = now()
    conversation = Conversation.objects.create(workspace=alice.workspace, user=alice.user, title="Hers")
    return Message.objects.create(conversation=conversation, role="assistant", text="Hi", created_at=at, updated_at=at)


def a_teammate(alice: Person) -> Model:
    return Membership.objects.create(workspace=alice.workspace, user=person("Bob").user)


def a_subscription(alice: Person) -> Model:
    gateway = DemoGateway()
    purchases.save_test_card(gateway, alice.workspace)
    ways = {"success_url": "https://app.example/", "cancel_url": "https://app.example/"}
    starter = Plan.objects.get(slug="starter")
    return purchases.subscribe(gateway, alice.workspace, starter, **ways, by=SYSTEM, at=now())


def a_card(alice: Person) -> None:
    purchases.save_test_card(DemoGateway(), alice.workspace)


def a_top_up(alice: Person) -> Model:
    return TopUp.objects.create(
        workspace=alice.workspace, meter="operations", below=9, pack_id="operations-50", created_at=now()
    )


def with_room_for_crews(alice: Person) -> None:
    put_on_plan(alice, tokens_day=1_000_000)


def a_profile(alice: Person) -> Model:
    return profiles.put(alice.user.pk, niche="bread", at=now())[0]


def a_project(alice: Person) -> Model:
    return project_of(alice, title="Hers")


def on_a_plan_of_many(alice: Person) -> None:
    Plan.objects.filter(pk=put_on_plan(alice).pk).update(active_projects=2)


def a_task(alice: Person) -> Model:
    return Task.objects.create(project=project_of(alice), key="interview-followers", updated_at=now())


def a_webhook(alice: Person) -> Model:
    told = {"url": "https://example.com/", "kinds": ["strategy_generated"], "created_at": now(), "secret": "sealed"}
    return Webhook.objects.create(workspace=alice.workspace, **told)


NEW_ID = {"id", "created_at"}
ABOUT: dict[str, Any] = {
    **dict.fromkeys(["name", "phone", "business_name", "industry", "sub_industry"], ""),
    **dict.fromkeys(["monthly_revenue", "employees", "goal_amount", "goal_years"]),
    "core_processes": [],
    "currency": "EUR",
}
NEWCOMER = {"email": "…", "password": PASSWORD}
WRITES = [
    Write(
        "POST", "/auth/register", User, ABOUT | {"email": "…", "password": PASSWORD}, own={*NEW_ID, "email", "password"}
    ),
    Write("PATCH", "/auth/me", User, ABOUT, make=lambda alice: alice.user),
    Write(
        "POST",
        "/auth/api-keys",
        ApiKey,
        {"name": "laptop", "scopes": ["read"], "limits": {}, "allowed_models": [], "expires_at": None},
        own={*NEW_ID, "prefix", "hash"},
    ),
    Write(
        "PATCH",
        "/auth/api-keys/{pk}",
        ApiKey,
        {"name": "desk", "scopes": ["read"], "limits": {}, "allowed_models": [], "expires_at": None},
        make=a_key,
    ),
    Write(
        "POST",
        "/workspaces",
        Workspace,
        {"name": "Acme", "email": "…", "time_zone": "UTC"},
        own={*NEW_ID, "email"},
    ),
    Write(
        "PATCH",
        "/workspaces/{pk}",
        Workspace,
        {"name": "Acme", "email": "…", "time_zone": "UTC"},
        make=lambda alice: alice.workspace,
    ),
    Write(
        "PATCH",
        "/workspaces/{row.workspace_id}/members/{row.user_id}",
        Membership,
        {"role": "viewer", "limits": {}},
        make=a_teammate,
    ),
    Write(
        "POST",
        "/workspaces/{alice.workspace.pk}/invitations",
        Invitation,
        {"email": "…", "role": "viewer"},
        own={*NEW_ID, "email", "expires_at"},
    ),
    Write(
        "PATCH",
        "/billing/subscription",
        Subscription,
        {"plan": "team"},
        make=a_subscription,
        own={"plan_id", "price_id", "refreshed_at"},
    ),
    Write(
        "POST",
        "/billing/subscription/cancel",
        Subscription,
        {"now": False},
        make=a_subscription,
        own={"cancel_at_period_end", "entitled_until", "refreshed_at"},
    ),
    Write(
        "POST",
        "/billing/packs/operations-50/purchases",
        PackPurchase,
        {},
        before=a_card,
        own={*NEW_ID, "stripe_id", "paid_at"},
    ),
    Write(
        "PUT",
        "/quotas/top-ups/operations",
        TopUp,
        {"below": 5, "pack": "operations-50", "a_month": 3},
        make=a_top_up,
        own={"pack_id"},
    ),
    Write(
        "POST",
        "/webhooks",
        Webhook,
        {"url": "https://example.com/", "kinds": ["strategy_generated"]},
        own={*NEW_ID, "secret"},
    ),
    Write(
        "PATCH",
        "/webhooks/{pk}",
        Webhook,
        {"url": "https://example.com/", "kinds": ["strategy_generated"], "is_active": True},
        make=a_webhook,
    ),
    Write(
        "POST",
        "/assistants/conversations",
        Conversation,
        {"title": "Plans", "model": "claude-haiku-5-5", "system": ""},
        own={*NEW_ID, "updated_at", "tip_id"},
    ),
    Write(
        "PATCH",
        "/assistants/conversations/{pk}",
        Conversation,
        {"title": "Plans", "model": "claude-haiku-5-5", "system": "", "archived": False, "tip_id": "…"},
        make=a_conversation,
        own={"updated_at"},
    ),
    Write(
        "POST",
        "/assistants/strategies",
        Job,
        {"brief": BRIEF, "model": ""},
        before=with_room_for_crews,
        own={*NEW_ID, "request_id", "reservation_id", "leased_until", "claim", "started_at", "finished_at"},
    ),
    Write(
        "POST",
        "/assistants/operations/execute",
        Job,
        {**asked("market-research"), "model": "", "context": {}, "session": ""},
        before=with_room_for_crews,
        own={*NEW_ID, "request_id", "reservation_id", "leased_until", "claim", "started_at", "finished_at"},
    ),
    Write(
        "PUT",
        "/assistants/conversations/{row.conversation_id}/messages/{pk}/feedback",
        Message,
        {"feedback": "up"},
        make=a_reply,
        own={"updated_at"},
    ),
    Write(
        "PUT",
        "/coaching/profile",
        CreatorProfile,
        {
            "platforms": [],
            "niche": "",
            "audience": "",
            "goals": "",
            "hours_per_week": None,
            "experience": "",
        },
        make=a_profile,
        own={"updated_at"},
    ),
    Write(
        "POST",
        "/coaching/projects",
        Project,
        {"template": TEMPLATE, "title": "Hers", "model": "claude-haiku-5-5", "is_shared": False},
        before=on_a_plan_of_many,
        own={*NEW_ID, "updated_at", "conversation_id", "slot"},
    ),
    Write(
        "PATCH",
        "/coaching/projects/{pk}",
        Project,
        {"title": "Hers", "status": "paused", "is_shared": False, "plan": {"tasks": {}}},
        make=a_project,
        own={"updated_at"},
    ),
    Write(
        "PATCH",
        "/coaching/projects/{row.project_id}/tasks/{row.key}",
        Task,
        {"done": True, "notes": ""},
        make=a_task,
        own={"updated_at", "done_at", "done_by_id"},
    ),
    Write(
        "POST",
        "/coaching/projects/{project}/decisions",
        Decision,
        {"category": "pricing", "text": "$29", "rationale": ""},
        before=a_project,
        own={*NEW_ID, "superseded_at", "superseded_by_id"},
    ),
]


def forged(model: type[Model], row: Model | None, charlie: Person) -> dict[str, Any]:
    """Another value for every column, under the name of the field and of the column."""
    theirs = {"workspace": charlie.workspace.pk, "user": charlie.user.pk}
    values: dict[str, Any] = {}
    for column in model._meta.concrete_fields:
        if isinstance(column, ForeignKey):
            value: Any = str(theirs.get(column.name, uuid.uuid4()))
        elif isinstance(column, BooleanField):
            value = not (getattr(row, column.name) if row else column.get_default())
        elif isinstance(column, DateTimeField):
            value = FORGED_AT
        elif isinstance(column, IntegerField):
            value = 987_654
        elif isinstance(column, UUIDField):
            value = str(uuid.uuid4())
        elif isinstance(column, JSONField):
            value = {"forged": 1}
        else:
            value = "forged"
        values |= {column.name: value, column.attname: value}
    return values


def columns(model: type[Model], pk: object) -> dict[str, Any]:
    return dict(model._default_manager.filter(pk=pk).values().get())


def send(product: Product, write: Write, alice: Person, row: Model | None, more: dict[str, Any]) -> dict[str, Any]:
    project = Project.objects.filter(user=alice.user).first()
    path = API + write.path.format(pk=row and row.pk, row=row, alice=alice, project=project and project.pk)
    body = more | write.body
    if isinstance(row, Conversation):
        body["tip_id"] = str(row.tip_id)
    if "email" in write.body:
        body["email"] = f"{uuid.uuid4()}@example.com"
    answer = product.http.request(write.method, path, headers=alice.session, json=body)
    assert answer.is_success, answer.text
    said: dict[str, Any] = answer.json()
    return said


@pytest.mark.parametrize("write", [write for write in WRITES if write.make], ids=str)
def test_a_change_changes_what_it_lists_alone(product: Product, alice: Person, charlie: Person, write: Write) -> None:
    assert write.make
    row = write.make(alice)
    row.refresh_from_db()
    before = columns(write.model, row.pk)

    send(product, write, alice, row, forged(write.model, row, charlie))

    listed = {*write.body, *write.own}
    after = columns(write.model, row.pk)
    assert {name: after[name] for name in after if name not in listed} == {
        name: before[name] for name in before if name not in listed
    }


@pytest.mark.parametrize("write", [write for write in WRITES if not write.make], ids=str)
def test_what_is_made_is_made_of_what_is_listed_alone(
    product: Product, alice: Person, charlie: Person, write: Write
) -> None:
    write.before(alice)

    def made(more: dict[str, Any]) -> dict[str, Any]:
        said = send(product, write, alice, None, more)
        return columns(write.model, said["user"]["id"] if write.model is User else said["id"])

    plain, tampered = made({}), made(forged(write.model, None, charlie))

    same = [name for name in plain if name not in write.own]
    assert {name: tampered[name] for name in same} == {name: plain[name] for name in same}


def test_nothing_of_a_session_is_taken_from_a_log_in(product: Product, charlie: Person) -> None:
    dora = person("Dora")
    body = {"email": dora.user.email, "password": PASSWORD, **forged(TokenFamily, None, charlie)}

    product.http.post(f"{API}/auth/login", json=body)

    family = TokenFamily.objects.get(user=dora.user)
    assert (family.is_staff, family.ended_at, family.workspace_id) == (False, None, None)
