"""What flows over the pages: Markdown's parts, as reportlab's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, takewhile
from typing import Any
from xml.sax.saxutils import escape

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode as Node
from reportlab.platypus import CondPageBreak, Flowable, HRFlowable, LongTable, Paragraph, Spacer

from assistants.documents import looks, tables
from assistants.documents.characters import drawable

# No HTML: it is shown as it is written.
PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")
BULLETS = "•◦"
# A heading begins a new page rather than stand alone at the foot of one; a small table goes with it.
ROOM_BELOW_A_HEADING = 45
SMALL_TABLE = looks.TEXT_HEIGHT / 4
HEADINGS_IN_A_ROW = 4
LINES_IN_A_PIECE = 40


@dataclass(frozen=True)
class Place:
    """How deep a part stands in others, and the sign before it, which only its first paragraph has.

    `is_lead`: it stands below the title and is told quietly.
    """

    depth: int = 0
    quoted: bool = False
    bullet: str | None = None
    is_lead: bool = False


class Heading(Paragraph):
    """A paragraph that the reader's outline leads to."""

    level: int | None = None
    key = ""
    words = ""

    def draw(self) -> None:
        if self.level is not None:
            self.canv.bookmarkHorizontal(self.key, 0, self.height)
            self.canv.addOutlineEntry(self.words, self.key, self.level, closed=False)
        super().draw()


def of(markdown: str) -> list[Flowable]:
    """Everything, in order. What stands directly below a title on top is told quietly."""
    nodes = Node(PARSER.parse(markdown)).children
    flowables = [flowable for part in _parts(nodes) for flowable in part]
    return [*chain.from_iterable(_with_room(flowables, place) for place in range(len(flowables)))]


def _with_room(flowables: Sequence[Flowable], place: int) -> Iterator[Flowable]:
    if isinstance(flowables[place], Heading):
        yield CondPageBreak(_room(flowables[place : place + HEADINGS_IN_A_ROW]))
    yield flowables[place]


def _room(following: Sequence[Flowable]) -> float:
    """What must fit on the page, from a heading on."""
    headings = [*takewhile(lambda part: isinstance(part, Heading), following)]
    room = sum(map(_height, headings))
    if not following[len(headings) :]:
        return room
    first = following[len(headings)]
    height = _height(first) if isinstance(first, LongTable) else 0
    return room + (height if 0 < height <= SMALL_TABLE else ROOM_BELOW_A_HEADING)


def _height(flowable: Flowable) -> float:
    return float(flowable.wrap(looks.TEXT_WIDTH, looks.TEXT_HEIGHT)[1]) + float(flowable.getSpaceBefore())


def _parts(nodes: Sequence[Node]) -> Iterator[Iterator[Flowable]]:
    outline = Outline()
    for place, node in enumerate(nodes):
        follows_the_title = place == 1 and nodes[0].type == "heading" and nodes[0].tag == "h1"
        if node.type == "heading":
            yield _heading(node, outline)
        elif follows_the_title and node.type == "paragraph":
            yield _paragraphs(node, Place(is_lead=True))
        else:
            yield _block(node, Place())


class Outline:
    """Levels as a reader's outline wants them: none is left out on the way down."""

    def __init__(self) -> None:
        self._open: list[int] = []
        self._count = 0

    def enter(self, level: int) -> tuple[int, str]:
        """Its level in the outline, from 0, and its key."""
        self._open = [*(above for above in self._open if above < level), level]
        self._count += 1
        return len(self._open) - 1, f"heading-{self._count}"


def _heading(node: Node, outline: Outline) -> Iterator[Flowable]:
    level = int(node.tag.removeprefix("h"))
    heading = Heading(_inline(node), looks.heading(level))
    heading.words = _plain(node)
    heading.level, heading.key = outline.enter(level)
    yield heading
    if level == 1:
        yield HRFlowable(width="100%", thickness=1.2, color=looks.ACCENT, spaceBefore=2, spaceAfter=7)


