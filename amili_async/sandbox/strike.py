"""How faults strike on the wire: refusals, waits, cut connections, and damaged bodies."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
import time
from email.utils import formatdate
from statistics import NormalDist
from typing import TYPE_CHECKING

from aiohttp import web

from amili_async.sandbox.damage import HTML, bomb, compressed, error_body
from amili_async.sandbox.exchange import Answer, Problem

if TYPE_CHECKING:
    from amili_async.sandbox.faults import Hit

__all__ = ["refusal", "send", "sent_status"]

_PERCENTILE_95 = NormalDist().inv_cdf(0.95)
_LINGER_OFF = struct.pack("ii", 1, 0)


async def refusal(hit: Hit, request: web.Request) -> Answer | None:
    """Let a fault strike before a request is looked at; return the answer that it gives instead, if it does.

    Raises:
        ConnectionResetError: the connection is cut.
    """
    if hit.kind == "latency":
        await asyncio.sleep(_latency(hit))
        return None
    if hit.kind == "reset_before" or (hit.kind == "token_down" and hit["form"] == "reset"):
        raise _cut(request, hard=hit.kind == "token_down" or hit["form"] == "rst")
    if hit.kind == "rate_limit":
        answer = Problem(429, "rate_limited", "Too many requests.").answer
        answer.headers = _retry_after(None if hit["form"] == "absent" else hit["retry_after"], hit["form"])
        return answer
    if hit.kind == "status":
        body, media_type = error_body(hit["body"], hit["status"])
        return Answer(body, hit["status"], media_type, _retry_after(hit["retry_after"], "seconds"))
    if hit.kind == "token_down":
        return Problem(hit["status"], "unavailable", "No tokens at the moment.").answer
    if hit.kind == "unauthorized":
        return Problem(401, "unauthorized", "The token is not good any more.", {"WWW-Authenticate": "Bearer"}).answer
    if hit.kind == "expired_token":
        return Problem(400, "expired_page_token", "The page token has expired.").answer
    if hit.kind == "redirect":
        return Answer(b"", hit["status"], headers={"Location": hit["location"]})
    return Answer(HTML, media_type="text/html")  # wrong_content_type, the one that is left


def sent_status(answer: Answer, hits: list[Hit]) -> int:
    """Return the status that an answer goes out with; 0 if it does not go out at all."""
    lost = _lost(hits)
    return answer.status if lost is None else int(lost["status"] or 0)


async def send(request: web.Request, answer: Answer, hits: list[Hit]) -> web.StreamResponse:
    """Send an answer, with what the faults do to it on its way.

    Raises:
        ConnectionResetError: the connection is cut.
    """
    body, headers = answer.body, {**answer.headers, "Content-Type": answer.media_type}
    if (lost := _lost(hits)) is not None:
        if lost["status"] is None:
            raise _cut(request, hard=lost["form"] == "rst")
        body, headers["Content-Type"] = error_body(lost["body"], lost["status"])
        return web.Response(body=body, status=lost["status"], headers=headers)
    delivery: Hit | None = None
    for hit in hits:
        if hit.kind == "truncated_json":
            body = body[: int(len(body) * hit["fraction"])]
        elif hit.kind == "gzip_bomb":
            body, headers["Content-Encoding"] = bomb(hit["megabytes"]), "gzip"
        elif hit.kind in {"gzip", "gzip_damage"}:
            body, headers["Content-Encoding"] = compressed(body, hit.fault.params.get("form", "")), "gzip"
        else:
            delivery = delivery or hit
    if delivery is None:
        return web.Response(body=body, status=answer.status, headers=headers)
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(body)
    await response.prepare(request)
    if delivery.kind == "slow_body":
        pieces = delivery["pieces"]
        step = max(-(-len(body) // pieces), 1)
        for begin in range(0, len(body), step):
            await asyncio.sleep(delivery["seconds"] / pieces)
            await response.write(body[begin : begin + step])
        await response.write_eof()
        return response
    if delivery.kind == "reset_in_body":
        # At least one byte goes missing, or nothing would be amiss.
        await response.write(body[: min(int(len(body) * delivery["fraction"]), len(body) - 1)])
    await asyncio.sleep(0.005)  # what is sent shall arrive before the cut
    raise _cut(request, hard=True)


def _lost(hits: list[Hit]) -> Hit | None:
    """Return the fault that loses the answer, if one strikes; no other can do anything to it then."""
    return next((hit for hit in hits if hit.kind == "lost_answer"), None)


def _cut(request: web.Request, *, hard: bool) -> ConnectionResetError:
    """Cut the connection: `hard` with a reset, else as if it were closed. Returns the error to raise."""
    transport = request.transport
    if transport is not None:
        if hard and (sock := transport.get_extra_info("socket")) is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
        transport.abort()
    return ConnectionResetError("cut by a fault of the sandbox")


def _retry_after(seconds: float | None, form: str) -> dict[str, str]:
    if seconds is None:
        return {}
    return {"Retry-After": formatdate(math.ceil(time.time() + seconds), usegmt=True) if form == "date" else f"{seconds:g}"}


def _latency(hit: Hit) -> float:
    """Return how long to wait: `seconds`, or with `p95` a log-normal time with that median and 95th percentile."""
    seconds, p95 = hit["seconds"], hit["p95"]
    if p95 is None or p95 <= seconds or not seconds:
        return float(seconds)
    spread = math.log(p95 / seconds) / _PERCENTILE_95
    return float(seconds * math.exp(spread * NormalDist().inv_cdf(min(max(hit.draw, 1e-4), 1 - 1e-4))))
