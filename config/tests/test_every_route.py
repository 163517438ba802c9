"""Nobody reaches what is another's, and nobody does what their role or key does not allow: on every route there is.

A route that is not in the table here fails the test, so that whoever adds one says what of Alice's it names.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.timezone import now

from accounts import api_keys, callers, tokens
from accounts.api_keys import Powers
from accounts.audit import SYSTEM
from accounts.callers import PERSON, ROLE_SCOPES, Needs
from accounts.clients import Client
from accounts.models import ApiKey, Invitation, Membership, Scope, TokenFamily, Workspace
from accounts.tests.factories import Person, person
from analytics import events
from analytics.events import Happened
from analytics.models import Delivery, Webhook
from assistants import attachments
from assistants.coaching import decisions
from assistants.crew import roles
from assistants.crew.views import WHERE
from assistants.models import Attachment, Conversation, Job, Message, Project
from assistants.tests.coached import project_of
from billing import customers, purchases
from billing.gateways.demo import DemoGateway
from billing.gateways.demo.cards import typed
from billing.models import Invoice, PackPurchase
from config.tests.product import Product
from quotas import grants
from quotas.grants import Gift
from quotas.models import Decision, Grant

CANARY = "canary of Alice"
NOT_THERE = ("not_found", "unknown_message", "workspace_not_found")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Alice:
    """Something of hers for every kind of id that an address may hold."""

    person: Person
    key: ApiKey
    conversation: Conversation
    message: Message
    attachment: Attachment
    decision: Decision
    session: TokenFamily
    passkey: Authenticator
    invitation: Invitation
    connection: SocialAccount
    invoice: Invoice
    card_id: str
    purchase: PackPurchase
    grant: Grant
    jobs: Mapping[str, Job]
    project: Project
    delivery: Delivery


@dataclass(frozen=True)
class Route:
    """`ids` are what of Alice's stands in the address. `needs` is asked of the view, where it has such a table."""

    ids: Mapping[str, Callable[[Alice], object]] = field(default_factory=dict)
    needs: Mapping[str, Needs] | None = None
    body: Mapping[str, Any] = field(default_factory=dict)


PUBLIC = Route()
HERS = Route()
CHAT = Route(needs={"POST": Scope.CHAT})
LOOK = Route(needs={"GET": (Scope.CHAT, Scope.READ)})
READ = Route(needs={"GET": Scope.READ})


def mine(*methods: str) -> Route:
    """For persons alone, of themselves."""
    return Route(needs=dict.fromkeys(methods, PERSON))


def named(**ids: Callable[[Alice], object]) -> Route:
    return Route(ids)


def job_of(kind: str) -> Callable[[Alice], object]:
    return lambda alice: alice.jobs[kind].pk


CONVERSATION = {"conversation_id": lambda alice: alice.conversation.pk}
MESSAGE = {**CONVERSATION, "message_id": lambda alice: alice.message.pk}
PROJECT = {"project_id": lambda alice: alice.project.pk}
ATTACHMENT = {"attachment_id": lambda alice: alice.attachment.pk}
WEBHOOK = {"webhook_id": lambda alice: alice.delivery.webhook_id}
DELIVERY = {**WEBHOOK, "delivery_id": lambda alice: alice.delivery.pk}
WORKSPACE = {"workspace_id": lambda alice: alice.person.workspace.pk}
MEMBER = {**WORKSPACE, "user_id": lambda alice: alice.person.user.pk}
INVITATION = {**WORKSPACE, "invitation_id": lambda alice: alice.invitation.pk}

