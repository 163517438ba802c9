"""Tokens by kind, and what they cost."""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass
from operator import add
from typing import Any

MILLION = 1_000_000


@dataclass
class Usage:
    """Tokens of one call. `input` is without the cached ones, as Anthropic reports it."""

    input: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    cache_read: int = 0
    output: int = 0

    @property
    def prompt(self) -> int:
        return self.input + self.cache_write_5m + self.cache_write_1h + self.cache_read

    @property
    def total(self) -> int:
        return self.prompt + self.output

    def __add__(self, other: Usage) -> Usage:
        return Usage(*map(add, astuple(self), astuple(other)))

    def report(self, reported: dict[str, Any]) -> None:
        """Take over a report in Anthropic's shape. Reports are cumulative: they overwrite, nothing is added up."""
        self.input = reported.get("input_tokens") or self.input
        self.cache_read = reported.get("cache_read_input_tokens") or self.cache_read
        self.output = reported.get("output_tokens") or self.output
        written = reported.get("cache_creation_input_tokens")
        # Only a stream's first report splits what was written; its last has the sum alone.
        split = reported.get("cache_creation") or {}
        self.cache_write_1h = split.get("ephemeral_1h_input_tokens") or self.cache_write_1h
        if written:
            self.cache_write_5m = written - self.cache_write_1h


@dataclass(frozen=True)
class Price:
    """Micro-USD per million tokens, for prompts of more than `prompt_over` tokens."""

    prompt_over: int
    input: int
    output: int
    cache_write_5m: int
    cache_write_1h: int
    cache_read: int

    def cost(self, usage: Usage) -> int:
        """In micro-USD, a started one counts whole."""
        millionths = (
            usage.input * self.input
            + usage.output * self.output
            + usage.cache_write_5m * self.cache_write_5m
            + usage.cache_write_1h * self.cache_write_1h
            + usage.cache_read * self.cache_read
        )
        return -(-millionths // MILLION)


@dataclass(frozen=True)
class Prices:
    """A model's prices on one day, the one for the shortest prompts first."""

    tiers: tuple[Price, ...]

    def cost(self, usage: Usage) -> int:
        fitting = [price for price in self.tiers if usage.prompt > price.prompt_over]
        return (fitting or self.tiers)[-1 if fitting else 0].cost(usage)

    def output_for(self, micro: int, prompt: int) -> int:
        """How many tokens of an answer so many micro-USD pay, the prompt paid first."""
        left = micro - self.cost(Usage(input=prompt))
        dearest = max(price.output for price in self.tiers)
        return max(0, left * MILLION // dearest) if dearest else micro

    def as_data(self) -> list[dict[str, int]]:
        """For the ledger, which remembers the price a call was charged at."""
        return [asdict(price) for price in self.tiers]
