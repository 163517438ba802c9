"""The console on people and workspaces: found by what an operator knows, changed by our verbs, each change logged."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from django.utils.timezone import now

from accounts import api_keys, callers, guards, tokens
from accounts.errors import InvalidCredentials
from accounts.models import ApiKey, AuditEntry, Invitation, Letter, Membership, TokenFamily, User, Workspace
from accounts.tests.factories import Person, person
from accounts.tests.teams import Team, team
from accounts.tests.ways_in import in_console


@pytest.fixture(scope="module")
def staff(database: None) -> User:
    """A superuser."""
    return made_staff(is_superuser=True)


@pytest.fixture(scope="module")
def console(staff: User) -> Client:
    return in_console(staff)


def made_staff(*rights: str, is_superuser: bool = False) -> User:
    user = person("Staff").user
    user.is_staff, user.is_superuser = True, is_superuser
    user.save()
    for right in rights:
        user.user_permissions.add(Permission.objects.get(codename=right, content_type__app_label="accounts"))
    return user


def page(model: type[Model], name: str, *arguments: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=list(map(str, arguments)))


def act(console: Client, action: str, *rows: Any, **more: str) -> str:
    """Choose rows in their list, do this with them; what the console says then."""
    chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows], **more}
    return console.post(page(type(rows[0]), "changelist"), chosen, follow=True).content.decode()


def save(console: Client, row: Any, **fields: Any) -> Any:
    return console.post(page(type(row), "change", row.pk), fields)


def found(console: Client, model: type[Model], query: str) -> set[Any]:
    return set(console.get(page(model, "changelist"), {"q": query}).context["cl"].queryset)


def lines(action: str, by: User, row: Any) -> int:
    subject = f"{row._meta.model_name}:{row.pk}"
    return AuditEntry.objects.filter(action=action, actor=by, subject=subject).count()


# People


def test_people_are_found_by_what_an_operator_is_told(console: Client, alice: Person) -> None:
    phone = f"+49{uuid4().int % 10**10:010d}"
    User.objects.filter(pk=alice.user.pk).update(phone=phone)

    for told in (alice.user.email, phone, str(alice.user.pk)):
        assert found(console, User, told) == {alice.user}


def test_who_is_suspended_is_shut_out_until_readmitted(console: Client, staff: User, alice: Person) -> None:
    session = alice.session

    act(console, "suspend", alice.user)

    for headers in (session, alice.headers):
        with pytest.raises(InvalidCredentials):
            callers.identify(headers)
    act(console, "readmit", alice.user)
    assert callers.identify(alice.headers).user_id == alice.user.pk
    with pytest.raises(InvalidCredentials):
        callers.identify(session)
    assert lines("user.suspended", staff, alice.user) == lines("user.readmitted", staff, alice.user) == 1


def test_suspending_twice_changes_and_logs_nothing(console: Client, staff: User, alice: Person) -> None:
    act(console, "suspend", alice.user)

    said = act(console, "suspend", alice.user)

    assert "0 suspended. 1 were before." in said
    assert lines("user.suspended", staff, alice.user) == 1


def test_who_was_erased_is_not_readmitted(console: Client, alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_active=False, erased_at=now())

    act(console, "readmit", alice.user)

    assert not User.objects.get(pk=alice.user.pk).is_active


def test_nobody_suspends_themselves(console: Client, staff: User) -> None:
    act(console, "suspend", staff)

    assert User.objects.get(pk=staff.pk).is_active


def test_somebody_is_signed_out_everywhere_and_keeps_their_keys(console: Client, staff: User, alice: Person) -> None:
    sessions = [alice.session, alice.session]

    act(console, "sign_out", alice.user)

    for session in sessions:
        with pytest.raises(InvalidCredentials):
            callers.identify(session)
    assert callers.identify(alice.headers)
    assert lines("user.signed_out", staff, alice.user) == 1


def test_a_phone_number_is_verified_where_there_is_one(
    console: Client, staff: User, alice: Person, charlie: Person
) -> None:
    User.objects.filter(pk=alice.user.pk).update(phone="+4930901820")

    said = act(console, "verify_phone", alice.user, charlie.user)

    assert "1 verified. 1 have no number" in said
    assert [User.objects.get(pk=who.user.pk).phone_verified for who in (alice, charlie)] == [True, False]
    assert lines("phone.verified", staff, alice.user) == 1


def test_letters_are_sent_again_to_who_needs_them(console: Client, alice: Person, charlie: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(email_verified_at=None)

    act(console, "send_verification", alice.user, charlie.user)
    act(console, "send_reset", charlie.user)

    written = Letter.objects.filter(to__in=[alice.user.email, charlie.user.email]).values_list("kind", "to")
    assert set(written) == {("verify_email", alice.user.email), ("reset_password", charlie.user.email)}
    guards.forget(alice.user.email)


def test_what_is_a_person_s_own_has_no_form(console: Client, alice: Person) -> None:
    before = User.objects.filter(pk=alice.user.pk).values().get()
    profile = {"name": "Mallory", "phone": "+4930901821", "currency": "EUR", "core_processes": "", "business_name": "x"}

    save(console, alice.user, email="forged@example.com", password="forged", phone_verified="on", **profile)

    assert User.objects.filter(pk=alice.user.pk).values().get() == before


def test_nobody_s_password_is_set_by_staff(console: Client, alice: Person) -> None:
    answer = console.post(
        reverse("admin:auth_user_password_change", args=[alice.user.pk]), {"password1": "x" * 20, "password2": "x" * 20}
    )

    assert answer.status_code == 403
    assert User.objects.get(pk=alice.user.pk).password == alice.user.password


@pytest.mark.parametrize("model", [User, Workspace, Membership, TokenFamily, ApiKey, Invitation, AuditEntry])
def test_nothing_that_the_ledger_or_the_log_knows_is_deleted(
    console: Client, alice: Person, model: type[Model]
) -> None:
    tokens.begin_family(alice.user)
    Invitation.objects.create(workspace=alice.workspace, email="dave@example.com", role="viewer", expires_at=now())
    row = model._default_manager.first()
    assert row

    assert console.post(page(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    act(console, "delete_selected", row, post="yes")

    assert model._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", [User, Workspace, Membership, TokenFamily, ApiKey, Invitation, AuditEntry])
def test_a_list_says_why_its_rows_stay_as_they_are(console: Client, model: type[Model]) -> None:
    told = console.get(page(model, "changelist")).content.decode()

    assert f'<p class="why">{escape(admin.site.get_model_admin(model).why)}</p>' in told  # type: ignore[attr-defined]


# Who may what


def test_powers_are_given_by_superusers_and_logged(console: Client, staff: User, alice: Person) -> None:
    save(console, alice.user, is_staff="on")

    assert User.objects.get(pk=alice.user.pk).is_staff
    line = AuditEntry.objects.get(action="user.changed", actor=staff, subject=f"user:{alice.user.pk}")
    assert line.after["is_staff"] is True


def test_nobody_gives_powers_without_all_of_them(alice: Person) -> None:
    helper = made_staff("view_user", "change_user")
    console = in_console(helper)

    for row in (alice.user, helper):
        save(console, row, is_staff="on", is_superuser="on")

    assert not User.objects.get(pk=alice.user.pk).is_staff
    assert not User.objects.get(pk=helper.pk).is_superuser


def test_only_superusers_look_after_staff(staff: User) -> None:
    console = in_console(made_staff("view_user", "change_user", "view_tokenfamily", "change_tokenfamily"))
    tokens.begin_family(staff)

    assert "Staff are looked after by superusers." in act(console, "suspend", staff)
    for action in ("sign_out", "erase"):
        act(console, action, staff, sure="yes")
    act(console, "end", TokenFamily.objects.get(user=staff))

    staff.refresh_from_db()
    assert staff.is_active
    assert TokenFamily.objects.get(user=staff).ended_at is None


def test_who_may_only_look_acts_on_nothing(alice: Person) -> None:
    console = in_console(made_staff("view_user", "view_apikey", "view_membership", "view_invitation"))
    key = ApiKey.objects.get(user=alice.user)

    act(console, "suspend", alice.user)
    act(console, "revoke", key)

    assert User.objects.get(pk=alice.user.pk).is_active
    assert ApiKey.objects.get(pk=key.pk).revoked_at is None


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        (User, "password__startswith"),
        (ApiKey, "hash__startswith"),
        (ApiKey, "user__password__startswith"),
        (TokenFamily, "current_jti__startswith"),
        (AuditEntry, "actor__password__startswith"),
        (Membership, "user__password__startswith"),
        (Workspace, "personal_to__password__startswith"),
    ],
)
def test_a_list_is_not_searched_by_what_it_does_not_show(console: Client, model: type[Model], lookup: str) -> None:
    assert console.get(page(model, "changelist"), {lookup: "argon2"}).status_code == 400


@pytest.mark.parametrize("asked", [{"page": "abc"}, {"page": "99"}, {"page": "-1"}, {"s": "\0", "extended": "1"}])
def test_what_cannot_be_searched_is_found_nowhere(console: Client, asked: dict[str, str]) -> None:
    assert console.get("/admin/search/", {"s": "users", **asked}).status_code == 404


def test_who_may_merely_add_people_finds_none(alice: Person) -> None:
    asked = {"s": alice.user.email, "extended": "1"}

    assert alice.user.email not in in_console(made_staff("add_user")).get("/admin/search/", asked).content.decode()
    assert alice.user.email in in_console(made_staff("view_user")).get("/admin/search/", asked).content.decode()


def test_a_cookie_that_names_no_session_is_none(database: None) -> None:
    browser = Client()
    browser.cookies[settings.SESSION_COOKIE_NAME] = "abcdefgh\0"

    assert browser.get("/admin/login/").status_code == 200


def test_what_a_group_may_do_is_logged(console: Client, staff: User) -> None:
    console.post(page(Group, "add"), {"name": f"helpers {uuid4()}"})

    assert lines("group.added", staff, Group.objects.latest("pk")) == 1


def test_what_is_deleted_is_logged(console: Client, staff: User) -> None:
    group = Group.objects.create(name=f"helpers {uuid4()}")

    console.post(page(Group, "delete", group.pk), {"post": "yes"})

    assert lines("group.deleted", staff, group) == 1


# Workspaces and who belongs to them


@pytest.fixture
def ours(database: None) -> Team:
    return team()


def test_a_workspace_is_found_by_its_name_its_id_and_its_people(console: Client, ours: Team) -> None:
    for told in (str(ours.workspace.pk), ours.bob.user.email):
        assert ours.workspace in found(console, Workspace, told)


def test_a_workspace_is_renamed_by_its_verb(console: Client, staff: User, ours: Team) -> None:
    save(console, ours.workspace, name="Emca", email="bills@example.com", time_zone="Asia/Tokyo", **no_forms())

    row = Workspace.objects.get(pk=ours.workspace.pk)
    assert (row.name, row.email, row.time_zone) == ("Emca", "bills@example.com", "Asia/Tokyo")
    line = AuditEntry.objects.get(action="workspace.changed", actor=staff, workspace=ours.workspace)
    assert (line.before["name"], line.after["name"]) == ("Acme", "Emca")


def test_a_time_zone_that_is_none_is_refused(console: Client, ours: Team) -> None:
    answer = save(console, ours.workspace, name="Acme", email="b@example.com", time_zone="Mars/Olympus", **no_forms())

    assert "no such time zone" in answer.content.decode()
    assert Workspace.objects.get(pk=ours.workspace.pk).time_zone == "UTC"


def test_a_deleted_workspace_is_not_changed(console: Client, ours: Team) -> None:
    Workspace.objects.filter(pk=ours.workspace.pk).update(deleted_at=now())

    answer = save(console, ours.workspace, name="Emca", email="b@example.com", time_zone="UTC", **no_forms())

    assert answer.status_code == 403


def no_forms() -> dict[str, str]:
    """Of the members, which are shown and not edited."""
    return {f"memberships-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS")}


def membership(who: Person, ours: Team) -> Membership:
    return Membership.objects.get(user=who.user, workspace=ours.workspace)


def test_a_role_and_limits_are_changed_by_their_verb(console: Client, staff: User, ours: Team) -> None:
    save(console, membership(ours.bob, ours), role="viewer", limits='{"tokens-day": 5}')

    row = membership(ours.bob, ours)
    assert (row.role, row.limits) == ("viewer", {"tokens-day": 5})
    assert lines("membership.changed", staff, row) == 1


@pytest.mark.parametrize(
    "change", [{"role": "owner", "limits": "{}"}, {"role": "viewer", "limits": '{"tokens-year": 5}'}]
)
def test_what_a_membership_cannot_be_is_refused(console: Client, ours: Team, change: dict[str, str]) -> None:
    save(console, membership(ours.bob, ours), **change)

    assert (membership(ours.bob, ours).role, membership(ours.bob, ours).limits) == ("member", {})


def test_an_owner_stays_owner_in_every_form(console: Client, ours: Team) -> None:
    save(console, membership(ours.alice, ours), role="viewer", limits="{}")
    said = act(console, "remove", membership(ours.alice, ours), membership(ours.bob, ours))

    assert "1 removed. 1 stay" in said
    assert (ours.role_of(ours.alice), ours.role_of(ours.bob)) == ("owner", None)


def test_who_is_removed_by_staff_is_gone_with_their_keys(console: Client, staff: User, ours: Team) -> None:
    key, _ = api_keys.create(workspace_id=ours.workspace.pk, user_id=ours.bob.user.pk, name="key", at=now())
    row = membership(ours.bob, ours)

    act(console, "remove", row)

    key.refresh_from_db()
    assert key.revoked_at
    assert lines("membership.ended", staff, row) == lines("api_key.revoked", staff, key) == 1


def test_a_workspace_is_transferred_by_staff(console: Client, staff: User, ours: Team) -> None:
    act(console, "make_owner", membership(ours.bob, ours))

    assert (ours.role_of(ours.alice), ours.role_of(ours.bob)) == ("admin", "owner")
    assert lines("workspace.transferred", staff, ours.workspace) == 1


def test_a_personal_workspace_is_not_transferred_and_staff_are_told_why(
    console: Client, alice: Person, charlie: Person
) -> None:
    row = Membership.objects.create(workspace=alice.workspace, user=charlie.user)

    assert "A personal workspace stays" in act(console, "make_owner", row)


def test_an_invitation_is_revoked_by_staff(console: Client, staff: User, ours: Team) -> None:
    row = Invitation.objects.create(workspace=ours.workspace, email="dave@example.com", role="viewer", expires_at=now())

    act(console, "revoke", row)

    row.refresh_from_db()
    assert row.revoked_at
    assert lines("invitation.revoked", staff, row) == 1


# Sessions and keys


def test_a_session_is_ended_by_staff(console: Client, staff: User, alice: Person) -> None:
    ending, other = alice.session, alice.session
    family = TokenFamily.objects.filter(user=alice.user).earliest("created_at")

    act(console, "end", family)

    with pytest.raises(InvalidCredentials):
        callers.identify(ending)
    assert callers.identify(other)
    assert lines("session.ended", staff, family) == 1


@pytest.mark.parametrize("length", [17, 54])
def test_a_leaked_key_is_found_by_how_it_begins_and_by_all_of_it(console: Client, alice: Person, length: int) -> None:
    assert found(console, ApiKey, alice.api_key[:length]) == {ApiKey.objects.get(user=alice.user)}


def test_a_key_s_list_shows_no_hash(console: Client, alice: Person) -> None:
    key = ApiKey.objects.get(user=alice.user)

    assert key.hash not in console.get(page(ApiKey, "change", key.pk)).content.decode()
