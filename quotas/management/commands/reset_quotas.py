from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from accounts.audit import SYSTEM
from accounts.meters import Meter, Window
from accounts.models import User, Workspace
from billing import subscriptions
from billing.errors import UnknownPlan
from quotas import resets
from quotas.models import Entry
from quotas.resets import Reset

LONGEST_REASON = Entry._meta.get_field("reason").max_length


class Command(BaseCommand):
    help = (
        "Forget what is used of limits whose windows are open, so that they count anew. Run it after an outage of "
        "yours that cost customers their allowance, or a mistake in a catalogue. Windows begin anew by themselves, so "
        "no schedule needs it. The ledger keeps what was used, and the reason for ever, so name nobody in it. "
        "What work under way holds stays held; credits stay used; what was billed stays billed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--workspace", metavar="ID|EMAIL", help="By its id, or the own one of who has this address.")
        whose.add_argument("--plan", metavar="SLUG", help="Every workspace that is on this plan now.")
        whose.add_argument("--all", action="store_true", help="Every workspace.")
        parser.add_argument("--meter", action="append", choices=list(Meter), help="Else all. May be given again.")
        parser.add_argument("--window", action="append", choices=list(Window), help="Else all. May be given again.")
        parser.add_argument("--reason", required=True, help="Stands in the ledger and in the audit log.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be forgotten; change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        reason = _reason(options["reason"])
        what = {"meters": options["meter"] or list(Meter), "windows": options["window"] or list(Window)}
        at, dry_run, found = now(), options["dry_run"], 0
        for workspace in _workspaces(options, what):
            if dry_run:
                done = resets.would_reset(workspace.pk, **what, at=at)
            else:
                done = resets.reset(workspace.pk, **what, by=SYSTEM, reason=reason, at=at)
            self.stdout.write(f"{workspace} ({workspace.pk}): {_said(done)}")
            found += bool(done)
        told = "workspaces would be reset; nothing was changed" if dry_run else "workspaces reset"
        self.stdout.write(f"{found} {told}.")


def _reason(text: str) -> str:
    if not text.strip():
        raise CommandError("The reason is empty.")
    if LONGEST_REASON and len(text) > LONGEST_REASON:
        raise CommandError(f"The reason may have {LONGEST_REASON} characters.")
    return text.strip()


def _workspaces(options: dict[str, Any], what: dict[str, Any]) -> Iterable[Workspace]:
    if options["workspace"]:
        return [_workspace(options["workspace"])]
    plan = options["plan"]
    if plan:
        try:
            subscriptions.plan_named(plan)
        except UnknownPlan as exc:
            raise CommandError(str(exc)) from exc
    return resets.workspaces_to_reset(plan=plan, **what, at=now())


def _workspace(text: str) -> Workspace:
    if "@" in text:
        user = User.objects.by_email(text).first()
        found = Workspace.objects.filter(personal_to=user).first() if user else None
    else:
        found = Workspace.objects.filter(pk=_id(text)).first()
    if found is None:
        raise CommandError(f"There is no workspace of {text}.")
    return found


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as exc:
        raise CommandError(f"{text} is neither an id nor an address.") from exc


def _said(done: list[Reset]) -> str:
    return ", ".join(f"{one.amount} of {one.policy}" for one in done) or "nothing is used"
