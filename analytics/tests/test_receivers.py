"""What happens below is told in the feed, once it is committed."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils.timezone import now

from accounts import registration, tokens
from accounts.audit import SYSTEM
from accounts.models import User
from accounts.tests.factories import Person
from analytics import pulse
from analytics.events import Kind
from analytics.models import Event
from analytics.pulse import Sum
from analytics.tests.watching import staff, told_of
from assistants.crew import jobs
from assistants.crew.work import work_on
from assistants.models import Job
from assistants.tests.crews import BRIEF, begin, claimed
from billing import purchases, subscriptions
from billing.gateways.demo import DemoGateway
from config.tests.product import Product, eventually
from conftest import Run
from quotas.tests.plans import put_on_plan

HELLO = {"model": "claude-haiku-5-5", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]}


def chat(product: Product, somebody: Person) -> int:
    return product.http.post("/v1/messages", json=HELLO, headers=somebody.headers).status_code


def test_a_sign_up_is_told(database: None) -> None:
    user = registration.register(email=f"{uuid.uuid4().hex}@example.com", password="a long enough one", at=now())

    event = Event.objects.get(user=user, kind=Kind.USER_SIGNUP)
    assert event.workspace == user.personal_workspace


def test_staff_who_sign_in_are_told(database: None) -> None:
    dora = staff()

    tokens.begin_staff(User.objects.get(pk=dora.user.pk))

    assert Event.objects.get(user=dora.user, kind=Kind.ADMIN_LOGIN).data == {"way": "api"}


def test_a_chat_is_told_within_a_second(product: Product, alice: Person) -> None:
    assert chat(product, alice) == 200

    eventually(lambda: told_of(alice, Kind.CHAT_COMPLETED), within=1)
    [told] = told_of(alice, Kind.CHAT_COMPLETED)
    assert (told["chats"], told["failed"], told["models"]) == (1, 0, ["claude-haiku-5-5"])
    assert told["tokens"] > 0


def test_a_refusal_is_told_with_where_to_look(product: Product, alice: Person) -> None:
    put_on_plan(alice, tokens_day=1)

    assert chat(product, alice) == 429

    eventually(lambda: told_of(alice, Kind.QUOTA_EXCEEDED), within=1)
    [told] = told_of(alice, Kind.QUOTA_EXCEEDED)
    assert (told["refused"], told["meters"]) == (1, ["tokens"])
    assert alice.workspace.decisions.filter(pk=told["requests"][0], admitted=False).exists()
    assert told_of(alice, Kind.CHAT_COMPLETED) == []


def test_many_at_once_are_few_rows(run: Run[Any], alice: Person, charlie: Person) -> None:
    async def burst() -> None:
        for turn in range(1000):
            somebody = alice if turn % 2 else charlie
            pulse.note(Kind.CHAT_COMPLETED, somebody.workspace.pk, Sum({somebody.user.pk}, {"chats": 1}, {}))
        await pulse.tell()

    run(burst())

    assert told_of(alice, Kind.CHAT_COMPLETED) == [{"chats": 500}]
    assert told_of(charlie, Kind.CHAT_COMPLETED) == [{"chats": 500}]


def test_a_strategy_is_told_when_it_is_made_and_when_it_is_deleted(run: Run[Any], alice: Person) -> None:
    async def make_and_delete() -> str:
        job_id = await begin(alice)
        await work_on(await claimed(job_id), now())
        await jobs.delete(job_id, now())
        await jobs.delete(job_id, now())
        return str(job_id)

    put_on_plan(alice, tokens_day=1_000_000)
    job_id = run(make_and_delete())

    assert told_of(alice, Kind.STRATEGY_GENERATED) == [{"job": job_id, "state": "completed"}]
    assert told_of(alice, Kind.STRATEGY_DELETED) == [{"job": job_id}]
    assert BRIEF["business"] not in str(Event.objects.filter(workspace=alice.workspace).values())
    assert Job.objects.get(pk=job_id).deleted_at


def test_a_payment_and_the_plan_it_brings_are_told(alice: Person) -> None:
    gateway, ways = DemoGateway(), {"success_url": "https://app.example/", "cancel_url": "https://app.example/"}
    purchases.save_test_card(gateway, alice.workspace)
    team = subscriptions.plan_named("team")
    purchases.subscribe(gateway, alice.workspace, team, **ways, by=SYSTEM, at=now())

    [paid] = told_of(alice, Kind.PAYMENT_RECEIVED)
    assert (paid["currency"], paid["simulated"]) == ("USD", True)
    assert paid["amount"] > 0
    assert {told["plan"] for told in told_of(alice, Kind.SUBSCRIPTION_CHANGED)} == {"team"}


def test_a_plan_that_staff_give_is_told(alice: Person) -> None:
    subscriptions.put_on_plan(alice.workspace, "team", at=now())
    subscriptions.put_on_plan(alice.workspace, "free", at=now())

    told = told_of(alice, Kind.SUBSCRIPTION_CHANGED)
    assert [(each["plan"], each["status"]) for each in told] == [("team", "active"), ("free", None)]
