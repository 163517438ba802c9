"""Results become Markdown and PDF that show what was written, and nothing that anybody wrote can make more of them."""

import re
import time
from io import BytesIO
from typing import Any

import pytest
from markdown_it import MarkdownIt
from pypdf import PdfReader

from assistants.crew import roles
from assistants.crew.roles import Crew
from assistants.documents import markdown, pdf
from assistants.tests.briefs import brief_for

CREWS = list(roles.crews().values())
FACTS = {"Made on": "22 November 2026"}
LONG = 100_000
SECONDS = 60.0
TO_READERS = MarkdownIt("gfm-like", {"html": True, "linkify": False})
HARMLESS = {"heading", "paragraph", "inline", "text", "strong", "hardbreak", "bullet_list", "list_item"}
TABLE = {"table", "thead", "tbody", "tr", "th", "td"}


def words(text: str) -> str:
    """As lines may be broken anywhere, and a PDF knows no spaces for certain."""
    return "".join(text.split())


def result_of(crew: Crew) -> Any:
    return roles.filled(crew.roles[-1].sample, brief_for(crew))


def texts(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for inner in value for text in texts(inner)]
        case dict():
            return [text for inner in value.values() for text in texts(inner)]
    return []


def read(document: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(document)).pages)


def kinds(written: str) -> set[str]:
    """Of everything that a reader's Markdown makes of it."""
    blocks = TO_READERS.parse(written)
    return {re.sub("_(open|close)$", "", part.type) for token in blocks for part in [token, *(token.children or [])]}


def shown(written: str) -> str:
    """What a reader sees of it."""
    return words("".join(part.content for token in TO_READERS.parse(written) for part in token.children or []))


@pytest.mark.parametrize("crew", CREWS, ids=lambda crew: crew.slug)
def test_every_word_of_a_result_is_in_its_pdf(crew: Crew) -> None:
    result = result_of(crew)
    written = markdown.of_result(crew.name, result, crew.output, FACTS)

    seen = words(read(pdf.of_markdown(written, crew.name, "")))

    # A table that goes over a page has its head once more in between.
    lost = [text for text in texts(result) if words(text).lower() not in seen.lower()]
    assert lost == []


@pytest.mark.parametrize("crew", CREWS, ids=lambda crew: crew.slug)
def test_a_result_has_the_schemas_titles_as_headings(crew: Crew) -> None:
    written = markdown.of_result(crew.name, result_of(crew), crew.output, FACTS)

    headings = re.findall(r"(?m)^## (.+)$", written)

    assert headings == [inner["title"] for inner in crew.output["properties"].values()]


MARK_UP = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- gone -->",
    "![picture](https://example.com/a.png)",
    "[click](https://example.com)",
    "<https://example.com>",
    "[a]: https://example.com",
    "`code` and ```more```",
    "*strong* __also__ ~~gone~~",
    "# heading",
    "a\n===",
    "a\n---",
    "---",
    "> quoted",
    "1. one\n2) two",
    "+ a\n- b\n* c",
    "    indented",
    "~~~\nfence\n~~~",
    "| a | b |\n| - | - |\n| c | d |",
    "a | b\n:-: | -",
    "\\",
    "\\\\[a](b)",
    "&lt;b&gt; &#60;",
    "ends in a backslash \\\nnext",
    "**Title:**",
    "$a$ {b} ^c^",
]


@pytest.mark.parametrize("said", MARK_UP)
def test_what_a_model_wrote_stays_text(said: str) -> None:
    written, harmless = (_everywhere(text) for text in (said, "x"))

    assert kinds(written) <= HARMLESS | TABLE
    assert len(TO_READERS.parse(written)) == len(TO_READERS.parse(harmless))
    assert shown(written) == shown(harmless).replace("x", words(said))


def _everywhere(text: str) -> str:
    """A result that has it in each of its places."""
    parts = [{"name": text, "in": [[text]]}]
    return markdown.of_result(text, {"a": text, "b": [text], "c": [{"d": text, "e": 1}], "f": parts}, {}, {text: text})


def test_an_address_is_no_link_where_readers_make_them_of_words() -> None:
    written = markdown.escaped("See https://example.com and www.example.com")

    assert written == r"See https\://example.com and www\.example.com"


def test_an_indented_line_is_no_code() -> None:
    assert markdown.escaped("    a\n\t- b") == "a\n\\- b"


def test_a_row_too_long_for_a_table_becomes_a_section() -> None:
    rows = {"offers": [{"name": "Large", "text": "much " * 80}, {"name": "Small", "text": "little"}]}

    written = markdown.of_result("Title", rows, {}, {})

    assert "|" not in written
    assert "### Large\n\n**Text:** much much" in written


