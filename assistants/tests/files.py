"""Files to attach, made here: good ones, broken ones, and some that mean harm."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import Any, cast

from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject


def image(kind: str = "PNG", size: tuple[int, int] = (8, 8), **how: Any) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, "red").save(file, kind, **how)
    return file.getvalue()


def pdf(pages: int = 1, *, password: str = "") -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(100, 100)
    if password:
        writer.encrypt(password)
    return _written(writer)


def pdf_that_goes_round() -> bytes:
    """Its page tree says that it has one page, and leads back to itself twice at every step."""
    writer = PdfWriter()
    root = cast(DictionaryObject, writer.root_object["/Pages"].get_object())
    itself = writer.root_object.raw_get("/Pages")
    root[NameObject("/Kids")] = ArrayObject([itself, itself])
    root[NameObject("/Count")] = NumberObject(1)
    return _written(writer)


def pdf_that_takes_long(entries: int = 14_000_000) -> bytes:
    """A table of contents in a few bytes, which says so many times that nothing is there."""
    table = zlib.compress((b"\2" + b"\1\0\0\0") * entries, 9)
    says = b"/Type/XRef/Root 1 0 R/Size 9/W[1 2 1]/Index[0 %d]" % entries
    packed = b"/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 4>>/Length %d" % len(table)
    body = b"4 0 obj<<" + says + packed + b">>stream\n" + table + b"\nendstream endobj\n"
    return b"%PDF-1.5\n" + body + b"startxref\n9\n%%EOF"


def pdf_without_pages() -> bytes:
    writer = PdfWriter()
    writer.root_object[NameObject("/Pages")] = writer._add_object(
        DictionaryObject({NameObject("/Type"): NameObject("/Pages"), NameObject("/Kids"): ArrayObject()})
    )
    return _written(writer)


def _written(writer: PdfWriter) -> bytes:
    file = BytesIO()
    writer.write(file)
    return file.getvalue()
