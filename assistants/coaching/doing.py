"""Tasks of the plan that somebody says are done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

ENOUGH = 0.6
"""How much of a task's title must be in a sentence that says so."""

DONE = re.compile(
    r"(?i)\b(?:i|we)(?:'ve| have)?(?: (?:just|now|finally|already|also|both|all))* "
    r"(?:finished|completed|wrapped|did|done|wrote|written|set|connected|chose|chosen|interviewed|invited|published|"
    r"built|made|sent|ran|run|held|drew|drawn|fixed|studied|pre-?sold|seeded|collected|named|swapped|opened|reviewed|"
    r"greeted|designed|planned|launched|got|talked|picked|created|put)\b"
    r"|\b(?:is|are|'s) (?:now |all |finally |already )*(?:done|finished|complete|completed|ready|live|up|"
    r"written|published|sent|set up)\b"
    r"|^\W*(?:just |finally |all )*(?:done with|finished|completed|wrapped up|checked off|ticked off)\b"
)
NOT_DONE = re.compile(
    r"(?i)\?\W*$|\b(?:not|n't|never|almost|nearly|half|if|when|once|unless|until|before|after|would|could|"
    r"should|will|"
    r"'ll|going to|want to|need to|have to|hope|plan to|soon|mark|tomorrow|next)\b|n't\b|'ll\b"
)
DONE_WITH = re.compile(r"\b(?:i|we)(?:'m| am|'re| are)(?: now| finally| all| already)? (?:done|finished) with\b")
QUOTE = re.compile('["\u2018\u2019\u201c\u201d`]')
WORD = re.compile(r"[a-z]+")
PLAIN = frozenset(
    """
    a an and are as at be but by did do done first for from get got had has have i in into is it its just me my now of
    on one or our out set so some ten that the their them then there they this three to two five twenty fifty eight
    thirty up us was we were who will with you your every all may
    """.split()
)


def done(sentences: Sequence[str], plain: Iterable[str], tasks: Iterable[Mapping[str, Any]]) -> list[str]:
    """The keys of open tasks that these sentences say are done, in the order of the plan.

    `plain` are the same without what they quote.
    """
    open_tasks = {task["key"]: task["title"] for task in tasks if not (task["done"] or task.get("left_out"))}
    stems = {key: _stems(title) for key, title in open_tasks.items()}
    said = [_stems(sentence) for sentence in plain if DONE.search(sentence) and not NOT_DONE.search(sentence)]
    finished = {key for words in said for key in _closest(words, stems)}
    finished |= {key for key, title in open_tasks.items() if _is_quoted_as_done(title, sentences)}
    return [key for key in open_tasks if key in finished]


def _is_quoted_as_done(title: str, sentences: Iterable[str]) -> bool:
    """Word for word between quotation marks, so that no word of the title itself says anything."""
    named = f"'{_evenly_quoted(title)}'"
    said = map(_evenly_quoted, sentences)
    around = [sentence.replace(named, "it") for sentence in said if named in sentence]
    return any((DONE.search(rest) or DONE_WITH.search(rest)) and not NOT_DONE.search(rest) for rest in around)


def _evenly_quoted(text: str) -> str:
    return QUOTE.sub("'", text.lower())


def _closest(said: frozenset[str], titles: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """The task that the sentence names best, if it names one well enough."""
    shares = {key: len(said & title) / len(title) for key, title in titles.items() if len(said & title) >= 2}
    best = max(shares.values(), default=0.0)
    if best >= ENOUGH:
        yield from [key for key, share in shares.items() if share == best][:1]


def _stems(text: str) -> frozenset[str]:
    return frozenset(_stem(word) for word in WORD.findall(text.lower()) if word not in PLAIN)


IRREGULAR = {
    "wrote": "write",
    "written": "write",
    "chose": "choose",
    "chosen": "choose",
    "drew": "draw",
    "drawn": "draw",
    "ran": "run",
    "built": "build",
    "sold": "sell",
    "presold": "sell",
}


def _stem(word: str) -> str:
    """Enough of one that `interviewed` and `interviews` are the same; irregular verbs by name."""
    word = IRREGULAR.get(word, word)
    for ending in ("ings", "ing", "ies", "ied", "ed", "es", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: len(word) - len(ending)]
    return word
