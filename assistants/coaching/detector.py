"""What somebody decided and got done, read from what they say. No model is asked, and the same words always give the
same findings.

What is read is data: nothing in it is obeyed. A decision is found where the speaker commits themselves, in the first
person, to something that belongs to a category. A question, a negation, a condition, a plan of the past, somebody
else's decision and a quotation are none. `grammar.py` knows a commitment and what takes it back, `words.py` what it is
about; this puts them together.

Every expression here is bounded or runs over a text once, so that the time grows with the length alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from assistants.coaching import doing, grammar, words
from assistants.models import Decision

Category = Decision.Category
Confidence = Decision.Confidence

READ = 8_000
"""Characters of what was said that are read: as many as a message may have."""
SENTENCES, SENTENCE_LENGTH = 60, 500
"""So many sentences are read, and of each so many characters. People say what they decide in fewer."""
CLAUSES = 12
"""So many clauses of a sentence are read."""
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
    return Findings(tuple(_decided(sentences, plain, before[-READ:])), tuple(doing.done(sentences, plain, tasks)))


def _sentences(text: str) -> list[str]:
    """Without what is pasted as another's: lines that begin with `>` or name a speaker, and blocks of code."""
    lines: list[str] = []
    in_code = False
    for line in words.spelt_out(text).splitlines():
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not (in_code or grammar.ANOTHERS_LINE.match(line)):
            lines.append(line)
    parts = (part.strip()[:SENTENCE_LENGTH] for part in SENTENCE.split("\n".join(lines)))
    return [part for part in parts if part][:SENTENCES]


def _decided(sentences: list[str], plain: list[str], before: str) -> list[Decided]:
    """Of each category the surest, and of two as sure the later one."""
    if any(grammar.UNDECIDED.search(sentence) for sentence in plain):
        return []
    own = [_own_clauses(sentence) for sentence in plain]
    proposal = _proposal(before)
    # A few words to a question of how things are, or whether to go on, tell a fact.
    elliptic = bool(proposal) or not before.rstrip().endswith("?")
    # Each is asked for again and again, and tells the same.
    category_of = cache(lambda at: _category(own[at]))
    proposed = cache(lambda: _best(words.score(proposal)))
    found: dict[str, Decided] = {}
    for number, clauses in enumerate(own):
        answer = bool(clauses) and _answers(plain[number], proposal)
        confidence = _commitment(plain[number], clauses, answer=answer, elliptic=elliptic)
        if confidence is None:
            continue
        at = _about(number, category_of)
        takes_up = not category_of(at) and (answer or _refers(clauses))
        category = proposed() if takes_up else category_of(at)
        if confidence == Confidence.MEDIUM and not answer and _is_only_when(clauses, category):
            confidence = Confidence.LOW
        text = sentences[at] if at == number else f"{sentences[at]} {sentences[number]}"
        why = _rationale(sentences[at : number + 2])
        former = found.get(category)
        if category and (former is None or _rank(confidence) >= _rank(former.confidence)):
            found[category] = Decided(category, text[:LONGEST], why, str(confidence))
    return list(found.values())


def _rank(confidence: str) -> int:
    return [Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH].index(Confidence(confidence))


def _without_quotation(quoted: re.Match[str]) -> str:
    inside = quoted[0][1:-1]
    return inside if len(inside.split()) <= NAME_WORDS else " "


def _own_clauses(sentence: str) -> list[str]:
    """Those that the speaker says for themselves and of now; none of a question, a report or what is imagined."""
    if any(pattern.search(sentence) for pattern in grammar.NOT_THEIRS):
        return []
    parts = [part for part in CLAUSE.split(sentence) if part.strip()][:CLAUSES]
    return [part for part in parts if not grammar.NO_COMMITMENT.search(part)]


def _commitment(sentence: str, clauses: list[str], *, answer: bool, elliptic: bool) -> Confidence | None:
    """How sure the speaker is, by the surest of its clauses; None where they commit themselves to nothing."""
    levels = [level for clause in clauses if (level := _level(clause, elliptic=elliptic))]
    if answer:
        levels.append(Confidence.MEDIUM)
    if not levels:
        return None
    if grammar.HEDGE.search(sentence) or grammar.CONDITION.search(sentence):
        return Confidence.LOW
    return max(levels, key=_rank)


