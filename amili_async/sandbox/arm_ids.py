"""Ids of ARM: 22 characters of URL-safe base64, case-sensitive, decoded instead of looked up as all ids of the sandbox are."""

from __future__ import annotations

import base64
import re
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amili_async.sandbox.ids import Ids, Kind

__all__ = ["ShortIds"]

_FORM = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


class ShortIds:
    """Makes ids of 22 characters, and reads them back."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids

    def make(self, kind: Kind, client: int, number: int) -> str:
        """Return the id of a thing of a kind, by its number in a client."""
        return base64.urlsafe_b64encode(uuid.UUID(self._ids.make(kind, client, number)).bytes).decode()[:22]

    def read(self, kind: Kind, client: int, text: str) -> int | None:
        """Return the number of the thing of a kind and client that an id names, None if it names none."""
        if not _FORM.fullmatch(text):
            return None
        content = base64.urlsafe_b64decode(text + "==")
        if base64.urlsafe_b64encode(content).decode()[:22] != text:  # the last character has bits that mean nothing
            return None
        named = self._ids.read(str(uuid.UUID(bytes=content)))
        return named.number if named is not None and (named.kind, named.organization) == (kind, client) else None
