from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand

from accounts.models import Workspace
from quotas import rollups


class Command(BaseCommand):
    help = (
        "Rebuild the rollups that reports read, from what each piece of work was charged. Run it when audit_ledger "
        "says that they differ, after rows were restored by hand, and after a workspace changed its time zone: its "
        "past is counted by the hours of the former clock until then. Work may go on meanwhile."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", type=UUID, metavar="ID", help="this one alone; else all")
        parser.add_argument("--dry-run", action="store_true", help="say what differs and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        compare = rollups.differences if options["dry_run"] else rollups.rebuild
        found = 0
        for workspace_id in self._workspaces(options["workspace"]):
            for difference in compare(workspace_id):
                self.stdout.write(str(difference))
                found += 1
        self.stdout.write(f"{found} rollups {'differ' if options['dry_run'] else 'put right'}")

    def _workspaces(self, chosen: UUID | None) -> list[UUID]:
        every = Workspace.objects.filter(pk=chosen) if chosen else Workspace.objects.all()
        return list(every.values_list("pk", flat=True))
