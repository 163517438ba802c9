"""How the stand-in counts tokens: a rule of its own that can be checked by hand.

Text falls into runs: of letters, of digits, of other signs. White space belongs to the run after it and is free.
- a run in WORDS is one token (however long it is);
- a run in LONG_WORDS is two: its first four letters, and the rest;
- any other run is cut every four characters, and each piece is a token.

So a text cut between two tokens counts exactly the tokens before the cut, and an answer passed back as input counts
what it counted as output. That needs one thing of the words: a run's first four or eight letters must count one or
two tokens whether or not they happen to be a word (`test_standin.py` checks it).
"""

import re
from collections.abc import Iterator
from random import Random

ONE_TOKEN = """
    a about after again all also an and any are around as ask at away back be been before begin best better big both
    bring build but buy by call can case check clear close cost daily day deal does done down each early easy end
    enough even every fact fair far fast few find first five for form found four free from full get give go goal
    good great grow had half hand hard has have help here high hold home how idea if in into is it its just keep
    kind know large last late launch lead learn least left less let like line list little live local long look lot
    low made main make many market may mean media might money month more most move much must name near need never
    new next no not note now of offer often old on once one only open or order other our out over own part path pay
    people place plan point post price put quick rate reach ready real reason right run sale same save say second
    see sell send set share short should show side simple since small so some soon start step still stop story such
    take talk team tell test than that the their them then there these they thing think this time to today too top
    track trade trust try turn two under until up us use user value very wait want was way we week well were what
    when where which while who why will win with word work world would year yes yet you your
"""
TWO_TOKENS = """
    analysis audience business calendar campaign channels community competitor conversion creators customer
    customers decision document estimate evidence feedback followers framework increase industry insights interview
    knowledge managers marketing milestone objective operation platform position practice priority products progress
    question research resource retention revenue schedule services software strategies strategy structure template
    timeline together tomorrow workflow workspace
"""
WORDS = frozenset(ONE_TOKEN.split())
LONG_WORDS = frozenset(TWO_TOKENS.split())

RUN = re.compile(r"\s*(?:[A-Za-z]+|[0-9]+|[^\sA-Za-z0-9]+)")
SHORT = tuple(sorted(WORDS))
ALL = SHORT + tuple(sorted(LONG_WORDS))


def count(text: str) -> int:
    return len(pieces(text))


def pieces(text: str) -> list[str]:
    """The text cut into its tokens; joined, they are the text again."""
    found: list[str] = []
    end = 0
    for run in RUN.finditer(text):
        found += _cut(run.group())
        end = run.end()
    if end < len(text):
        found[-1:] = ["".join(found[-1:]) + text[end:]]
    return found


def _cut(run: str) -> list[str]:
    word = run.lstrip()
    if word.lower() in WORDS:
        return [run]
    step = len(word) if word.lower() in LONG_WORDS else 4
    white = run[: len(run) - len(word)]
    return [white + word[:4], *(word[at : at + step] for at in range(4, len(word), step))]


def compose(tokens: int, chance: Random, *, opening: str = "") -> list[str]:
    """English-like sentences of exactly so many tokens; the opening is kept whole, even if it has more."""
    written = pieces(opening)
    words = 0
    while len(written) < tokens:
        left = tokens - len(written)
        if words and (left == 1 or (words > 6 and chance.random() < 0.2)):
            written.append(".")
            words = 0
            continue
        word = chance.choice(SHORT if left < 3 else ALL)
        word = word if words else word.capitalize()
        written += _cut(f" {word}" if written else word)
        words += 1
    return written


def in_events(written: list[str], chance: Random) -> Iterator[list[str]]:
    """The tokens one to four at a time, as they come in deltas."""
    at = 0
    while at < len(written):
        size = chance.randint(1, 4)
        yield written[at : at + size]
        at += size