def _block(node: Node, place: Place) -> Iterator[Flowable]:
    match node.type:
        case "paragraph":
            yield from _paragraphs(node, place)
        case "heading":
            yield _paragraph(f"<b>{_inline(node)}</b>", place)
        case "bullet_list":
            yield from _list(node, place, BULLETS[min(place.depth, 1)])
        case "ordered_list":
            yield from _list(node, place, None)
        case "blockquote":
            yield from _blocks(node.children, replace(place, depth=place.depth + 1, quoted=True))
        case "fence" | "code_block":
            yield from _code(node.content, place)
        case "table":
            yield from tables.of(_rows(node), looks.STEP * min(place.depth, looks.DEEPEST_STEP))
        case "hr":
            yield HRFlowable(width="100%", thickness=0.6, color=looks.LINE, spaceBefore=6, spaceAfter=8)
        case _:
            yield _paragraph(_text(node.content), place)


def _blocks(nodes: Sequence[Node], place: Place) -> Iterator[Flowable]:
    for node in nodes:
        yield from _block(node, place)
        place = replace(place, bullet=None)


def _list(node: Node, place: Place, bullet: str | None) -> Iterator[Flowable]:
    first = int(node.attrs.get("start", 1))
    for number, item in enumerate(node.children, start=first):
        yield from _blocks(item.children, Place(place.depth + 1, place.quoted, bullet or f"{number}."))
    if not place.depth:
        yield Spacer(0, 4)


def _paragraphs(node: Node, place: Place) -> Iterator[Flowable]:
    """In pieces, if there are many broken lines: reportlab takes very long over them."""
    lines = [""]
    for child in node.children[0].children if node.children else []:
        if child.type == "hardbreak":
            lines.append("")
        else:
            lines[-1] += _inline(child)
    for begin in range(0, len(lines), LINES_IN_A_PIECE):
        yield _paragraph("<br/>".join(lines[begin : begin + LINES_IN_A_PIECE]), place)
        place = replace(place, bullet=None)


def _paragraph(markup: str, place: Place) -> Paragraph:
    style = looks.lead() if place.is_lead else looks.body(place.depth, quoted=place.quoted)
    return Paragraph(markup, style, bulletText=place.bullet)


def _code(content: str, place: Place) -> Iterator[Flowable]:
    lines = [_text(line, looks.MONO).replace("\t", "    ").replace(" ", "\u00a0") for line in content.split("\n")]
    for begin in range(0, len(lines), LINES_IN_A_PIECE):
        yield Paragraph("<br/>".join(lines[begin : begin + LINES_IN_A_PIECE]), looks.code(place.depth))


def _rows(table: Node) -> list[list[str]]:
    return [[_inline(cell) for cell in row.children] for part in table.children for row in part.children]


def _inline(node: Node) -> str:
    """In reportlab's mark-up, every tag of which is ours. Lines are broken by `_paragraphs` alone."""
    match node.type:
        case "text":
            return _text(node.content)
        case "softbreak" | "hardbreak":
            return " "
        case "code_inline":
            return f'<font name="{looks.MONO}">{_text(node.content, looks.MONO)}</font>'
        case "strong":
            return f"<b>{_inside(node)}</b>"
        case "em":
            return f"<i>{_inside(node)}</i>"
        case "link":
            return _link(_inside(node), str(node.attrs.get("href", "")))
        case "image":
            return _text(node.content)
    return _inside(node)


def _inside(node: Node) -> str:
    return "".join(_inline(child) for child in node.children)


def _link(words: str, address: str) -> str:
    """Nothing to click on: paper shows where it leads."""
    told = _text(address)
    return words if told == words else f"{words} ({told})"


def _plain(node: Node) -> str:
    own: Any = drawable(node.content, looks.load_fonts()[looks.BOLD]) if not node.children else ""
    return f"{own}{''.join(_plain(child) for child in node.children)}"


def _text(text: str, font: str = looks.REGULAR) -> str:
    return escape(drawable(text, looks.load_fonts()[font]))
