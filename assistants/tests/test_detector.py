"""What is a decision and what only looks like one; and how long a text full of either takes."""

from __future__ import annotations

import time

import pytest

from assistants.coaching import measuring, steps
from assistants.coaching.detector import detect
from assistants.coaching.templates import named

TASKS = [{"key": task.key, "title": task.title, "done": False} for task in named("premium-community").tasks]


def found(text: str, before: str = "") -> list[tuple[str, str]]:
    return [(decided.category, decided.confidence) for decided in detect(text, before=before).decisions]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I've decided to charge $39 a month.", [("pricing", "high")]),
        ("We're going with Circle.", [("platform", "high")]),
        ("We'll open the doors on March 3rd.", [("timeline", "medium")]),
        ("I'll publish two videos a week.", [("content", "medium")]),
        ("There will be three tiers.", [("structure", "medium")]),
        ("I'm leaning towards Discord.", [("platform", "low")]),
        ("Make it 29 and be done with it.", [("pricing", "high")]),
        ("29 a month, final answer", [("pricing", "high")]),
        ("Circle it is.", [("platform", "high")]),
        ("I'm building it on Nowherely.", [("platform", "medium")]),
        ("The launch is set for May 12.", [("timeline", "medium")]),
        ("No tiers. One membership for all.", [("structure", "medium")]),
        ("Audio lessons, ten minutes each.", [("content", "medium")]),
    ],
)
def test_a_commitment_is_a_decision(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Should I charge $39 a month?",
        "I haven't decided on a price.",
        "If I launched on Discord, I'd charge $10.",
        "Last year I was going to launch on Kajabi.",
        "My friend decided to charge $39 a month.",
        "He said “we are going with Circle, that's final” and left.",
        "I'll think about the price.",
        "I need to pick a platform soon.",
        "Half of them want Discord, the other half want Slack.",
        "Not Slack, that's for sure.",
        "I make $300 a month from Patreon right now.",
        "My exams start on May 3rd.",
        "Circle looks nice",
    ],
)
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert [confidence for _, confidence in found(text) if confidence != "low"] == []


@pytest.mark.parametrize(
    ("before", "text", "expected"),
    [
        ("Should the trial be 7 or 14 days?", "14", ["pricing"]),
        ("Circle or Discord?", "the former", ["platform"]),
        ("I would open on May 20th.", "fine by me", ["timeline"]),
        ("What would you like to teach first?", "knife skills", ["content"]),
        ("Shall we open on May 20th?", "let me sleep on it", []),
        ("Would you like a list of platforms?", "yes please", []),
        ("How often do you post videos now?", "twice a week", []),
    ],
)
def test_an_answer_decides_what_was_asked_or_proposed(before: str, text: str, expected: list[str]) -> None:
    assert [category for category, _ in found(text, before)] == expected


def test_of_two_prices_in_one_message_the_later_one_counts() -> None:
    [decided] = detect("I've decided on $19. No, I've decided on $29 since it is worth it.").decisions

    assert "$29" in decided.text
    assert decided.rationale == "since it is worth it"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("I've finished interviewing ten followers!", ["interview-followers"]),
        ("The sales page is written and live.", ["write-sales-page"]),
        ("I have not finished the sales page.", []),
        ("When the sales page is finished I will tell you.", []),
        ("Is the sales page done?", []),
        ("All tasks are done.", []),
        ("Mark the sales page as done.", []),
    ],
)
def test_tasks_are_done_when_the_creator_says_so(text: str, keys: list[str]) -> None:
    assert list(detect(text, tasks=TASKS).done) == keys


def test_next_steps_are_read_from_a_reply() -> None:
    assert steps.of("Good.\n\n**Next step:** write the page today.") == ["write the page today."]
    assert steps.of("Next steps:\n\n1. Write it.\n2. Send it.\n\nBye") == ["Write it.", "Send it."]
    assert steps.of("Nothing of the kind.") == []


@pytest.mark.parametrize(
    "piece",
    [
        "I've decided ",
        "launch ",
        "a",
        "\"'",
        " ,;—",
        "I will going to ",
        "$1 a month ",
        "if ",
        "\n> ",
        "…?! ",
        "'a",
        "``",
    ],
)
def test_hostile_text_takes_no_longer(piece: str) -> None:
    text = (piece * 100_000)[:100_000]
    begun = time.perf_counter()

    detect(text, before=text, tasks=TASKS)

    assert time.perf_counter() - begun < 0.3  # A tenth of that where nobody else is at work.


def test_clauses_without_end_take_no_longer() -> None:
    text = (("ok;" * 166 + ". ") * 16)[:8000]
    begun = time.process_time()

    detect(text, before="We could? " * 70)

    assert time.process_time() - begun < 0.1


def test_the_figures_hold() -> None:
    """On sentences that nobody looked at to tune it, and well above plain keywords."""
    _, held_out = measuring.halves(measuring.sentences())
    ours = measuring.measure(measuring.detected, held_out)["all"]
    plain = measuring.measure(measuring.keywords, held_out)["all"]

    assert ours.precision >= 0.68
    assert ours.recall >= 0.65
    assert ours.precision > plain.precision
    assert ours.recall > 2 * plain.recall
