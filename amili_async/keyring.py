"""Whose token goes with a call, and to which addresses it may go."""

from __future__ import annotations

import re
from posixpath import normpath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from amili_async.config import APIS, origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amili_async.auth import TokenCache
    from amili_async.config import Environment

__all__ = ["Keyring"]


class Keyring:
    """Whose token goes with a call, and where to: the client's own for all APIs but those that have credentials of their own.

    Args:
        tokens: the client's own; None if it has none.
        by_api: those of single APIs, by the names of the APIs.
        environment: where the APIs are.
    """

    def __init__(self, tokens: TokenCache | None, by_api: Mapping[str, TokenCache], environment: Environment) -> None:
        self._tokens = tokens
        self._by_api = dict(by_api)
        self._environment = environment
        urls = (getattr(environment, api) for api in APIS if api not in by_api)
        self._origins = frozenset(origin(url) for url in urls if url)

    def tokens(self, api: str) -> TokenCache | None:
        """Return where the tokens of an API come from; None if there are none."""
        return self._by_api.get(api, self._tokens)

    def may_see(self, api: str, url: str) -> bool:
        """Tell whether the token of an API may go to a URL.

        The client's own token may go to the origins of the APIs that it is for, but not to what belongs to an API with
        credentials of its own there. That of one API stays below its base URL: to another API at the same host a password is
        nobody's.
        """
        if api not in self._by_api:
            owners = self._owners(url) if self._by_api else ()
            return origin(url) in self._origins and (not owners or any(owner not in self._by_api for owner in owners))
        base, path = self._environment.url(api), unquote(urlsplit(url).path)
        below = origin(url) == origin(base) and path.startswith(f"{unquote(urlsplit(base).path)}/")
        return below and not re.search(r"/\.\.|[\\%]", path)  # neither up again, nor so that some server would read it so

    def _owners(self, url: str) -> list[str]:
        """Return the APIs that a URL belongs to: those with the longest base path that it is below of."""
        path = _as_read(url)
        bases = {api: base for api in APIS if (base := getattr(self._environment, api)) and origin(base) == origin(url)}
        lengths = {api: len(read) for api, base in bases.items() if f"{path}/".startswith(f"{(read := _as_read(base))}/")}
        return [api for api, length in lengths.items() if length == max(lengths.values())]


def _as_read(url: str) -> str:
    """Return the path of a URL as the most lenient server would read it, without a slash at its end."""
    path = urlsplit(url).path
    while (further := unquote(path)) != path:
        path = further
    return normpath("/" + path.replace("\\", "/").lstrip("/")).rstrip("/").casefold()
