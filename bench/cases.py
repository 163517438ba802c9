"""What is measured: the requests, who answers them and how many clients ask at once."""

import json
from dataclasses import dataclass
from typing import Final

from bench.load import Expectation
from bench.upstream import WORD, WORDS

MODEL: Final = "claude-sonnet-5-5"
BARE: Final = "the bare upstream"

PROMPT: Final = {
    "model": MODEL,
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Name forty things that can be measured, please."}],
}
WHOLE_TEXT: Final = Expectation(word=WORD, times=WORDS)


@dataclass(frozen=True)
class Case:
    """One request. A front end brings a person's access token, a script the API key of a workspace."""

    title: str
    path: str
    brings_token: bool
    headers: tuple[str, ...]
    body: str
    expectation: Expectation


@dataclass(frozen=True)
class Crowd:
    """`connections` clients; they share one workspace or have one each."""

    label: str
    connections: int
    workspaces: int


@dataclass(frozen=True)
class Series:
    """One line of the table: a case, answered by `who`, asked by a crowd."""

    who: str
    case: Case
    crowd: Crowd

    @property
    def is_bare(self) -> bool:
        return self.who == BARE


ALONE: Final = Crowd("1", 1, 1)
MANY: Final = Crowd("50", 50, 50)
HOT_ROW: Final = Crowd("50, one workspace", 50, 1)

ANTHROPIC_HEADERS: Final = ("x-api-key: {key}", "anthropic-version: 2023-06-01")
BEARER: Final = ("Authorization: Bearer {key}",)


def body(**changes: object) -> str:
    return json.dumps(PROMPT | changes)


def stream_until(last_line: str) -> Expectation:
    return Expectation(last_line=last_line, word=WORD, times=WORDS)


USAGE: Final = Case("Usage", "/api/v1/quotas/usage", True, BEARER, "", Expectation(word='"token_quota"', times=1))
MESSAGE: Final = Case("Completion", "/v1/messages", False, ANTHROPIC_HEADERS, body(), WHOLE_TEXT)
CHAT: Final = Case("Completion", "/v1/chat/completions", False, BEARER, body(), WHOLE_TEXT)
MESSAGE_STREAM: Final = Case(
    "Stream", "/v1/messages", False, ANTHROPIC_HEADERS, body(stream=True), stream_until("message_stop")
)
CHAT_STREAM: Final = Case(
    "Stream", "/v1/chat/completions", False, BEARER, body(stream=True), stream_until("data: [DONE]")
)


def all_series() -> list[Series]:
    """In the order of the table; a bare line stands before the lines compared with it."""
    series = [Series(f"GET {USAGE.path}", USAGE, crowd) for crowd in (ALONE, MANY, HOT_ROW)]
    for message, chat in ((MESSAGE, CHAT), (MESSAGE_STREAM, CHAT_STREAM)):
        series += [Series(BARE, message, crowd) for crowd in (ALONE, MANY)]
        series += [Series(case.path, case, crowd) for case in (message, chat) for crowd in (ALONE, MANY, HOT_ROW)]
    return series
