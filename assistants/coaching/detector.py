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

READ = 8_000
"""Characters of what was said that are read: as many as a message may have."""
SENTENCES, SENTENCE_LENGTH = 60, 500
"""So many sentences are read, and of each so many characters. People say what they decide in fewer."""
LONGEST = 500
"""Characters of a decision that are kept."""

SENTENCE = re.compile(r"(?<=[.!?])[\"\u201d)]?\s|\n")
CLAUSE = re.compile(
    r"(?i)\s(?:;|[\u2014\u2013-]{1,2})\s|;|\u2014|,\s|,?\s(?:but|however|although)\b,?|\sand\s(?=i\b|i'|we\b|we'|"
    r"it\b|it's|that)"
)
QUOTED = re.compile(r"\"[^\"\n]*\"|\u201c[^\u201d\n]*\u201d|(?<!\w)'[^'\n]*'(?!\w)|`[^`\n]*`")
NAME_WORDS = 4
"""What stands between quotation marks and is no longer than this is a name."""
RATIONALE = re.compile(
    r"(?i)\b(?:because|since(?! (?:then|\d))|so that|so (?=i |we |people|members|it |they|that )|given that|"
    r"given (?=how|my|our|the)|due to|in order to|as (?=it|that|most|i |we |my|our|they)|for the sake of|"
    r"to (?=avoid|keep|make sure|give|save|reduce))"
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
    plain = [QUOTED.sub(_without_quotation, sentence) for sentence in sentences]
    return Findings(tuple(_decided(sentences, plain, before[-READ:])), tuple(doing.done(plain, tasks)))


def _sentences(text: str) -> list[str]:
    """Without what is pasted as another's: lines that begin with `>` or name a speaker, and blocks of code."""
    lines: list[str] = []
    in_code = False
    for line in words.spelt_out(text).splitlines():
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not (in_code or words.ANOTHERS_LINE.match(line)):
            lines.append(line)
    parts = (part.strip()[:SENTENCE_LENGTH] for part in SENTENCE.split("\n".join(lines)))
    return [part for part in parts if part][:SENTENCES]


def _decided(sentences: list[str], plain: list[str], before: str) -> list[Decided]:
    """Of each category the surest, and of two as sure the later one."""
    if any(words.UNDECIDED.search(sentence) for sentence in plain):
        return []
    own = [sentence if _is_own(sentence) else "" for sentence in plain]
    found: dict[str, Decided] = {}
    for number, sentence in enumerate(own):
        confidence = _commitment(sentence, before)
        if confidence is None:
            continue
        at, categories = _about(own, number, before)
        text = sentences[at] if at == number else f"{sentences[at]} {sentences[number]}"
        why = _rationale(sentences[at : number + 2])
        for category in categories:
            former = found.get(category)
            if former is None or _rank(confidence) >= _rank(former.confidence):
                found[category] = Decided(category, text[:LONGEST], why, str(confidence))
    return list(found.values())


def _rank(confidence: str) -> int:
    return [Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH].index(Confidence(confidence))


def _is_own(sentence: str) -> bool:
    """Neither a question nor somebody else's."""
    return not (words.QUESTION.search(sentence) or words.REPORTED.search(sentence))


def _without_quotation(quoted: re.Match[str]) -> str:
    inside = quoted[0][1:-1]
    return inside if len(inside.split()) <= NAME_WORDS else " "


def _commitment(sentence: str, before: str) -> Confidence | None:
    """How sure the speaker is, by the surest of its clauses; None where they commit themselves to nothing."""
    if not sentence or words.IMAGINED.search(sentence):
        return None
    clauses = [clause for clause in CLAUSE.split(sentence) if clause.strip() and not words.NO_COMMITMENT.search(clause)]
    levels = [level for clause in clauses if (level := _level(clause))]
    if not levels and before and clauses and (words.AGREEMENT.match(sentence) or _answers(sentence, before)):
        levels = [Confidence.MEDIUM]
    if not levels:
        return None
    if words.HEDGE.search(sentence) or words.CONDITION.search(sentence):
        return Confidence.LOW
    return max(levels, key=_rank)


def _level(clause: str) -> Confidence | None:
    if words.FIRM.search(clause) or words.FINAL.search(clause):
        return Confidence.HIGH
    if words.INTENT.search(clause) or words.RULE.search(clause) or _is_fragment(clause):
        return Confidence.MEDIUM
    return Confidence.LOW if words.LEANING.search(clause) else None


def _is_fragment(clause: str) -> bool:
    """Such as "Discord, weekly" or "moving it to the 10th"."""
    if words.OPENS.match(clause):
        return True
    short = len(clause.split()) <= words.FRAGMENT_WORDS and not words.NO_FRAGMENT.search(clause)
    return short and max(words.score(clause).values(), default=0) >= words.STRONG


def _answers(sentence: str, before: str) -> bool:
    """A few words, to a reply that ended in a question, are its answer."""
    return before.rstrip().endswith("?") and len(sentence.split()) <= words.SHORT and bool(words.score(sentence))


def _about(own: list[str], number: int, before: str) -> tuple[int, list[str]]:
    """What a sentence decides, and the sentence that names it: itself, else one before it, else what it answers to."""
    for at in range(number, max(-1, number - words.BACK - 1), -1):
        if categories := _categories(own[at]):
            return at, categories
    proposed = words.score(_proposal(before)) if words.REFERS.search(own[number]) else {}
    return number, [max(proposed, key=lambda category: proposed[category])] if proposed else []


def _categories(sentence: str) -> list[str]:
    """Of what speaks for several, those that are named as clearly as the clearest."""
    main = RATIONALE.split(sentence, maxsplit=1)[0]
    scores = words.score(main) or words.score(sentence)
    if not scores:
        return []
    best = max(scores.values())
    strong = [category for category, score in scores.items() if score >= words.STRONG and score == best]
    return strong or [max(scores, key=lambda category: scores[category])]


def _proposal(before: str) -> str:
    """What a reply proposes at its end; empty where it only offers to talk of something, or to show it."""
    sentences = [part.strip() for part in SENTENCE.split(before[-words.LATELY :]) if part and part.strip()]
    if not sentences or words.OFFERS.search(sentences[-1]):
        return ""
    proposing = [part for part in sentences if words.PROPOSES.search(part) or part.endswith("?")]
    return " ".join(sentences[-2:]) if proposing else ""


def _rationale(sentences: list[str]) -> str:
    """After "because" and its like, in the decision or at the beginning of the sentence that follows."""
    *decided, following = sentences if len(sentences) > 1 else [*sentences, ""]
    for sentence in decided:
        if found := RATIONALE.search(sentence):
            return sentence[found.start() :].strip(" .!")[:LONGEST]
    return following.strip(" .!")[:LONGEST] if GOES_ON.match(following) else ""
