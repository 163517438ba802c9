"""How good the detector is, by sentences that people who had not seen it wrote and labelled.

Of each category the sentences at even places are for tuning. Those at odd places are held out: they are measured on,
and not read by who changes the detector. Sentences for practice are written by who changes it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from assistants.coaching.detector import detect
from assistants.models import Decision

FILE = Path(__file__).parent / "sentences.yaml"
PRACTICE = Path(__file__).parent / "practice.yaml"
NONE = "none"
CATEGORIES = [str(category) for category in Decision.Category]


@dataclass(frozen=True)
class Sentence:
    """`category` is that of the one decision in it, or `none`; `before` the reply that it answers."""

    text: str
    category: str
    before: str = ""


Finder = Callable[[Sentence], set[str]]


@dataclass
class Figures:
    """Found and right, found and wrong, not found."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    def add(self, other: Figures) -> Figures:
        return Figures(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)


def sentences(file: Path = FILE) -> list[Sentence]:
    return [Sentence(**written) for written in yaml.safe_load(file.read_text())]


def halves(every: Iterable[Sentence]) -> tuple[list[Sentence], list[Sentence]]:
    """For tuning, and held out."""
    seen: dict[str, int] = defaultdict(int)
    tuned: list[Sentence] = []
    held_out: list[Sentence] = []
    for sentence in every:
        (held_out if seen[sentence.category] % 2 else tuned).append(sentence)
        seen[sentence.category] += 1
    return tuned, held_out


def measure(find: Finder, over: Iterable[Sentence]) -> dict[str, Figures]:
    """By category, and `all` of them together."""
    figures = {category: Figures() for category in CATEGORIES}
    for sentence in over:
        found = find(sentence)
        for category, counted in figures.items():
            counted.right += category in found and category == sentence.category
            counted.wrong += category in found and category != sentence.category
            counted.missed += category not in found and category == sentence.category
    together = Figures()
    for counted in figures.values():
        together = together.add(counted)
    return figures | {"all": together}


def detected(sentence: Sentence) -> set[str]:
    """What would be recorded: decisions that it is not sure of are only suggested."""
    found = detect(sentence.text, before=sentence.before).decisions
    return {decided.category for decided in found if decided.confidence != Decision.Confidence.LOW}


# ---- What it is compared with ----

DECIDING = re.compile(
    r"(?i)\b(?:decid\w+|decision|go(?:ing)? with|went with|let's|i'll|we'll|i will|we will|i'm going to|"
    r"we're going to|"
    r"cho(?:se|sen|ose)|pick\w*|settled|final|agreed|yes)\b"
)
KEYWORDS = {
    "pricing": r"[$€£]|\b(?:price|prices|pricing|charge|cost|costs|fee|discount|free|trial|refund|dollars)\b",
    "platform": r"\b(?:platform|discord|circle|skool|slack|patreon|substack|youtube|instagram|tiktok|facebook|telegram|"
    r"whatsapp|website|app|host|tool|software)\b",
    "structure": r"\b(?:tiers?|levels?|channels?|cohorts?|modules?|structure|format|groups?|roles?|moderators?)\b",
    "timeline": r"\b(?:launch|date|deadline|week|weeks|month|months|days|january|february|march|april|may|june|july|"
    r"august|september|october|november|december|spring|summer|autumn|winter|monday|schedule|timeline)\b",
    "content": r"\b(?:content|posts?|videos?|topics?|podcast|newsletter|episodes?|articles?|lessons?|tutorials?)\b",
}


def keywords(sentence: Sentence) -> set[str]:
    """A plain one: a word of deciding, and the category most of whose words are there. The reply before is read too
    where the sentence itself names nothing."""
    if not DECIDING.search(sentence.text) or sentence.text.rstrip().endswith("?"):
        return set()
    for text in (sentence.text, sentence.before):
        counts = {name: len(re.findall(f"(?i){pattern}", text)) for name, pattern in KEYWORDS.items()}
        if any(counts.values()):
            return {max(counts, key=lambda name: counts[name])}
    return set()


def table() -> Iterator[str]:
    """Precision and recall in per cent of the detector and of plain keywords."""
    every = sentences()
    tuned, held_out = halves(every)
    practice = sentences(PRACTICE)
    for finder, name in ((detected, "detector"), (keywords, "keywords")):
        parts = [measure(finder, part) for part in (tuned, practice, held_out, every)]
        yield f"{name:<12}{'tuned on':>16}{'practice':>16}{'held out':>16}{'all':>16}"
        for category in parts[0]:
            cells = "".join(
                f"{part[category].precision * 100:>9.0f} /{part[category].recall * 100:>4.0f}" for part in parts
            )
            yield f"{category:<12}{cells}"
        yield ""
    yield f"{len(every)} sentences, {len(held_out)} of them held out; {len(practice)} for practice, not among all;"
    yield "precision / recall in per cent of what would be recorded"
