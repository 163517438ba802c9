"""What somebody decided and got done, read from what they say. No model is asked, and the same words always give the
same findings.

What is read is data: nothing in it is obeyed. A decision is found where the speaker commits themselves, in the first
person, to something that belongs to a category. A question, a negation, a condition, a plan of the past, somebody
else's decision and a quotation are none. `words.py` are the words, this is the grammar.

Every expression here is bounded or runs over a text once, so that the time grows with the length alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assistants.coaching import doing, words
from assistants.models import Decision

Category = Decision.Category
Confidence = Decision.Confidence

READ = 20_000
"""Characters of what was said that are read."""
LONGEST = 500
"""Characters of a decision that are kept."""

SENTENCE = re.compile(r"(?<=[.!?])[\"\u201d)]?\s|\n")
CLAUSE = re.compile(r"(?i)\s(?:;|[\u2014\u2013-]{1,2})\s|;|\u2014|,?\s(?:but|however|although|so now)\b,?")
QUOTED = re.compile(r"\"[^\"\n]*\"|\u201c[^\u201d\n]*\u201d|(?<!\w)'[^'\n]*'(?!\w)|`[^`\n]*`")
NAME_WORDS = 4
"""What stands between quotation marks and is no longer than this is a name."""
RATIONALE = re.compile(
    r"(?i)\b(?:because|since(?! (?:then|\d))|so that|so (?=i |we |people|members|it |they|that )|"
    r"given that|given (?=how|my|our|the)|"
    r"due to|in order to|as (?=it|that|most|i |we |my|our|they)|for the sake of|to (?=avoid|keep|"
    r"make sure|give|save|reduce))"
)
GOES_ON = re.compile(r"(?i)\s*(?:because|that way|this way|since|the reason|it's because|that's because|reason)\b")


@dataclass(frozen=True)
class Decided:
    """`text` and `rationale` are the speaker's words, cut to a length."""

    category: str
    text: str
    rationale: str
    confidence: str


@dataclass(frozen=True)
class Findings:
    """`done` are the keys of tasks."""

    decisions: tuple[Decided, ...]
    done: tuple[str, ...]


def detect(said: str, *, before: str = "", tasks: Iterable[Mapping[str, Any]] = ()) -> Findings:
    """`before` is the reply that it answers, `tasks` those of the plan; of these only open ones can be finished."""
    sentences = _sentences(said[:READ])
    found: dict[str, Decided] = {}
    for number, sentence in enumerate(sentences):
        following = sentences[number + 1] if number + 1 < len(sentences) else ""
        for decided in _decided_in(sentence, following, before):
            former = found.get(decided.category)
            # Of two in one message the surer one counts, and of two as sure the later one.
            if former is None or _rank(decided) >= _rank(former):
                found[decided.category] = decided
    return Findings(tuple(found.values()), tuple(doing.done(sentences, tasks)))


def _rank(decided: Decided) -> int:
    return [Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH].index(Confidence(decided.confidence))


def _sentences(text: str) -> list[str]:
    """Without what is pasted as another's: lines that begin with `>` or name a speaker, and blocks of code."""
    lines: list[str] = []
    in_code = False
    for line in text.replace("\u2019", "'").splitlines():
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not (in_code or words.ANOTHERS_LINE.match(line)):
            lines.append(line)
    return [part.strip() for part in SENTENCE.split("\n".join(lines)) if part and part.strip()]


def _decided_in(sentence: str, following: str, before: str) -> list[Decided]:
    plain = QUOTED.sub(_without_quotation, sentence)
    if words.QUESTION.search(plain) or words.REPORTED.search(plain):
        return []
    for clause in reversed(CLAUSE.split(plain)):
        confidence = _commitment(clause, before)
        if confidence is None:
            continue
        categories = _categories(clause, plain, before)
        if categories:
            text = sentence[:LONGEST]
            why = _rationale(sentence, following)
            return [Decided(str(category), text, why, str(confidence)) for category in categories]
    return []


def _without_quotation(quoted: re.Match[str]) -> str:
    inside = quoted[0][1:-1]
    return inside if len(inside.split()) <= NAME_WORDS else " "


def _commitment(clause: str, before: str) -> Confidence | None:
    """How sure the speaker is; None where they commit themselves to nothing."""
    if words.NO_COMMITMENT.search(clause):
        return None
    confidence = None
    if words.FIRM.search(clause):
        confidence = Confidence.HIGH
    elif words.INTENT.search(clause) or (before and (words.AGREEMENT.match(clause) or _answers(clause, before))):
        confidence = Confidence.MEDIUM
    elif words.LEANING.search(clause):
        return Confidence.LOW
    if confidence and (words.HEDGE.search(clause) or words.CONDITION.search(clause)):
        return Confidence.LOW
    return confidence


def _answers(clause: str, before: str) -> bool:
    """A few words, to a reply that ended in a question, are its answer."""
    return before.rstrip().endswith("?") and len(clause.split()) <= words.SHORT and bool(words.score(clause))


def _categories(clause: str, sentence: str, before: str) -> list[str]:
    """What the clause is about, else its sentence, else what it answers to."""
    main = RATIONALE.split(clause, maxsplit=1)[0]
    for text in (main, clause, sentence):
        scores = words.score(text)
        if scores:
            best = max(scores.values())
            strong = [category for category, score in scores.items() if score >= words.STRONG and score >= best - 1]
            return strong or [max(scores, key=lambda category: scores[category])]
    proposed = words.score(_proposal(before)) if words.REFERS.search(clause) else {}
    return [max(proposed, key=lambda category: proposed[category])] if proposed else []


def _proposal(before: str) -> str:
    """The last sentence of a reply that proposes or asks something."""
    sentences = [part.strip() for part in SENTENCE.split(before[-4000:]) if part and part.strip()]
    proposing = [part for part in sentences if words.PROPOSES.search(part) or part.endswith("?")]
    scored = [part for part in proposing if words.score(part)]
    return scored[-1] if scored else ""


def _rationale(sentence: str, following: str) -> str:
    found = RATIONALE.search(sentence)
    if found:
        return sentence[found.start() :].strip(" .!")[:LONGEST]
    return following.strip(" .!")[:LONGEST] if GOES_ON.match(following) else ""
