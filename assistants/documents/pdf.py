"""Markdown as a PDF. Nothing in the text can name a file, an address to be fetched, or a picture."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Paragraph

from assistants.documents import flow, looks
from assistants.documents.characters import clean, drawable

PAGES = "pages"
FOOT = 8
LONGEST_METADATA = 300


def of_markdown(markdown: str, title: str, footer: str) -> bytes:
    """The same bytes for the same words. `title` is the file's own, `footer` stands below each page.

    A character that no font of ours has is a box; scripts that are written from right to left are not turned.
    """
    looks.load_fonts()
    written = BytesIO()
    parts = flow.of(clean(markdown)) or [Paragraph("", looks.body())]
    _Document(written, title=_metadata(title), footer=_one_line(footer)).build(parts, canvasmaker=_Canvas)
    return written.getvalue()


class _Document(BaseDocTemplate):
    """Pages with a foot; how many there are is known at the end and drawn into each by reference."""

    def __init__(self, written: BytesIO, *, title: str, footer: str) -> None:
        super().__init__(
            written,
            pagesize=(looks.PAGE_WIDTH, looks.PAGE_HEIGHT),
            invariant=1,
            title=title,
            author="",
            creator="Stipend",
        )
        self._footer = _shortened(footer, looks.TEXT_WIDTH - 80)
        frame = Frame(looks.SIDE, looks.BOTTOM, looks.TEXT_WIDTH, looks.TEXT_HEIGHT, 0, 0, 0, 0, id="text")
        self.addPageTemplates(PageTemplate("page", [frame], onPage=self._foot))

    def _foot(self, canvas: Canvas, document: Any) -> None:
        width = stringWidth("00", looks.REGULAR, FOOT)
        right, line = looks.PAGE_WIDTH - looks.SIDE, looks.BOTTOM / 2
        canvas.saveState()
        canvas.setStrokeColor(looks.LINE)
        canvas.line(looks.SIDE, line + 14, right, line + 14)
        canvas.setFillColor(looks.QUIET)
        canvas.setFont(looks.REGULAR, FOOT)
        canvas.drawString(looks.SIDE, line, self._footer)
        canvas.drawRightString(right - width, line, f"{canvas.getPageNumber()} / ")
        canvas.translate(right - width, line)
        canvas.doForm(PAGES)
        canvas.restoreState()


class _Canvas(Canvas):
    def save(self) -> None:
        """Once every page is shown, how many there were is known."""
        pages = self.getPageNumber() - 1
        self.beginForm(PAGES)
        self.setFillColor(looks.QUIET)
        self.setFont(looks.REGULAR, FOOT)
        self.drawString(0, 0, str(pages))
        self.endForm()
        super().save()


def _one_line(text: str) -> str:
    return drawable(" ".join(clean(text).split()), looks.load_fonts()[looks.REGULAR])


def _metadata(text: str) -> str:
    return " ".join(clean(text).split())[:LONGEST_METADATA]


def _shortened(text: str, width: float) -> str:
    if stringWidth(text, looks.REGULAR, FOOT) <= width:
        return text
    return _shortened(f"{text[: len(text) * 9 // 10].rstrip(' …')}…", width)