def test_what_says_nothing_has_no_heading() -> None:
    assert markdown.of_result("Title", {"a": "", "b": [], "c": {}, "d": None, "e": [""]}, {}, {}) == "# Title\n"


HOSTILE = {
    "one word": "x" * LONG,
    "words": "word " * (LONG // 5),
    "brackets": "[" * LONG,
    "quotations": ">" * LONG,
    "deep lists": "\n".join("  " * depth + "- a" for depth in range(300)),
    "a wide table": "|a" * 3000 + "|\n" + "|-" * 3000 + "|\n" + "|b" * 3000 + "|\n",
    "a high cell": f"|a|b|\n|-|-|\n|{'word ' * 4000}|{'x' * 20_000}|\n",
    "broken lines": "a\\\n" * (LONG // 3),
    "code": "```\n" + " " * LONG + "x\n```",
    "mark-up of reportlab": '<para><img src="file:///etc/passwd"/><b><i></b></font><a href="x">' * 100,
    "entities": "&amp;&#0;&#xD800;&bogus;<" * 1000,
    "a picture": "![](file:///etc/passwd)" * 100,
    "no characters": "a\0b\ud800c\udfff\ufffe\x1b" * 1000,
    "right to left": "שלום \u202e\u2066 " * 1000,
    "signs": "👩‍👩‍👧‍👦 漢字 \U0010ffff " * 1000,
    "headings": "###### a\n\n# b\n\n" * 200,
    "nothing": "",
}


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(said, id=name, marks=[pytest.mark.slow] * (len(said) > LONG // 10))
        for name, said in HOSTILE.items()
    ],
)
def test_whatever_is_written_gives_a_pdf(said: str) -> None:
    begun = time.process_time()

    document = pdf.of_markdown(said, said, said)

    assert time.process_time() - begun < SECONDS
    reader = PdfReader(BytesIO(document))
    assert len(reader.pages) > 0
    assert b"/Annot" not in document
    assert b"/Subtype /Image" not in document


def test_a_result_of_nothing_but_mark_up_gives_its_words_in_a_pdf() -> None:
    said = '<para><img src="file:///etc/passwd"/> | **a** `b` &amp; # <b>'

    document = pdf.of_markdown(markdown.of_result("T", {"a": said, "b": [{"c": said}]}, {}, {}), "T", "")

    assert words(read(document)).count(words(said)) == 2


def test_letters_of_europe_are_read_again() -> None:
    said = "Grüße, ¿qué?, Łódź, Ελληνικά, Кириллица, 20 € „so“"

    assert words(said) in words(read(pdf.of_markdown(f"{said} **{said}** *{said}* `{said}`", "", "")))


def test_a_character_without_a_sign_of_its_own_is_a_box() -> None:
    assert "a□b" in read(pdf.of_markdown("a漢b", "", ""))


def test_the_same_words_make_the_same_bytes() -> None:
    assert pdf.of_markdown("# A\n\nb", "A", "c") == pdf.of_markdown("# A\n\nb", "A", "c")


def test_it_has_a_title_an_outline_and_numbered_pages() -> None:
    document = pdf.of_markdown("# Plan\n\n### Deep\n\n## Part\n\n" + "word " * 2000, "The plan", "For Alice")

    reader = PdfReader(BytesIO(document))
    outline: Any = reader.outline
    assert reader.metadata is not None
    assert reader.metadata.title == "The plan"
    assert [outline[0].title, [entry.title for entry in outline[1]]] == ["Plan", ["Deep", "Part"]]
    assert "For Alice" in reader.pages[1].extract_text()
    assert f"2 / {len(reader.pages)}" in " ".join(reader.pages[1].extract_text().split())


def test_the_head_of_a_table_stands_on_each_of_its_pages() -> None:
    rows = "".join(f"|{number}|b|\n" for number in range(100))

    reader = PdfReader(BytesIO(pdf.of_markdown(f"|Number|Sign|\n|-|-|\n{rows}", "", "")))

    assert len(reader.pages) > 2
    assert all("Number" in page.extract_text() for page in reader.pages)


def test_a_table_too_wide_for_a_page_is_told_row_by_row() -> None:
    columns = range(40)
    rows = ["|".join(f"{row}{column}" for column in columns) for row in ("Column", "value")]

    document = pdf.of_markdown(f"{rows[0]}\n{'|'.join('-' for _ in columns)}\n{rows[1]}", "", "")

    assert "Column17 value17" in " ".join(read(document).split())


def test_a_heading_does_not_stand_alone_at_the_foot_of_a_page() -> None:
    for lines in range(34, 40):
        reader = PdfReader(BytesIO(pdf.of_markdown("word\n\n" * lines + "## Last\n\nend", "", "")))
        page = next(page.extract_text() for page in reader.pages if "Last" in page.extract_text())
        assert "end" in page