def _level(clause: str, *, elliptic: bool) -> Confidence | None:
    if grammar.FIRM.search(clause) or grammar.FINAL.search(clause):
        return Confidence.HIGH
    if any(form.search(clause) for form in grammar.FORMS) or _got(clause) or (elliptic and _is_fragment(clause)):
        return Confidence.MEDIUM
    return Confidence.LOW if grammar.LEANING.search(clause) else None


def _got(clause: str) -> bool:
    """Who has bought, signed or set up something has chosen it; what it cost them is no price of theirs."""
    return bool(grammar.GOT_IT.search(clause)) and _best(words.score(clause)) not in (
        Category.PRICING,
        Category.CONTENT,
    )


def _is_fragment(clause: str) -> bool:
    """Such as "Discord, weekly" or "moving it to the 10th"."""
    if grammar.OPENS.match(clause):
        return True
    if len(clause.split()) > grammar.FRAGMENT_WORDS or grammar.NO_FRAGMENT.search(clause):
        return False
    return bool(words.score(clause)) and words.share_known(clause) > grammar.FRAGMENT_SHARE


def _answers(sentence: str, proposal: str) -> bool:
    """A few words, to what was asked or proposed, that neither refuse nor put it off."""
    if not proposal or len(sentence.split()) > grammar.SHORT or grammar.REFUSED.search(sentence):
        return False
    if grammar.AGREEMENT.match(sentence) or words.share_known(sentence) > grammar.FRAGMENT_SHARE:
        return True
    is_open = len(sentence.split()) <= grammar.OPEN_ANSWER and not grammar.NO_FRAGMENT.search(sentence)
    return is_open and bool(grammar.ASKS_FOR_CHOICE.search(proposal))


def _refers(clauses: list[str]) -> bool:
    return any(grammar.REFERS.search(clause) for clause in clauses)


def _about(number: int, category_of: Callable[[int], str]) -> int:
    """The sentence that names what one decides: itself, else one before it; itself again where none does."""
    return next((at for at in range(number, max(-1, number - grammar.BACK - 1), -1) if category_of(at)), number)


def _category(clauses: list[str]) -> str:
    """The one that these are about most, if there is any; what only gives the reason counts where nothing else does."""
    whole = " ".join(clauses)
    main = RATIONALE.split(whole, maxsplit=1)[0]
    return _best(words.score(main) or (words.score(whole) if main != whole else {}))


def _is_only_when(clauses: list[str], category: str) -> bool:
    """Somebody will do something on a day, and what it is says nothing of the project. A day alone is an answer."""
    if category != Category.TIMELINE or any(_is_fragment(clause) for clause in clauses):
        return False
    return words.score(" ".join(clauses)).get(Category.TIMELINE, words.STRONG) < words.STRONG


def _best(scores: Mapping[str, int]) -> str:
    """Of two that are as clear, the one that stands first in `words.TOPICS`; empty where there is none."""
    return max(scores, key=lambda category: scores[category], default="")


def _proposal(before: str) -> str:
    """What a reply proposes at its end; empty where it only offers to talk of something, or to show it."""
    sentences = [part.strip() for part in SENTENCE.split(before[-grammar.LATELY :]) if part and part.strip()]
    if not sentences or grammar.OFFERS.search(sentences[-1]) or grammar.ASKS_FACTS.search(sentences[-1]):
        return ""
    proposing = [part for part in sentences if grammar.PROPOSES.search(part) or part.endswith("?")]
    return " ".join(sentences[-2:]) if proposing else ""


def _rationale(sentences: list[str]) -> str:
    """After "because" and its like, in the decision or at the beginning of the sentence that follows."""
    *decided, following = sentences if len(sentences) > 1 else [*sentences, ""]
    for sentence in decided:
        if found := RATIONALE.search(sentence):
            return sentence[found.start() :].strip(" .!")[:LONGEST]
    return following.strip(" .!")[:LONGEST] if GOES_ON.match(following) else ""
