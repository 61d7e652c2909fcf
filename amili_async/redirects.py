"""Where a read may be redirected to."""

from __future__ import annotations

from urllib.parse import quote, urljoin, urlsplit

from amili_async.config import is_loopback
from amili_async.errors import ApiError

__all__ = ["REDIRECTS", "redirected"]

REDIRECTS = frozenset({301, 302, 303, 307, 308})


def redirected(url: str, location: str, status: int, *, allow_http: bool) -> str:
    """Return the address that an answer points to.

    Args:
        url: what was asked.
        location: the header of the answer.
        status: of the answer.
        allow_http: whether plain http may be followed to other machines than this one; from https it never is.

    Raises:
        ApiError: it may not be followed.
    """
    target = urlsplit("")
    try:
        readable = location.isprintable()  # no control characters
        target = urlsplit(urljoin(url, quote(location, safe="%/:?#[]@!$&'()*+,;=~")) if readable else "")
        host = target.hostname or ""
        _ = target.port
    except ValueError:
        host = ""
    if not host or target.scheme not in {"http", "https"} or target.username or target.password:
        raise ApiError("redirected to an address that cannot be followed", status=status)
    plain = target.scheme == "http" and not (allow_http or is_loopback(host))
    if plain or (target.scheme == "http" and url.startswith("https:")):
        raise ApiError("redirected to plain http, which was not followed", status=status)
    return target._replace(fragment="").geturl()
