"""Every command says when to run it, and what it would do before it does it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command, get_commands, load_command_class
from django.utils.timezone import now

from accounts.tests.factories import Person
from billing.models import StripeEvent

APPS = ("config", "analytics", "assistants", "quotas", "billing", "accounts")
OURS = {name: app for name, app in get_commands().items() if app in APPS}
LOOKS_ONLY = {"audit_ledger", "measure_detector"}
NEEDED = {
    "load_catalogue", "push_catalogue", "reset_quotas", "grant_credit", "audit_ledger", "sweep_reservations",
    "resync_billing", "create_demo_data", "rollup_usage", "sum_up_usage", "erase_user", "set_plan", "handle_events",
}  # fmt: skip


def told_by(name: str, *arguments: str) -> str:
    said = StringIO()
    call_command(name, *arguments, stdout=said)
    return said.getvalue()


def test_none_is_missing() -> None:
    assert set(OURS) >= NEEDED | LOOKS_ONLY


@pytest.mark.parametrize("name", sorted(OURS))
def test_its_help_says_when_to_run_it(name: str) -> None:
    parser = load_command_class(OURS[name], name).create_parser("manage.py", name)

    assert "run it" in " ".join(parser.format_help().lower().split())
    assert ("--dry-run" in parser.format_help()) == (name not in LOOKS_ONLY)


def dry_runs(alice: Person) -> dict[str, tuple[list[str], str]]:
    """Of each: its arguments, and something of what it says."""
    email = alice.user.email
    return {
        "set_plan": ([email, "team"], "would be on team"),
        "sum_up_usage": (["--days", "2"], "2 days would be summed up"),
        "sweep_reservations": ([], "would be expired"),
        "handle_events": ([], "would be tried"),
        "resync_billing": ([], "customers would be asked for"),
        "push_catalogue": ([], "where it is not there"),
        "grant_credit": ([email, "tokens", "5", "--reason", "Test"], "would get 5 tokens"),
        "erase_user": ([email], "Nothing was changed"),
        "load_catalogue": (["default"], "default"),
        "load_models": ([], "claude"),
        "reset_quotas": (["--workspace", email, "--reason", "Test"], "nothing was changed"),
        "rollup_usage": (["--workspace", str(alice.workspace.pk)], "rollups differ"),
        "create_demo_data": (["--password", "?", "--api-key", "?"], ""),
    }


def test_a_dry_run_says_what_would_happen(alice: Person) -> None:
    for name, (arguments, expected) in dry_runs(alice).items():
        assert expected in told_by(name, *arguments, "--dry-run"), name

    assert set(dry_runs(alice)) == set(OURS) - LOOKS_ONLY


def test_a_dry_run_changes_nothing(alice: Person) -> None:
    subscriptions = alice.workspace.subscriptions.count()
    event = StripeEvent.objects.create(id=f"evt_{uuid.uuid4().hex}", type="?", payload={}, created_at=now())
    StripeEvent.objects.filter(pk=event.pk).update(received_at=now() - timedelta(days=1))

    for name, (arguments, _) in dry_runs(alice).items():
        told_by(name, *arguments, "--dry-run")

    event.refresh_from_db()
    alice.user.refresh_from_db()
    assert (event.handled_at, event.tries, alice.user.is_active) == (None, 0, True)
    assert (alice.workspace.subscriptions.count(), alice.workspace.grants.count()) == (subscriptions, 0)
    event.delete()
