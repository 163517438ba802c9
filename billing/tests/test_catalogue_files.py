"""Whoever writes a catalogue is told what is wrong, and in which line."""

from __future__ import annotations

from pathlib import Path

import pytest

from billing import catalogue_files
from billing.errors import InvalidCatalogue
from billing.terms import LimitTerms, PackTerms

GOOD = """\
currency: USD
plans:
  - slug: one
    name: One
    default: true
    price: 0
    limits: {}
  - slug: two
    name: Two
    price: 500
    every: 30 days
    trial_days: 14
    features: [Nothing]
    limits:
      tokens/day: 10
      operations/month: {limit: 3, overage_price: 8}
      cost/day: {limit: 50, soft: true}
      messages/month: {limit: 20, rolls_over: 5}
    requests_per_minute: 60
packs:
  - slug: some
    name: Some tokens
    meter: tokens
    amount: 1000
    price: 700
    lasts: 90 days
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(catalogue_files, "CATALOGUES", tmp_path)
    return tmp_path


def refused(shelf: Path, content: str | bytes) -> str:
    """What is said against it."""
    (shelf / "ours.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InvalidCatalogue) as refusal:
        catalogue_files.read("ours")
    return str(refusal.value)


def test_what_is_well_written_is_read(shelf: Path) -> None:
    (shelf / "ours.yaml").write_text(GOOD)

    catalogue = catalogue_files.read("ours")

    assert [plan.slug for plan in catalogue.plans] == ["one", "two"]
    assert catalogue.plans[1].requests_per_minute == 60
    assert catalogue.plans[1].limits == {
        "tokens/day": LimitTerms(10),
        "operations/month": LimitTerms(3, overage_price=8),
        "cost/day": LimitTerms(50, soft=True),
        "messages/month": LimitTerms(20, rolls_over=5),
    }
    assert catalogue.packs == [PackTerms("some", "Some tokens", "tokens", 1000, 700, "USD", 90, 0, True)]


def test_a_pack_that_says_nothing_of_its_end_has_none(shelf: Path) -> None:
    (shelf / "ours.yaml").write_text(GOOD.replace("    lasts: 90 days\n", "    currency: EUR\n    offered: false\n"))

    [pack] = catalogue_files.read("ours").packs

    assert (pack.lasts_days, pack.currency, pack.is_offered) == (None, "EUR", False)


# What stands there, what is written instead, the line that is to be named, and what is to be said.
WRONG: dict[str, tuple[str, str, int, str]] = {
    "an unknown key at the top": ("currency:", "valid_from: 2026\ncurrency:", 1, "unknown key valid_from"),
    "an unknown key of a plan": ("every:", "evry:", 11, "unknown key evry"),
    "an unknown key of a limit": ("overage_price", "price", 16, "unknown key price"),
    "no currency": ("currency: USD\n", "", 1, "must have the key currency"),
    "an empty currency": ("currency: USD", "currency:", 1, "currency must be text"),
    "a currency in words": ("currency: USD", "currency: dollars", 1, "currency must be three capitals"),
    "a currency of its own that is none": ("every: 30 days", "currency: usd", 11, "currency must be three capitals"),
    "no price": ("    price: 500\n", "", 8, "plan must have the key price"),
    "an empty price": ("price: 500", "price:", 10, "price must be a whole number from 0"),
    "a negative price": ("price: 500", "price: -500", 10, "price must be a whole number from 0"),
    "a price with cents": ("price: 500", "price: 5.00", 10, "and is 5.00"),
    "a price in words": ("price: 500", "price: free", 10, "and is free"),
    "a price that is yes": ("price: 500", "price: yes", 10, "and is yes"),
    "a price beyond bigint": ("price: 500", "price: 9223372036854775808", 10, "price must be a whole number"),
    "a price that is a list": ("price: 500", "price: [500]", 10, "and is several values"),
    "a price by force": ("price: 500", "price: !!int many", 10, "price cannot be read"),
    "a price of a strange kind": ("price: 500", "price: !!python/name:os.system ''", 10, "price cannot be read"),
    "no slug": ("slug: two\n    ", "", 8, "plan must have the key slug"),
    "a slug that is a number": ("slug: two", "slug: 2", 8, "slug must be text"),
    "a slug with capitals": ("slug: two", "slug: Two", 8, "slug must be made of"),
    "a slug too long": ("slug: two", f"slug: {'o' * 41}", 8, "slug must not be longer than 40"),
    "a slug twice": ("slug: two", "slug: one", 8, "the plan one is written twice, first in line 3"),
    "no name": ("    name: Two\n", "", 8, "plan must have the key name"),
    "an empty name": ("name: Two", 'name: " "', 9, "name must be text"),
    "a name too long": ("name: Two", f"name: {'o' * 81}", 9, "name must not be longer than 80"),
    "no limits": ("    limits: {}\n", "", 3, "plan must have the key limits"),
    "limits that are empty": ("limits: {}", "limits:", 7, "limits must be made of keys and values"),
    "an unknown meter": ("tokens/day", "smiles/day", 15, "unknown limit smiles/day"),
    "an unknown window": ("tokens/day", "tokens/year", 15, "unknown limit tokens/year"),
    "no window": ("tokens/day", "tokens", 15, "unknown limit tokens"),
    "a negative limit": ("tokens/day: 10", "tokens/day: -10", 15, "tokens/day must be a whole number"),
    "half a token": ("tokens/day: 10", "tokens/day: 0.5", 15, "tokens/day must be a whole number"),
    "a limit without its number": ("limit: 3, ", "", 16, "operations/month must have the key limit"),
    "a negative overage price": ("overage_price: 8", "overage_price: -8", 16, "overage_price must be a whole number"),
    "an unknown interval": ("30 days", "fortnight", 11, "every must be day, month, year"),
    "no days": ("30 days", "0 days", 11, "every must be day, month, year"),
    "a number of nothing": ("30 days", "30", 11, "every must be text"),
    "a trial of years": ("trial_days: 14", "trial_days: 731", 12, "trial_days must be a whole number from 0 to 730"),
    "features that are no list": ("[Nothing]", "Nothing", 13, "features must be a list"),
    "a feature that is a number": ("[Nothing]", "\n      - Much\n      - 24", 15, "feature must be text"),
    "no default": ("    default: true\n", "", 2, "one of the plans must be the default"),
    "a default that is none": ("default: true", "default: false", 2, "one of the plans must be the default"),
    "two defaults": ("every: 30 days", "default: true", 11, "line 5 has it"),
    "a default in words": ("default: true", "default: perhaps", 5, "default must be true or false"),
    "a key twice": ("every: 30 days", "price: 600", 11, "price is written twice, first in line 10"),
    "a limit twice": ("operations/month", "tokens/day", 16, "tokens/day is written twice, first in line 15"),
    "a plan that is only a word": (
        "  - slug: two",
        "  - three\n  - slug: two",
        8,
        "plan must be made of keys and values",
    ),
    "a soft limit that is billed": ("overage_price: 8", "overage_price: 8, soft: true", 16, "it has no overage_price"),
    "a soft limit in words": ("soft: true", "soft: softly", 17, "soft must be true or false"),
    "a soft limit that rolls over": ("soft: true", "soft: true, rolls_over: 5", 17, "nothing of it rolls over"),
    "a negative rest": ("rolls_over: 5", "rolls_over: -5", 18, "rolls_over must be a whole number"),
    "a lifetime that rolls over": ("messages/month", "messages/lifetime", 18, "after a lifetime nothing comes"),
    "no request a minute": ("requests_per_minute: 60", "requests_per_minute: 0", 19, "must be a whole number from 1"),
    "too many requests": ("requests_per_minute: 60", "requests_per_minute: 2147483648", 19, "from 1 to 2147483647"),
    "a pack with an unknown key": ("amount: 1000", "amuont: 1000", 24, "unknown key amuont"),
    "a pack of nothing": ("amount: 1000", "amount: 0", 24, "amount must be a whole number from 1"),
    "a pack without an amount": ("    amount: 1000\n", "", 21, "pack must have the key amount"),
    "a pack for nothing": ("price: 700", "price: 0", 25, "price must be a whole number from 1"),
    "a pack of smiles": ("meter: tokens", "meter: smiles", 23, "meter must be one of tokens, requests"),
    "a pack that lasts no day": ("90 days", "0 days", 26, "lasts must be such as 90 days, and is 0 days"),
    "a pack that lasts months": ("90 days", "3 months", 26, "lasts must be such as 90 days"),
    "a pack twice": (
        "    lasts: 90 days",
        "  - {slug: some, name: A, meter: cost, amount: 1, price: 1}",
        26,
        "the pack some is written twice, first in line 21",
    ),
    "what is no YAML": ("[Nothing]", "[Nothing", 14, "this is not YAML"),
    "a tab": ("    every", "\tevery", 11, "this is not YAML"),
    "a letter that no text has": ("Nothing", "\x07", 13, "this is not YAML"),
}


@pytest.mark.parametrize(("there", "instead", "line", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_its_line(shelf: Path, there: str, instead: str, line: int, said: str) -> None:
    assert GOOD.count(there) == 1

    told = refused(shelf, GOOD.replace(there, instead))

    assert told.startswith(f"ours.yaml, line {line}: ")
    assert said in told


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "line 1: there is nothing in it"),
        ("# Nothing.\n", "line 1: there is nothing in it"),
        ("[]", "line 1: file must be made of keys and values"),
        ("currency: USD\nplans:\n", "line 2: plans must be a list"),
        ("currency: USD\nplans: []\n", "line 2: one of the plans must be the default"),
        ("currency: USD\nplans: 5\n", "line 2: plans must be a list"),
        ("currency: USD\n---\nplans: []\n", "line 2: this is not YAML"),
        (b"currency: USD\nplans: \xff\n", "line 2: this is not UTF-8"),
    ],
)
def test_a_file_that_is_no_catalogue_is_refused(shelf: Path, content: str | bytes, said: str) -> None:
    assert said in refused(shelf, content)


@pytest.mark.parametrize("name", ["", "nowhere", "../models", "default.yaml"])
def test_an_unknown_catalogue_names_those_there_are(name: str) -> None:
    with pytest.raises(InvalidCatalogue, match=r"there are: .*default"):
        catalogue_files.read(name)
