"""What the moderator refuses is neither asked of a model nor kept, on any road."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.utils.timezone import now
from pytest_django import Settings

from accounts.callers import Caller
from accounts.tests.factories import Person
from assistants import moderation
from assistants.coaching import profiles
from assistants.errors import ContentRefused
from assistants.models import Message
from assistants.moderation import Refusal
from assistants.tests.coached import path_of, project_of
from assistants.tests.roads import CHAT, CONVERSATION, MESSAGES, Road
from assistants.tests.standin.client import StandIn
from config.tests.product import Product, started
from conftest import UNHURRIED, Run
from quotas.models import Reservation

LIST = "# What may not be said\nplutonium\n\nsecret sauce\n"
SHAPES = [
    (CONVERSATION, 422, ["code"], "content_refused"),
    (MESSAGES, 400, ["error", "type"], "invalid_request_error"),
    (CHAT, 400, ["error", "code"], "content_policy_violation"),
]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("moderation") / "words.txt"
    path.write_text(LIST)
    return path


@pytest.fixture(scope="module")
def strict(database: None, standin: StandIn, words: Path) -> Iterator[Product]:
    """The product with a list of words."""
    environment = {
        **UNHURRIED,
        "ANTHROPIC_API_KEY": "sk-standin",
        "ANTHROPIC_BASE_URL": standin.url,
        "MODERATION": "assistants.word_list.moderate",
        "MODERATION_WORDS": str(words),
    }
    with started(environment) as running:
        yield running


def say(product: Product, road: Road, person: Person, text: str) -> httpx2.Response:
    body = road.body(text, max_tokens=20, stream=False)
    return product.http.post(road.path(person), headers=person.headers, json=body)


@pytest.mark.parametrize(("road", "status", "place", "code"), SHAPES, ids=lambda value: str(value))
def test_what_is_refused_is_neither_asked_nor_kept(
    strict: Product, standin: StandIn, alice: Person, road: Road, status: int, place: list[str], code: str
) -> None:
    tag = uuid.uuid4().hex

    answer = say(strict, road, alice, f"Where is the PLUTONIUM? [[tag={tag}]]")

    found: Any = answer.json()
    for name in place:
        found = found[name]
    assert (answer.status_code, found) == (status, code)
    assert not standin.bill(tag)
    assert not Reservation.objects.filter(workspace=alice.workspace).exists()
    assert not Message.objects.filter(user=alice.user).exists()


def test_what_is_not_refused_is_answered(strict: Product, alice: Person) -> None:
    assert say(strict, CONVERSATION, alice, "A secret, and a sauce").status_code == 201


@pytest.mark.parametrize(
    "text",
    [
        "a secret\n sauce",
        "Secret-Sauce!",
        "\uff50lutonium",
        "plutonium",
        "_plutonium_",
        "secret_sauce",
        "plu\u200btonium",
        "plu\u00adtonium",
        "plu\u0301tonium",
        "pl\u00fatonium",
    ],
)
def test_words_are_found_whatever_they_look_like(
    run: Run[Any], settings: Settings, alice: Person, words: Path, text: str
) -> None:
    settings.MODERATION, settings.MODERATION_WORDS = "assistants.word_list.moderate", str(words)

    with pytest.raises(ContentRefused):
        run(moderation.check([text], alice.caller))


@pytest.mark.parametrize("text", ["plutoniums", "the sauce is secret", "# What may not be said", ""])
def test_other_words_pass(run: Run[Any], settings: Settings, alice: Person, words: Path, text: str) -> None:
    settings.MODERATION, settings.MODERATION_WORDS = "assistants.word_list.moderate", str(words)

    run(moderation.check([text], alice.caller))


async def cautious(texts: Sequence[str], caller: Caller) -> Refusal | None:
    return Refusal(f"{caller} said {len(texts)} things.")


def test_a_moderator_of_one_s_own_knows_who_says_what(run: Run[Any], settings: Settings, alice: Person) -> None:
    settings.MODERATION = f"{__name__}.cautious"

    with pytest.raises(ContentRefused, match=f"{alice.user.email} said 2 things."):
        run(moderation.check(["One", "Two"], alice.caller))


def test_a_fact_of_a_project_is_looked_at_as_it_was_written(strict: Product, alice: Person) -> None:
    profiles.put(alice.user.pk, niche="Energy\nplutonium", at=now())

    asked: Any = {"headers": alice.headers, "json": {"text": "What next?"}}
    answer = strict.http.post(f"{path_of(project_of(alice))}/chat", **asked)

    assert (answer.status_code, answer.json()["code"]) == (422, "content_refused")


def test_everything_that_people_wrote_is_looked_at() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "file"}
    document = {"type": "document", "source": source, "title": "title", "context": "context"}
    scan = {"type": "document", "source": {"type": "base64", "data": "…"}, "title": "scan"}
    search = {
        "type": "search_result",
        "source": "where",
        "title": "hit",
        "content": [{"type": "text", "text": "found"}],
    }
    called = {"type": "tool_use", "id": "1", "name": "call", "input": {"key": ["value"], "type": "image"}}
    result = {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "tool"}]}
    body = {
        "system": [{"type": "text", "text": "system"}],
        "messages": [
            {"role": "user", "content": "question"},
            {"role": "assistant", "content": "answer"},
            {
                "role": "user",
                "content": [document, scan, search, called, result, {"type": "image", "source": {"data": "…"}}],
            },
        ],
        "tools": [{"description": "tools"}],
        "output_config": {"format": "shape"},
    }

    told = "system question file title context scan where hit found call key value type image tool description tools"
    assert list(moderation.said_in(body, {"niche": "a\nfact"})) == [
        "niche",
        "a\nfact",
        *told.split(),
        "format",
        "shape",
    ]
