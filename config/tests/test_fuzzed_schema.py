"""Schemathesis against the whole schema, as a stranger, a member of a team and staff: what it makes up may be refused,
but never breaks anything, and is answered as the schema says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from accounts import tokens
from accounts.models import Membership, User, Workspace
from accounts.tests.factories import person
from config.tests.product import Product, started
from conftest import UNHURRIED

pytestmark = pytest.mark.slow

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
OPTIONS = [
    *("--checks", CHECKS),
    *("--phases", "examples,coverage,fuzzing"),
    *("--max-examples", "15"),
    *("--request-timeout", "30"),
    *("--suppress-health-check", "all"),
    *("--warnings", "off"),
    *("--seed", "1"),
    "--continue-on-failure",
    "--no-color",
]
# They end the very session that asks; the stranger tries them.
ENDS_THE_SESSION = r"^/api/v1/auth/(logout|logout-everywhere|sessions/.*|me|change-password)$"


@pytest.fixture(scope="module")
def fuzzed(database: None) -> Iterator[Product]:
    """The product with no key set, which is asked faster than anybody may."""
    with started({**UNHURRIED, "ANTHROPIC_API_KEY": "", "DEMO_GAP_SECONDS": "0"}) as running:
        yield running


def as_stranger() -> list[str]:
    return []


def as_member() -> list[str]:
    team = Workspace.objects.create(name="Team", email="team@example.com")
    bob = person("Bob")
    Membership.objects.create(workspace=team, user=bob.user, role=Membership.Role.MEMBER)
    return ["--header", f"Authorization: {bob.session['authorization']}", "--header", f"X-Workspace: {team.pk}"]


def as_owner() -> list[str]:
    return ["--header", f"x-api-key: {person('Alice').api_key}"]


def as_staff() -> list[str]:
    dora = person("Dora").user
    User.objects.filter(pk=dora.pk).update(is_staff=True)
    dora.refresh_from_db()
    return ["--header", f"Authorization: Bearer {tokens.begin_staff(dora)}"]


@pytest.mark.parametrize("role", [as_stranger, as_member, as_owner, as_staff], ids=lambda role: role.__name__)
def test_nothing_made_up_breaks_it(fuzzed: Product, role: object) -> None:
    headers = role()  # type: ignore[operator]
    spared = ["--exclude-path-regex", ENDS_THE_SESSION] if headers else []

    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{fuzzed.url}/api/schema", *OPTIONS, *headers, *spared]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