ROUTES = {
    "api/v1/auth/register": PUBLIC,
    "api/v1/auth/login": PUBLIC,
    "api/v1/auth/staff-login": PUBLIC,
    "api/v1/auth/refresh": PUBLIC,
    "api/v1/auth/logout": PUBLIC,
    "api/v1/auth/me": HERS,
    "api/v1/auth/me/email": HERS,
    "api/v1/auth/verify-email": PUBLIC,
    "api/v1/auth/verify-email/resend": HERS,
    "api/v1/auth/change-password": HERS,
    "api/v1/auth/password-reset": PUBLIC,
    "api/v1/auth/password-reset/confirm": PUBLIC,
    "api/v1/auth/sessions": HERS,
    "api/v1/auth/sessions/<uuid:session_id>": named(session_id=lambda alice: alice.session.pk),
    "api/v1/auth/me/export": HERS,
    "api/v1/auth/exports/<uuid:export_id>": PUBLIC,
    "api/v1/auth/api-keys": HERS,
    "api/v1/auth/api-keys/<uuid:key_id>": named(key_id=lambda alice: alice.key.pk),
    "api/v1/auth/api-keys/<uuid:key_id>/rotate": named(key_id=lambda alice: alice.key.pk),
    "api/v1/auth/2fa": PUBLIC,
    "api/v1/auth/2fa/passkey": PUBLIC,
    "api/v1/auth/passkey": PUBLIC,
    "api/v1/auth/reauthenticate": mine("POST"),
    "api/v1/auth/reauthenticate/2fa": mine("POST"),
    "api/v1/auth/reauthenticate/passkey": mine("GET", "POST"),
    "api/v1/auth/authenticators": mine("GET"),
    "api/v1/auth/authenticators/totp": mine("GET", "POST", "DELETE"),
    "api/v1/auth/authenticators/recovery-codes": mine("GET", "POST"),
    "api/v1/auth/authenticators/passkeys": mine("GET", "POST"),
    "api/v1/auth/authenticators/passkeys/<int:passkey_id>": Route(
        {"passkey_id": lambda alice: alice.passkey.pk}, {"PATCH": PERSON, "DELETE": PERSON}, {"name": "Mine"}
    ),
    "api/v1/workspaces": HERS,
    "api/v1/workspaces/<uuid:workspace_id>": Route(WORKSPACE),
    "api/v1/workspaces/<uuid:workspace_id>/switch": Route(WORKSPACE),
    "api/v1/workspaces/<uuid:workspace_id>/transfer": Route(WORKSPACE),
    "api/v1/workspaces/<uuid:workspace_id>/leave": Route(WORKSPACE),
    "api/v1/workspaces/<uuid:workspace_id>/members": Route(WORKSPACE),
    "api/v1/workspaces/<uuid:workspace_id>/members/<uuid:user_id>": Route(MEMBER),
    "api/v1/workspaces/<uuid:workspace_id>/invitations": Route(WORKSPACE),
    "api/v1/workspaces/<uuid:workspace_id>/invitations/<uuid:invitation_id>": Route(INVITATION),
    "api/v1/workspaces/<uuid:workspace_id>/audit-log": Route(WORKSPACE),
    "api/v1/invitations/accept": HERS,
    "api/v1/auth/providers": PUBLIC,
    "api/v1/auth/providers/redirect": PUBLIC,
    "api/v1/auth/providers/finish": PUBLIC,
    "api/v1/auth/providers/token": PUBLIC,
    "api/v1/auth/providers/sign-up": PUBLIC,
    "api/v1/auth/providers/google/callback": PUBLIC,
    "api/v1/auth/providers/github/callback": PUBLIC,
    "api/v1/auth/providers/<slug:provider_id>/callback": PUBLIC,
    "api/v1/auth/connections": mine("GET"),
    "api/v1/auth/connections/redirect": mine("POST"),
    "api/v1/auth/connections/finish": mine("POST"),
    "api/v1/auth/connections/token": mine("POST"),
    "api/v1/auth/connections/<int:connection_id>": Route(
        {"connection_id": lambda alice: alice.connection.pk}, {"DELETE": PERSON}
    ),
    "api/v1/billing/plans": PUBLIC,
    "api/v1/billing/plans/compare": HERS,
    "api/v1/billing/plans/<slug:slug>": PUBLIC,
    "api/v1/billing/packs": PUBLIC,
    "api/v1/billing/packs/<slug:slug>/purchases": HERS,
    "api/v1/billing/pack-purchases": HERS,
    "api/v1/billing/pack-purchases/<uuid:purchase_id>": named(purchase_id=lambda alice: alice.purchase.pk),
    "api/v1/billing/webhooks/stripe": PUBLIC,
    "api/v1/billing/subscription": HERS,
    "api/v1/billing/subscription/preview": HERS,
    "api/v1/billing/subscription/cancel": HERS,
    "api/v1/billing/subscription/resume": HERS,
    "api/v1/billing/checkout": HERS,
    "api/v1/billing/portal": HERS,
    "api/v1/billing/history": HERS,
    "api/v1/billing/summary": HERS,
    "api/v1/billing/invoices": HERS,
    "api/v1/billing/invoices/<slug:stripe_id>": named(stripe_id=lambda alice: alice.invoice.stripe_id),
    "api/v1/billing/payment-methods": HERS,
    "api/v1/billing/payment-methods/<slug:card_id>": named(card_id=lambda alice: alice.card_id),
    "api/v1/billing/payment-methods/<slug:card_id>/default": named(card_id=lambda alice: alice.card_id),
    "api/v1/quotas/usage": READ,
    "api/v1/quotas/usage/current": READ,
    "api/v1/quotas/usage/daily": HERS,
    "api/v1/quotas/usage/daily.csv": HERS,
    "api/v1/quotas/usage/monthly": HERS,
    "api/v1/quotas/usage/history": HERS,
    "api/v1/quotas/usage/history.csv": HERS,
    "api/v1/quotas/usage/stats": HERS,
    "api/v1/quotas/set-plan": HERS,
    "api/v1/quotas/statement": HERS,
    "api/v1/quotas/grants": HERS,
    "api/v1/quotas/grants/<uuid:grant_id>/revoke": named(grant_id=lambda alice: alice.grant.pk),
    "api/v1/quotas/promotions/redeem": HERS,
    "api/v1/quotas/top-ups": HERS,
    "api/v1/quotas/top-ups/<slug:slug>": HERS,
    "api/v1/quotas/notices": HERS,
    "api/v1/quotas/decisions": HERS,
    "api/v1/quotas/decisions/<slug:request_id>": named(request_id=lambda alice: alice.decision.pk),
    "api/v1/analytics/activity": HERS,
    "api/v1/analytics/activity/ticket": HERS,
    "api/v1/analytics/alerts": HERS,
    "api/v1/analytics/alerts/<int:alert_id>/acknowledge": named(alert_id=lambda alice: 2**31 - 2),
    "api/v1/analytics/coaching": HERS,
    "api/v1/analytics/kpis": HERS,
    "api/v1/analytics/dashboard": HERS,
    "api/v1/analytics/revenue-breakdown": HERS,
    "api/v1/analytics/margins": HERS,
    "api/v1/analytics/what-if": HERS,
    "api/v1/analytics/usage": HERS,
    "api/v1/analytics/users": HERS,
    "api/v1/analytics/users/export": HERS,
    "api/v1/analytics/top-users": HERS,
    "api/v1/analytics/logs": HERS,
    "api/v1/coaching/profile": HERS,
    "api/v1/coaching/templates": HERS,
    "api/v1/coaching/templates/<slug:slug>": HERS,
    "api/v1/coaching/projects": HERS,
    "api/v1/coaching/projects/active": HERS,
    "api/v1/coaching/projects/<uuid:project_id>": Route(PROJECT),
    "api/v1/coaching/projects/<uuid:project_id>/messages": Route(PROJECT),
    "api/v1/coaching/projects/<uuid:project_id>/messages/<uuid:message_id>/stream": Route(
        {**PROJECT, "message_id": lambda alice: alice.message.pk}, {"GET": Scope.READ}
    ),
    "api/v1/coaching/projects/<uuid:project_id>/messages/<uuid:message_id>/stop": Route(
        {**PROJECT, "message_id": lambda alice: alice.message.pk}, {"POST": Scope.CHAT}
    ),
    "api/v1/coaching/projects/<uuid:project_id>/messages/<uuid:message_id>/regenerate": Route(
        {**PROJECT, "message_id": lambda alice: alice.message.pk}, {"POST": Scope.CHAT}
    ),
    "api/v1/coaching/projects/<uuid:project_id>/messages/<uuid:message_id>/feedback": Route(
        {**PROJECT, "message_id": lambda alice: alice.message.pk}
    ),
    "api/v1/coaching/projects/<uuid:project_id>/chat": Route(PROJECT, {"POST": Scope.CHAT}, {"text": "Hello"}),
    "api/v1/coaching/projects/<uuid:project_id>/tasks": Route(PROJECT),
    "api/v1/coaching/projects/<uuid:project_id>/tasks/<slug:task_key>": Route(
        {**PROJECT, "task_key": lambda alice: "interview-followers"}
    ),
    "api/v1/coaching/projects/<uuid:project_id>/decisions": Route(PROJECT),
    "api/v1/coaching/projects/<uuid:project_id>/decisions/<uuid:decision_id>": Route(
        {**PROJECT, "decision_id": lambda alice: decided(alice.project)}
    ),
    "api/v1/coaching/projects/<uuid:project_id>/progress": Route(PROJECT),
    "api/v1/analytics/webhooks": HERS,
    "api/v1/analytics/webhooks/<uuid:webhook_id>": Route(WEBHOOK),
    "api/v1/analytics/webhooks/<uuid:webhook_id>/deliveries": Route(WEBHOOK),
    "api/v1/analytics/webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/resend": Route(DELIVERY),
    "api/v1/webhooks": HERS,
    "api/v1/webhooks/<uuid:webhook_id>": Route(WEBHOOK),
    "api/v1/webhooks/<uuid:webhook_id>/deliveries": Route(WEBHOOK),
    "api/v1/webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/resend": Route(DELIVERY),
    "api/v1/analytics/users/<uuid:user_id>/reset-usage": named(user_id=lambda alice: alice.person.user.pk),
    "api/v1/assistants/models": HERS,
    "api/v1/assistants/attachments": HERS,
    "api/v1/assistants/attachments/<uuid:attachment_id>": Route(ATTACHMENT),
    "api/v1/assistants/attachments/<uuid:attachment_id>/content": Route(ATTACHMENT),
    "api/v1/assistants/conversations": HERS,
    "api/v1/assistants/conversations/<uuid:conversation_id>": Route(CONVERSATION),
    "api/v1/assistants/conversations/<uuid:conversation_id>/export": Route(CONVERSATION),
    "api/v1/assistants/conversations/<uuid:conversation_id>/messages": Route(
        CONVERSATION, {"GET": Scope.READ, "POST": Scope.CHAT}, {"text": "Hello"}
    ),
    "api/v1/assistants/conversations/<uuid:conversation_id>/messages/<uuid:message_id>/stream": Route(
        MESSAGE, {"GET": Scope.READ}
    ),
    "api/v1/assistants/conversations/<uuid:conversation_id>/messages/<uuid:message_id>/feedback": Route(MESSAGE),
    "api/v1/assistants/strategies": HERS,
    "api/v1/assistants/strategies/crew": HERS,
    "api/v1/assistants/operations": HERS,
    "api/v1/assistants/operations/types": HERS,
    "api/v1/assistants/operations/execute": Route(needs={"POST": Scope.CHAT}, body={"type": "?", "brief": {}}),
    "api/v1/assistants/operations/statistics": HERS,
    "api/v1/assistants/deliverables": HERS,
    "api/v1/assistants/deliverables/types": HERS,
    "api/v1/coaching/projects/<uuid:project_id>/deliverables": Route(PROJECT),
    **{
        f"api/v1/assistants/{kind}/<uuid:job_id>{way}": Route(
            {"job_id": job_of(kind)}, {"GET": Scope.READ} if way == "/events" else None
        )
        for kind in ("strategies", "operations", "deliverables")
        for way in ("", "/events", "/cancel", "/export")
    },
    "api/v1/assistants/conversations/<uuid:conversation_id>/messages/<uuid:message_id>/regenerate": Route(
        MESSAGE, {"POST": Scope.CHAT}
    ),
    "api/v1/assistants/conversations/<uuid:conversation_id>/messages/<uuid:message_id>/stop": Route(
        MESSAGE, {"POST": Scope.CHAT}
    ),
    "v1/chat/completions": CHAT,
    "v1/messages": CHAT,
    "v1/messages/count_tokens": CHAT,
    "v1/models": LOOK,
    "v1/models/<str:slug>": LOOK,
    "api/v1/auth/logout-everywhere": HERS,  # Last: it ends the session that the others need.
}


