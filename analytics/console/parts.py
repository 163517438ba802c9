"""What pages of figures are put together from: figures, tables and charts, each ready for its template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 600
HEIGHT: Final = 120
GAP: Final = 0.2
"""Of a bar's place, to its right."""


@dataclass(frozen=True)
class Figure:
    """One number in large, with the rows behind it. Browser tests find it by its `key`."""

    key: str
    label: str
    value: str
    link: str
    note: str = ""


@dataclass(frozen=True)
class Cell:
    """`tone` is `bad` or `good`, or nothing."""

    text: str
    link: str = ""
    is_number: bool = True
    tone: str = ""


@dataclass(frozen=True)
class Table:
    """`columns`: the first names what a row is about, all others are numbers unless their cells say otherwise."""

    key: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    empty: str = "Nothing yet."
    note: str = ""

    @property
    def heads(self) -> list[tuple[str, bool]]:
        """Each column, and whether numbers stand in it."""
        numbers = [cell.is_number for cell in self.rows[0]] if self.rows else [True] * len(self.columns)
        return list(zip(self.columns, numbers, strict=True))


@dataclass(frozen=True)
class Point:
    """`name` of the day or month, `written` its amount."""

    name: str
    amount: int
    written: str
    link: str


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Chart:
    """One bar a point, the greatest as high as the picture; the same as a table, for who sees no picture."""

    key: str
    title: str
    points: Sequence[Point]
    unit: str = ""
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def is_empty(self) -> bool:
        return not any(point.amount for point in self.points)

    @property
    def greatest(self) -> Point:
        return max(self.points, key=lambda point: point.amount)

    @property
    def last(self) -> Point:
        return self.points[-1]

    @property
    def bars(self) -> list[Bar]:
        place, top = self.width / len(self.points), max(self.greatest.amount, 1)
        heights = [max(point.amount, 0) * self.height / top for point in self.points]
        return [
            Bar(
                x=round(number * place, 2),
                y=round(self.height - height, 2),
                width=round(place * (1 - GAP), 2),
                height=round(height, 2),
                title=f"{point.name}: {point.written}",
            )
            for number, (point, height) in enumerate(zip(self.points, heights, strict=True))
        ]
