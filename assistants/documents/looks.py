"""How a document looks: page, colours, fonts and styles."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

PAGE_WIDTH, PAGE_HEIGHT = A4
SIDE, TOP, BOTTOM = 22 * mm, 22 * mm, 24 * mm
TEXT_WIDTH = PAGE_WIDTH - 2 * SIDE
TEXT_HEIGHT = PAGE_HEIGHT - TOP - BOTTOM

INK = HexColor("#1f2937")
QUIET = HexColor("#6b7280")
ACCENT = HexColor("#14365d")
LINE = HexColor("#d5dbe3")
SHADE = HexColor("#f4f6f9")
WHITE = HexColor("#ffffff")

FONTS = Path(__file__).parent / "fonts"
REGULAR, BOLD, OBLIQUE, MONO = "Document", "Document-Bold", "Document-Oblique", "Document-Mono"
FILES = {REGULAR: "DejaVuSans", BOLD: "DejaVuSans-Bold", OBLIQUE: "DejaVuSans-Oblique", MONO: "DejaVuSansMono"}

STEP = 14
"""How far a list or a quotation stands in, in points."""
DEEPEST_STEP = 8

HEADINGS = {1: (20, 25, 0, 3), 2: (13.5, 18, 16, 5), 3: (10.5, 14, 10, 3), 4: (9.2, 13, 7, 2)}
"""Size, leading, space before and after; deeper ones look like the last."""


@cache
def load_fonts() -> dict[str, frozenset[int]]:
    """Which characters each font knows. They are read once in a process, in about half a second."""
    fonts = {name: TTFont(name, str(FONTS / f"{file}.ttf")) for name, file in FILES.items()}
    for font in fonts.values():
        pdfmetrics.registerFont(font)
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=OBLIQUE, boldItalic=BOLD)
    pdfmetrics.registerFontFamily(BOLD, normal=BOLD, bold=BOLD, italic=BOLD, boldItalic=BOLD)
    pdfmetrics.registerFontFamily(MONO, normal=MONO, bold=MONO, italic=MONO, boldItalic=MONO)
    return {name: frozenset(font.face.charToGlyph) for name, font in fonts.items()}


@cache
def heading(level: int) -> ParagraphStyle:
    size, leading, before, after = HEADINGS[min(level, max(HEADINGS))]
    return ParagraphStyle(
        f"heading-{level}",
        fontName=BOLD,
        fontSize=size,
        leading=leading,
        spaceBefore=before,
        spaceAfter=after,
        textColor=ACCENT if level < 4 else INK,
    )


@cache
def body(depth: int = 0, *, quoted: bool = False) -> ParagraphStyle:
    """`depth` is how many lists and quotations it stands in."""
    indent = STEP * min(depth, DEEPEST_STEP)
    return ParagraphStyle(
        f"body-{depth}-{quoted}",
        fontName=REGULAR,
        fontSize=9.2,
        leading=13.6,
        spaceAfter=2.5 if depth else 5,
        leftIndent=indent,
        bulletIndent=max(indent - STEP + 2, 0),
        bulletFontName=REGULAR,
        bulletFontSize=9.2,
        bulletColor=ACCENT,
        textColor=QUIET if quoted else INK,
        splitLongWords=True,
    )


@cache
def lead() -> ParagraphStyle:
    """Of the facts below the title."""
    return ParagraphStyle("lead", fontName=REGULAR, fontSize=8.4, leading=12.5, textColor=QUIET, spaceAfter=4)


@cache
def code(depth: int) -> ParagraphStyle:
    return ParagraphStyle(
        f"code-{depth}",
        parent=body(depth),
        fontName=MONO,
        fontSize=7.8,
        leading=11,
        backColor=SHADE,
        borderPadding=4,
        leftIndent=STEP * min(depth, DEEPEST_STEP) + 5,
        rightIndent=5,
        spaceBefore=6,
        spaceAfter=8,
    )


@cache
def cell(*, head: bool = False) -> ParagraphStyle:
    return ParagraphStyle(
        f"cell-{head}",
        fontName=BOLD if head else REGULAR,
        fontSize=7.6,
        leading=10.4,
        textColor=WHITE if head else INK,
        splitLongWords=True,
    )