def patterns(under: Any = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for found in under or get_resolver().url_patterns:
        address = prefix + str(found.pattern)
        if isinstance(found, URLResolver):
            yield from patterns(found.url_patterns, address)
        else:
            yield address, found


# What is outside is the console's, the pages', and what says how the product is.
API = {address: found for address, found in patterns() if address.startswith(("api/v1/", "v1/"))}
VIEWS = {address: getattr(found.callback, "cls", None) for address, found in API.items()}


def needs_of(address: str) -> Mapping[str, Needs]:
    """What each method of a route takes."""
    route = ROUTES[address]
    return route.needs if route.needs is not None else getattr(VIEWS[address], "needs", {})


CALLS = [
    (method, address)
    for address, route in ROUTES.items()
    if route is not PUBLIC and address in API
    for method in needs_of(address)
]
CALLS_BY_ID = [(method, address) for method, address in CALLS if ROUTES[address].ids]


@pytest.fixture(scope="module")
def alice(database: None) -> Alice:
    owner = person("Alice")
    key = api_keys.create(workspace_id=owner.workspace.pk, user_id=owner.user.pk, name=CANARY, at=now())[0]
    conversation = Conversation.objects.create(workspace=owner.workspace, user=owner.user, title=CANARY)
    message = conversation.messages.create(role="assistant", text=CANARY, created_at=now(), updated_at=now())
    attachment = attachments.take_in(f"{CANARY}.txt", CANARY.encode(), owner.caller, at=now())
    decision = Decision.objects.create(
        request_id=f"req_{uuid.uuid4().hex}",
        workspace=owner.workspace,
        admitted=True,
        plan="free",
        limits=[],
        created_at=now(),
    )
    passkey = Authenticator.objects.create(user=owner.user, type="webauthn", data={"name": CANARY, "credential": {}})
    tokens.begin_family(owner.user, Client(user_agent=CANARY))
    Workspace.objects.filter(pk=owner.workspace.pk).update(name=CANARY)
    invitation = Invitation.objects.create(
        workspace=owner.workspace, email="dave@example.com", role="viewer", expires_at=now()
    )
    session = TokenFamily.objects.get(user=owner.user)
    connection = SocialAccount.objects.create(user=owner.user, provider="oidc", uid=f"{CANARY} {uuid.uuid4()}")
    paid = what_she_pays(owner)
    gift = Gift("tokens", 500, Grant.Source.GOODWILL, reason=CANARY)
    grant = grants.give(owner.workspace.pk, gift, by=SYSTEM, at=now())
    assert grant
    things = (key, conversation, message, attachment, decision, session, passkey, invitation, connection, *paid, grant)
    return Alice(
        owner,
        *things,
        jobs=what_her_crews_did(owner),
        project=project_of(owner, title=CANARY),
        delivery=what_was_delivered(owner),
    )


def what_was_delivered(owner: Person) -> Delivery:
    told = {"url": f"https://example.com/{CANARY}", "kinds": ["strategy_generated"], "created_at": now()}
    webhook = Webhook.objects.create(workspace=owner.workspace, **told)
    events.tell(Happened("strategy_generated", owner.workspace.pk, owner.user.pk), at=now())
    return webhook.deliveries.get()


def decided(project: Project) -> uuid.UUID:
    said = {"category": "pricing", "text": CANARY, "rationale": ""}
    return decisions.record(project, **said, by=project.user_id, at=now()).pk


def what_her_crews_did(owner: Person) -> Mapping[str, Job]:
    """One of each kind, which has ended."""
    return {
        where: Job.objects.create(
            workspace=owner.workspace,
            user=owner.user,
            kind=kind,
            crew=roles.of_kind(kind)[0].slug,
            title=CANARY,
            brief={"goal": CANARY},
            state="cancelled",
            request_id=f"req_{uuid.uuid4().hex}",
            leased_until=now(),
            created_at=now(),
        )
        for kind, where in WHERE.items()
    }


def what_she_pays(owner: Person) -> tuple[Invoice, str, PackPurchase]:
    gateway = DemoGateway()
    customer = customers.customer_of(owner.workspace, gateway)
    gateway.add_card(customer.stripe_id, typed(purchases.CARD_THAT_PAYS), authenticated=True)
    amounts = dict.fromkeys(["subtotal", "total", "amount_paid", "amount_due"], 2900)
    moments = dict.fromkeys(["period_start", "period_end", "created_at"], now())
    invoice = Invoice.objects.create(
        workspace=owner.workspace,
        gateway="demo",
        stripe_id=f"demo_in_{uuid.uuid4().hex}",
        number=CANARY,
        status="paid",
        currency="USD",
        **amounts,
        **moments,
    )
    pack = {"pack_id": "operations-50", "meter": "operations", "amount": 50, "price": 300, "currency": "USD"}
    purchase = PackPurchase.objects.create(
        workspace=owner.workspace, gateway="demo", state="failed", error=CANARY, created_at=now(), **pack
    )
    return invoice, gateway.cards(customer.stripe_id)[0].id, purchase


@pytest.fixture(scope="module")
def charlie(database: None) -> Person:
    """Must not see it."""
    return person("Charlie")


def ask(product: Product, method: str, address: str, ids: Mapping[str, object], headers: Mapping[str, str]) -> Any:
    path = "/" + address
    for name, value in ids.items():
        for kind in ("uuid", "slug", "str", "int"):
            path = path.replace(f"<{kind}:{name}>", str(value))
    body = None if method == "GET" else dict(ROUTES[address].body)
    return product.http.request(method, path, headers=dict(headers), json=body)


def hers(address: str, alice: Alice) -> dict[str, object]:
    return {name: find(alice) for name, find in ROUTES[address].ids.items()}


def any_ids(address: str) -> dict[str, object]:
    names = [*ROUTES[address].ids, *(["slug"] if ":slug>" in address else [])]
    return {name: 2**31 - 1 if f"<int:{name}>" in address else uuid.uuid4() for name in names}


def code(answer: httpx2.Response) -> str:
    """The problem's code, in whichever shape the route speaks."""
    body = answer.json() if answer.content and "json" in answer.headers["content-type"] else {}
    return str(body.get("code") or body.get("error", {}).get("code") or body.get("error", {}).get("type") or "")


# The table


def test_every_route_is_in_the_table_and_no_other() -> None:
    assert set(ROUTES) == set(API)


@pytest.mark.parametrize("address", [address for address, route in ROUTES.items() if route is not PUBLIC])
def test_every_method_of_a_route_says_what_it_takes(address: str) -> None:
    view = VIEWS[address]
    methods = [method for method in METHODS if hasattr(view, method.lower())] if view else list(needs_of(address))

    assert methods
    assert set(needs_of(address)) == set(methods)


@pytest.mark.parametrize("address", [address for address, route in ROUTES.items() if route is PUBLIC])
def test_a_public_route_looks_at_nobody(address: str) -> None:
    assert not getattr(VIEWS[address], "needs", {})


# Strangers, outsiders


@pytest.mark.parametrize(("method", "address"), CALLS)
def test_a_stranger_is_not_let_in(product: Product, alice: Alice, method: str, address: str) -> None:
    answer = ask(product, method, address, any_ids(address) | hers(address, alice), {})

    assert answer.status_code == 401
    assert CANARY not in answer.text


@pytest.mark.parametrize("credential", ["key", "session"])
@pytest.mark.parametrize(("method", "address"), CALLS_BY_ID)
def test_what_is_another_s_is_not_there(
    product: Product, alice: Alice, charlie: Person, method: str, address: str, credential: str
) -> None:
    headers = charlie.headers if credential == "key" else charlie.session
    answer = ask(product, method, address, hers(address, alice), headers)
    unknown = ask(product, method, address, any_ids(address), headers)

    seen = (answer.status_code, code(answer))
    assert seen == (unknown.status_code, code(unknown))
    assert seen in [(403, "insufficient_scope"), *((404, code) for code in NOT_THERE)]
    assert CANARY not in answer.text


@pytest.mark.parametrize(("method", "address"), CALLS)
def test_another_s_workspace_is_not_there(
    product: Product, alice: Alice, charlie: Person, method: str, address: str
) -> None:
    aside = {"x-workspace": str(alice.person.workspace.pk)}
    ids = any_ids(address) | hers(address, alice)

    for headers in (charlie.headers | aside, charlie.session | aside):
        answer = ask(product, method, address, ids, headers)
        assert answer.status_code == 404
        assert CANARY not in answer.text


@pytest.mark.parametrize(("method", "address"), [call for call in CALLS if call[0] == "GET"])
def test_nothing_of_another_s_is_read(
    product: Product, alice: Alice, charlie: Person, method: str, address: str
) -> None:
    for headers in (charlie.headers, charlie.session):
        assert CANARY not in ask(product, method, address, any_ids(address), headers).text


# Roles and keys


@pytest.fixture(scope="module")
def team(database: None) -> dict[str, Person]:
    """One person of each role in a team."""
    workspace = Workspace.objects.create(name="Team", email="team@example.com")
    people = {str(role): person(str(role)) for role in Membership.Role}
    for role, somebody in people.items():
        Membership.objects.create(workspace=workspace, user=somebody.user, role=role)
    return people


def in_team(somebody: Person) -> dict[str, str]:
    team = Membership.objects.get(user=somebody.user, workspace__personal_to=None).workspace_id
    return somebody.session | {"x-workspace": str(team)}


@pytest.mark.parametrize("role", list(map(str, Membership.Role)))
def test_a_role_does_what_its_scopes_allow_and_nothing_else(
    product: Product, team: dict[str, Person], role: str
) -> None:
    headers = in_team(team[role])
    caller = callers.identify(headers)

    for method, address in CALLS:
        answer = ask(product, method, address, any_ids(address), headers)
        refused = answer.status_code == 403 and "scope" in answer.text
        assert refused is not caller.may(needs_of(address)[method]), (method, address, answer.text)


@pytest.mark.parametrize("scope", list(map(str, Scope)))
def test_a_key_does_what_its_scope_allows_and_nothing_else(product: Product, alice: Alice, scope: str) -> None:
    owner = alice.person
    _, key = api_keys.create(
        workspace_id=owner.workspace.pk, user_id=owner.user.pk, name="narrow", powers=Powers([scope]), at=now()
    )
    headers = {"x-api-key": key}
    caller = callers.identify(headers)

    for method, address in CALLS:
        answer = ask(product, method, address, any_ids(address), headers)
        refused = answer.status_code == 403 and "scope" in answer.text
        assert refused is not caller.may(needs_of(address)[method]), (method, address, answer.text)


def test_nobody_but_owner_and_admin_manages_or_pays() -> None:
    allowed = {role: scopes & {Scope.ADMIN, Scope.BILLING} for role, scopes in ROLE_SCOPES.items()}

    assert {role for role, scopes in allowed.items() if scopes} == {"owner", "admin"}
