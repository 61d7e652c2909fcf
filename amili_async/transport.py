"""One HTTP exchange: bytes in, bytes out. The only module that imports aiohttp's client.

Says of every failure whether the request can have reached the server. Follows no redirects, keeps no cookies, unpacks nothing,
repeats nothing. Texts of errors hold no URL: a query may hold personal data.
"""

from __future__ import annotations

import asyncio
import base64
import io
import os
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from amili_async.errors import ConfigError, DecodeError, NotSentError, OutcomeUnknownError
from amili_async.exchange import Reply

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

    from amili_async.config import Limits
    from amili_async.exchange import Request

__all__ = ["AiohttpTransport"]

_BUFFER = 4 * 2**20
"""Bytes of an answer that are taken without holding up the server: a whole page comes in one go."""
_LARGE = 256 * 1024
"""Bytes of a body above which it is sent piece by piece."""


class _Lost(aiohttp.ClientError):
    """A connection that broke, under a name for which aiohttp does not send the request again by itself."""


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a GET on a reused connection that died: every request is counted, and repeated, by us."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Lost(_cause(error)) from error


class AiohttpTransport:
    """The transport over aiohttp. Its session is made in the running loop, with the first request.

    Of a session that is passed in, the connector, the trace configs and `trust_env` are used, and it is never closed here; its
    cookies, default headers, proxy and authentication are left alone.

    Proxies are looked up here, not by aiohttp's `trust_env`: that would also read credentials from `.netrc`.
    """

    def __init__(self, limits: Limits, *, session: aiohttp.ClientSession | None = None, trust_env: bool = False) -> None:
        self._limits = limits
        self._given = session
        self._trust_env = trust_env
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._proxies: dict[str, URL] = {}
        self._closed = False

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise ConfigError("this client is closed")
        loop = asyncio.get_running_loop()
        if self._session is not None:
            if self._loop is not loop:
                raise ConfigError("this client belongs to another event loop: make one client per loop")
            if self._session.closed:
                raise ConfigError("the aiohttp session that was passed in has been closed")
            return self._session
        given = self._given
        if given is not None and given.closed:
            raise ConfigError("the aiohttp session that was passed in has been closed")
        self._loop = loop
        connector = given.connector if given is not None else None
        if connector is not None and getattr(connector, "_loop", loop) is not loop:
            raise ConfigError("the aiohttp session that was passed in belongs to another event loop")
        if self._trust_env or (given is not None and given.trust_env):
            self._proxies = {
                scheme: _proxy_url(address) for scheme, address in getproxies().items() if scheme in {"http", "https"}
            }
        # The throttle bounds the connections, so the connector need not: a token request must never wait for the calls
        # that wait for the token.
        self._session = aiohttp.ClientSession(
            connector=given.connector if given else aiohttp.TCPConnector(limit=0, ttl_dns_cache=60),
            connector_owner=given is None,
            trace_configs=list(given.trace_configs) if given else None,
            read_bufsize=_BUFFER,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            raise_for_status=False,
            middlewares=(_send_once,),
        )
        return self._session

    async def send(self, request: Request) -> Reply:
        """Exchange a request for an answer; see `Transport.send`."""
        session = self._open()
        failure: Exception
        try:
            response = await session.request(
                request.method,
                URL(request.url, encoded=True),
                headers=request.headers,
                data=_piecemeal(request.body),
                allow_redirects=False,
                **self._proxy(request.url),
                timeout=aiohttp.ClientTimeout(
                    total=None, connect=request.connect, sock_read=request.read, ceil_threshold=float("inf")
                ),
            )
            try:
                body = await self._read(response)
            except BaseException:
                response.close()
                raise
            response.release()
            return Reply(response.status, _headers(response.headers), body)
        except (
            aiohttp.ConnectionTimeoutError,
            aiohttp.ClientConnectorError,
            aiohttp.ClientHttpProxyError,
            aiohttp.InvalidURL,
        ) as error:
            failure = NotSentError(f"cannot connect to {urlsplit(request.url).hostname}: {_cause(error)}")
        except UnicodeError as error:  # a host name that no DNS could know
            failure = NotSentError(f"cannot connect: {type(error).__name__}")
        except ValueError as error:  # at whatever point
            failure = OutcomeUnknownError(f"the answer cannot be understood: {type(error).__name__}")
        except TimeoutError:
            failure = OutcomeUnknownError(f"no answer for {request.read:g} s")
        except (aiohttp.ClientError, OSError) as error:
            failure = OutcomeUnknownError(f"the connection was lost: {_cause(error)}")
        # Raised out here so that the error does not drag along aiohttp's own, which quotes the URL.
        raise failure

    def _proxy(self, url: str) -> dict[str, Any]:
        """Return aiohttp's arguments for the proxy that the environment names for a URL, if any."""
        if not self._proxies:
            return {}
        parts = urlsplit(url)
        address = self._proxies.get(parts.scheme)
        if address is None or proxy_bypass(parts.netloc):
            return {}
        proxy = address
        if proxy.user is None:
            return {"proxy": proxy}
        login = base64.b64encode(f"{proxy.user}:{proxy.password or ''}".encode()).decode()
        # aiohttp sends this one to the proxy, as Proxy-Authorization.
        return {"proxy": proxy.with_user(None), "proxy_headers": {"Authorization": f"Basic {login}"}}

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """Take the body piece by piece into one buffer: pieces that wait to be joined would double the memory of each page."""
        limit = self._limits.response_bytes
        body = io.BytesIO()
        announced = response.content_length or 0
        if 0 < announced <= min(limit, _BUFFER):
            # All of it at once, so that it need not move as it grows.
            body.seek(announced - 1)
            body.write(b"\0")
            body.seek(0)
        while piece := await response.content.readany():
            body.write(piece)
            if body.tell() > limit:
                raise DecodeError(f"the answer is larger than {limit:,} bytes (Limits.response_bytes)")
        body.truncate()
        return body.getvalue()

    async def aclose(self) -> None:
        """Close what was opened here; a connector that was passed in stays open."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _piecemeal(body: bytes | None) -> bytes | io.BytesIO | None:
    """Let aiohttp send a large body piece by piece, so that other tasks have their turn; of one in bytes it warns."""
    return io.BytesIO(body) if body is not None and len(body) > _LARGE else body


def _proxy_url(address: str) -> URL:
    """Read the address of a proxy; without a scheme it is http."""
    try:
        proxy = URL(address if "://" in address else f"http://{address}")
    except ValueError:
        proxy = URL()
    if proxy.scheme not in {"http", "https"} or not proxy.host:
        raise ConfigError("the proxy that the environment names is not an http(s) address")
    return proxy


def _headers(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        if key not in {"set-cookie", "set-cookie2"}:
            found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def _cause(error: BaseException) -> str:
    """Name the cause without host, URL or query."""
    if isinstance(error, _Lost):
        return str(error)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "timed out"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "the server's certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the host name is not known"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return "TLS failed; the server may not speak https there"
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return "TLS failed"  # its errno is SSL's own, not one of the system
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno) if error.errno > 0 else type(error).__name__
    return type(error).__name__
