"""PDFs inside requests, as base64."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from amili_async.embedding import LIMIT, embed
from amili_async.errors import ConfigError

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["embed_pdf"]


def embed_pdf(content: bytes | str | PathLike[str], *, limit: int = LIMIT) -> str:
    """Return a PDF as base64, such as `free_text` of a consumer invoice carries it.

    Args:
        content: the PDF itself, or where it is.
        limit: bytes that it may have, before it grows by a third as base64.

    Raises:
        ConfigError: it is no PDF, is larger than the limit, or cannot be read.
    """
    text = embed(content, limit=limit)
    if not base64.b64decode(text[:8]).startswith(b"%PDF-"):
        raise ConfigError("the file is no PDF: it does not begin with %PDF-")
    return text
