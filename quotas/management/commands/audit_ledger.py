from typing import Any

from django.core.management.base import BaseCommand, CommandError

from quotas.audit import audit_ledger


class Command(BaseCommand):
    help = "Prove the ledger's invariants. Run it nightly, and after anything that frightened you."

    def handle(self, *args: Any, **options: Any) -> None:
        broken = list(audit_ledger())
        for line in broken:
            self.stderr.write(str(line))
        if broken:
            raise CommandError(f"The ledger is broken in {len(broken)} places.")
        self.stdout.write("The ledger is whole.")
