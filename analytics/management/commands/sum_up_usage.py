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

    def handle(self, *args: Any, days: int, **options: Any) -> None:
        moment = here(now())
        summing.sum_up(moment.days(days), moment)
        self.stdout.write(f"{days} days were summed up.")
