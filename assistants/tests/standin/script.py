"""What a call is told to do: the directives in the last user message (listed in this package's docstring)."""

import re
from dataclasses import dataclass, fields
from typing import Literal, Self, cast, get_args

GROUP = re.compile(r"\[\[\s*([a-z_0-9]+=.*?)\s*\]\]", re.DOTALL)

Break = Literal["error", "cut", "reset", "garbage", "silence", "hang"]


class ScriptError(ValueError):
    """A directive that the stand-in does not know, or a value it cannot use."""


@dataclass(frozen=True)
class Script:
    tokens: int = -1
    gap: int = 0
    first: int = 0
    seed: int = 0
    say: str = ""
    thinking: int = 20
    tool: str = ""
    stop: str = ""
    tag: str = ""
    status: int = 0
    retry_after: int = 0
    break_: str = ""
    after: int = 1
    times: int = 0
    on: str = ""
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    over: int = 0
    unreported: int = 0

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises `ScriptError`."""
        told: dict[str, str | int] = {}
        for group in GROUP.findall(text):
            for name, value in _pairs(group):
                field = "break_" if name == "break" else name
                told[field] = _value(cls, field, value)
        script = cls(**told)  # type: ignore[arg-type]  # _value looked at each field's type
        script._check()
        return script

    def _check(self) -> None:
        if self.break_ and self.break_ not in get_args(Break):
            raise ScriptError(f"break={self.break_}")
        if self.times and not self.tag:
            raise ScriptError("times needs a tag")

    def fails(self, *, model: str, ordinal: int) -> bool:
        """Whether the failure asked for, if any, is for this call: the n-th bearing its tag."""
        return (not self.times or ordinal <= self.times) and self.on in ("", model)

    def broken_by(self) -> Break | None:
        return cast(Break, self.break_) if self.break_ else None


def without_directives(text: str) -> str:
    return GROUP.sub("", text).strip()


def _pairs(group: str) -> list[tuple[str, str]]:
    before, say, exact = group.partition("say=")
    parts = [part.partition("=") for part in before.split()]
    pairs = [(name, value) for name, _, value in parts]
    return [*pairs, ("say", exact)] if say else pairs


def _value(script: type[Script], name: str, value: str) -> str | int:
    usual = {field.name: field.default for field in fields(script)}
    if name not in usual:
        raise ScriptError(f"unknown directive {name}")
    try:
        return int(value) if isinstance(usual[name], int) else value
    except ValueError as exc:
        raise ScriptError(f"{name}={value}") from exc
