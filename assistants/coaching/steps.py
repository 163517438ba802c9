"""The next steps that a reply names. They are shown, and nothing is recorded by them."""

from __future__ import annotations

import re

MOST = 5
LONGEST = 200
READ = 20_000
"""Characters of a reply that are read."""
ANNOUNCED = re.compile(r"(?i)\W{0,4}(?:your |the )?next (?:steps?|actions?|up)\b[^:\n]{0,40}:?\W{0,4}(.*)")
ITEM = re.compile(r"\s{0,8}(?:[-*•]|\d{1,2}[.)])\s+(.*)")
BEGINS = re.compile(
    r"(?i)(?:first|next|then|today|this week|for your next step)\b,?\s+"
    r"(?:you (?:can|could|should)\s+)?(?:[a-z]+)\b.*"
)


def of(reply: str) -> list[str]:
    """What stands after "Next step", on that line or as the list under it; else sentences that begin with "Next, …"."""
    lines = reply[:READ].splitlines()
    for number, line in enumerate(lines):
        found = ANNOUNCED.match(line)
        if found:
            return _cut([found[1]]) if found[1].strip("*_ ") else _cut(_items(lines[number + 1 :]))
    return _cut([line for line in lines if BEGINS.match(line)])


def _items(lines: list[str]) -> list[str]:
    """The list that begins here, blank lines before it left out."""
    found: list[str] = []
    for line in lines:
        item = ITEM.match(line)
        if item:
            found.append(item[1])
        elif line.strip():
            break
    return found


def _cut(steps: list[str]) -> list[str]:
    return [step.strip(" *_")[:LONGEST] for step in steps if step.strip(" *_")][:MOST]
