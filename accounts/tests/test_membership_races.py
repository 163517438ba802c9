"""At the same moment: of two that cannot both be, one wins, and a workspace always has its owner."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from uuid import uuid4

import httpx2
import pytest

from accounts import mail_keys
from accounts.models import Invitation, Membership
from accounts.tests.factories import Person, person
from accounts.tests.teams import WORKSPACES, Team, call, team
from config.tests.product import Product

ACCEPT = "/api/v1/invitations/accept"
TIMES = range(4)


def at_once(*calls: Callable[[], httpx2.Response]) -> list[int]:
    """Their statuses, in order."""
    ready = Barrier(len(calls))

    def ask(one: Callable[[], httpx2.Response]) -> int:
        ready.wait()
        return one().status_code

    with ThreadPoolExecutor(len(calls)) as crowd:
        return list(crowd.map(ask, calls))


def asking(product: Product, who: Person, method: str, path: str, **body: object) -> Callable[[], httpx2.Response]:
    """A request that is ready to go, its session begun."""
    return partial(product.http.request, method, path, headers=who.session, json=body)


def key_of(product: Product, ours: Team) -> str:
    answer = call(product, ours.alice, "POST", f"{ours.path}/invitations", email=f"{uuid4().hex}@example.com")
    return mail_keys.make("invitation", answer.json()["id"])


def owners(ours: Team) -> int:
    return Membership.objects.filter(workspace=ours.workspace, role="owner").count()


@pytest.mark.parametrize("time", TIMES)
def test_ten_accepts_of_one_person_make_one_membership(product: Product, charlie: Person, time: int) -> None:
    ours = team()
    key = key_of(product, ours)

    statuses = at_once(*[asking(product, charlie, "POST", ACCEPT, key=key) for _ in range(10)])

    assert sorted(statuses) == [200] + [409] * 9
    assert ours.role_of(charlie) == "member"


@pytest.mark.parametrize("time", TIMES)
def test_of_ten_people_with_one_link_one_comes_in(product: Product, time: int) -> None:
    ours = team()
    key = key_of(product, ours)

    statuses = at_once(*[asking(product, person("Dave"), "POST", ACCEPT, key=key) for _ in range(10)])

    assert sorted(statuses) == [200] + [400] * 9
    assert Membership.objects.filter(workspace=ours.workspace).count() == 3


@pytest.mark.parametrize("time", TIMES)
def test_a_workspace_is_given_and_left_at_once_and_has_its_owner(product: Product, time: int) -> None:
    ours = team()

    given, left = at_once(
        asking(product, ours.alice, "POST", f"{ours.path}/transfer", user_id=str(ours.bob.user.pk)),
        asking(product, ours.bob, "POST", f"{ours.path}/leave"),
    )

    assert (given, left) in [(200, 409), (404, 204)]
    assert owners(ours) == 1


@pytest.mark.parametrize("time", TIMES)
def test_a_workspace_given_to_two_at_once_goes_to_one(product: Product, charlie: Person, time: int) -> None:
    ours = team()
    ours.join(charlie, "member")
    asked = [
        asking(product, ours.alice, "POST", f"{ours.path}/transfer", user_id=str(to.user.pk))
        for to in (ours.bob, charlie)
    ]

    assert sorted(at_once(*asked)) == [200, 403]
    assert owners(ours) == 1
    assert ours.role_of(ours.alice) == "admin"


@pytest.mark.parametrize("time", TIMES)
def test_a_workspace_given_away_and_deleted_at_once_is_one_or_the_other(product: Product, time: int) -> None:
    ours = team()

    given, deleted = at_once(
        asking(product, ours.alice, "POST", f"{ours.path}/transfer", user_id=str(ours.bob.user.pk)),
        asking(product, ours.alice, "DELETE", ours.path),
    )

    assert (given, deleted) in [(200, 403), (404, 204)]
    assert owners(ours) == (1 if given == 200 else 0)


@pytest.mark.parametrize("time", TIMES)
def test_an_invitation_accepted_while_the_workspace_goes_leaves_nobody_in_it(
    product: Product, charlie: Person, time: int
) -> None:
    ours = team()
    key = key_of(product, ours)

    accepted, deleted = at_once(
        asking(product, charlie, "POST", ACCEPT, key=key), asking(product, ours.alice, "DELETE", ours.path)
    )

    assert (accepted in (200, 400), deleted) == (True, 204)
    assert not Membership.objects.filter(workspace=ours.workspace).exists()


@pytest.mark.parametrize("time", TIMES)
def test_an_invitation_accepted_and_revoked_at_once_is_one_or_the_other(
    product: Product, charlie: Person, time: int
) -> None:
    ours = team()
    key = key_of(product, ours)
    invitation = Invitation.objects.get(workspace=ours.workspace)

    accepted, _ = at_once(
        asking(product, charlie, "POST", ACCEPT, key=key),
        asking(product, ours.alice, "DELETE", f"{ours.path}/invitations/{invitation.pk}"),
    )

    invitation.refresh_from_db()
    assert (invitation.accepted_at is None) is (invitation.revoked_at is not None)
    assert (ours.role_of(charlie) == "member") is (accepted == 200)


def test_ten_invitations_of_one_address_are_one(product: Product) -> None:
    ours = team()
    email = f"{uuid4().hex}@example.com"

    statuses = at_once(
        *[asking(product, ours.alice, "POST", f"{ours.path}/invitations", email=email) for _ in range(10)]
    )

    assert sorted(statuses) == [201] * 5 + [429] * 5
    assert Invitation.objects.filter(workspace=ours.workspace).count() == 1


def test_workspaces_made_at_once_are_counted_all_the_same(product: Product, alice: Person) -> None:
    for place in range(7):
        extra = Membership(user=alice.user, role="owner")
        extra.workspace = alice.user.workspaces.create(name=f"{place}", email=alice.user.email)
        Membership.objects.filter(workspace=extra.workspace).update(role="owner")

    statuses = at_once(*[asking(product, alice, "POST", WORKSPACES, name="Acme") for _ in range(5)])

    assert sorted(statuses) == [201] * 2 + [409] * 3
