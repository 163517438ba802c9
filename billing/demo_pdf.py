"""A simulated invoice on paper: one page of typewriting, which every reader of PDF can show without fonts of ours."""

from __future__ import annotations

from collections.abc import Iterator

from billing import money
from billing.gateways.demo.books import Object
from billing.gateways.demo.shapes import moment

COLUMNS = 78
LINES = 60
# What the typewriter's letters have no sign for.
SPELLED = {"₹": "INR "}


def written(invoice: Object) -> bytes:
    return _page(list(_text(invoice))[:LINES])


def _text(invoice: Object) -> Iterator[str]:
    currency = invoice["currency"]
    yield "SIMULATED - NO MONEY MOVES"
    yield ""
    yield f"Invoice {invoice['number']}"
    yield f"{moment(invoice['created']):%d %B %Y}, {invoice['status']}"
    yield ""
    for line in invoice["lines"]["data"]:
        yield from _row(line["description"], line["amount"], currency)
        yield f"  {moment(line['period']['start']):%d %b %Y} to {moment(line['period']['end']):%d %b %Y}"
    yield "-" * COLUMNS
    for each in invoice["total_discount_amounts"]:
        yield from _row("Discount", -each["amount"], currency)
    yield from _row("Total", invoice["total"], currency)
    if credit := invoice["ending_balance"] - invoice["starting_balance"]:
        yield from _row("From your credit" if credit > 0 else "To your credit", -credit, currency)
    yield from _row("To pay", invoice["amount_due"], currency)
    yield from _row("Paid", invoice["amount_paid"], currency)


def _row(what: str, amount: int, currency: str) -> Iterator[str]:
    sum_ = money.written(amount, currency)
    for sign, spelled in SPELLED.items():
        sum_ = sum_.replace(sign, spelled)
    yield f"{what[: COLUMNS - len(sum_) - 1]:<{COLUMNS - len(sum_)}}{sum_}"


def _page(lines: list[str]) -> bytes:
    """Objects one after the other, and where each begins."""
    text = "".join(f"({_escaped(line)}) Tj T*\n" for line in lines).encode("cp1252", "replace")
    content = b"BT /F1 10 Tf 64 770 Td 12 TL\n" + text + b"ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>",
    ]
    file, begins = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        begins.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    entries = b"".join(b"%010d 00000 n \n" % begin for begin in begins)
    size = len(objects) + 1
    table = b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, entries)
    return file + table + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(file))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
