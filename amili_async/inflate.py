"""Unpack a gzip body once, never beyond a limit. Uses `isal` where it is installed: half the time of zlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amili_async.errors import DecodeError

if TYPE_CHECKING:
    zlib: Any
else:
    try:
        from isal import isal_zlib as zlib
    except ImportError:
        import zlib

__all__ = ["inflate"]

_BOM = b"\xef\xbb\xbf"
MEMBERS = 64
"""Members that a gzip body may have: each costs a copy of the rest."""
_GZIP = 31  # window bits that make zlib expect a gzip header


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """Return the body without its content encoding and without a byte order mark.

    Raises:
        DecodeError: it is damaged, of an encoding that was not asked for, or larger than `limit` bytes.
    """
    if encoding in {"gzip", "x-gzip"} and body:
        body = _gunzip(body, limit)
    elif encoding not in {"", "identity"}:
        raise DecodeError("the answer has a content encoding that was not asked for")
    return body[3:] if body.startswith(_BOM) else body


def _gunzip(body: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    left = limit
    for _ in range(MEMBERS):
        unpacker = zlib.decompressobj(_GZIP)
        try:
            part = unpacker.decompress(body, left + 1)
        except zlib.error:
            raise DecodeError("the gzip body of the answer is damaged", damaged=True) from None
        left -= len(part)
        if left < 0:
            raise DecodeError(f"the answer unpacks to more than {limit:,} bytes (Limits.response_bytes)")
        if not unpacker.eof:
            raise DecodeError("the gzip body of the answer is cut short", damaged=True)
        parts.append(part)
        body = unpacker.unused_data
        if not body:
            return parts[0] if len(parts) == 1 else b"".join(parts)
    raise DecodeError(f"the gzip body of the answer has more than {MEMBERS} members")
