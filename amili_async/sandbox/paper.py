"""Documents to look at: a page as PDF and as HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["html", "pdf"]

_BINARY = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
"""The head of a PDF. Its second line tells whoever looks that the file is not text."""
_ESCAPED = str.maketrans({"\\": "\\\\", "(": "\\(", ")": "\\)"})


def pdf(lines: Sequence[str]) -> bytes:
    """Return a PDF of one page with these lines; letters that Latin-1 lacks become question marks."""
    shown = " ".join(f"({line.translate(_ESCAPED)}) Tj T*" for line in lines)
    stream = f"BT /F1 11 Tf 14 TL 56 780 Td {shown} ET".encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    content = _BINARY
    places: list[int] = []
    for number, item in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, item)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return content + b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        table,
        size,
        len(content),
    )


def html(lines: Sequence[str]) -> str:
    """Return a page of HTML with these lines, the first of which is its title."""
    shown = "\n".join(f"<p>{escape(line)}</p>" for line in lines[1:])
    title = escape(lines[0])
    head = f'<head><meta charset="utf-8"><title>{title}</title></head>'
    return f'<!DOCTYPE html>\n<html lang="no">{head}\n<body><h1>{title}</h1>\n{shown}\n</body></html>\n'
