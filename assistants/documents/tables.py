"""Tables whose words wrap and whose rows go over pages, below a head that is repeated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Flowable, LongTable, Paragraph, TableStyle

from assistants.documents import looks

Row = Sequence[str]
PADDING = 5
NARROWEST = 24
# A table is made of pieces of so many rows, since each page copies what is left of a piece.
ROWS_IN_A_PIECE = 200

STYLE = TableStyle(
    [
        ("BACKGROUND", (0, 0), (-1, 0), looks.ACCENT),
        ("ROWBACKGROUNDS", (0, 1), (-1, -1), [looks.WHITE, looks.SHADE]),
        ("LINEBELOW", (0, 0), (-1, -1), 0.5, looks.LINE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), PADDING),
        ("RIGHTPADDING", (0, 0), (-1, -1), PADDING),
        ("TOPPADDING", (0, 0), (-1, -1), 4),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
    ]
)


def of(rows: Sequence[Row], indent: float) -> Iterator[Flowable]:
    """`rows` in reportlab's mark-up, the head first. What is too high for a page, or too wide, is told row by row."""
    width = looks.TEXT_WIDTH - indent
    widths = _widths(rows, width)
    cells = [[Paragraph(text, looks.cell(head=place == 0)) for text in row] for place, row in enumerate(rows)]
    heights = [_height(row, widths) for row in cells]
    if min(widths) < NARROWEST or heights[0] + max(heights[1:], default=0) > looks.TEXT_HEIGHT - 20:
        yield from _told(rows)
        return
    for begin in range(1, max(len(cells), 2), ROWS_IN_A_PIECE):
        piece = [cells[0], *cells[begin : begin + ROWS_IN_A_PIECE]]
        yield LongTable(piece, widths, style=STYLE, repeatRows=1, hAlign="RIGHT", spaceBefore=3, spaceAfter=9)


def _told(rows: Sequence[Row]) -> Iterator[Flowable]:
    for row in rows[1:]:
        for name, text in zip(rows[0], row, strict=True):
            yield Paragraph(f"<b>{name}</b> {text}", looks.body())


def _height(row: Sequence[Paragraph], widths: Sequence[float]) -> float:
    return 9 + max(cell.wrap(width - 2 * PADDING, 0)[1] for cell, width in zip(row, widths, strict=True))


def _widths(rows: Sequence[Row], width: float) -> list[float]:
    """Each column has room for its longest word, and of what is left as much as it has to say."""
    columns = list(zip(*rows, strict=True))
    least = [min(_longest_word(column) + 2 * PADDING + 1, width / 2) for column in columns]
    if sum(least) > width:
        return [width / len(columns)] * len(columns)
    wants = [_says(column) for column in columns]
    left = width - sum(least)
    return [small + left * want / sum(wants) for small, want in zip(least, wants, strict=True)]


def _longest_word(column: Sequence[str]) -> float:
    style = looks.cell(head=True)
    words = {word for text in column for word in text.split()}
    return max((stringWidth(word, style.fontName, style.fontSize) for word in words), default=0.0)


def _says(column: Sequence[str]) -> float:
    return 1 + sum(map(len, column)) / len(column)
