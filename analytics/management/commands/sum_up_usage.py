from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.timezone import now

from analytics import summing
from analytics.moments import here


class Command(BaseCommand):
    help = """Sum up the usage of the last days anew, for the console's figures. Run it after `rollup_usage`, after the
    operator's time zone was changed, and when there was work before the sums were kept. Twice changes nothing."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=31, help="So many, up to today.")
        parser.add_argument("--dry-run", action="store_true", help="Say which days; sum up none.")

    def handle(self, *args: Any, days: int, dry_run: bool, **options: Any) -> None:
        moment = here(now())
        if not dry_run:
            summing.sum_up(moment.days(days), moment)
        self.stdout.write(f"{days} days {'would be' if dry_run else 'were'} summed up.")
