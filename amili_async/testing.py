"""Test kit for users of the package: a transport that answers from a script, a clock that does not wait.

```python
transport = FakeTransport([json_reply({"data": [], "summary": {}})])
async with AmiliClient(StaticToken("t"), transport=transport, clock=FakeClock()) as amili:
    await amili.collection.batches.list("org")
assert transport.requests[0].method == "GET"
```
"""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from amili_async.exchange import Reply, Request
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

    Answer = Reply | BaseException
    Handler = Callable[[Request], Answer | Awaitable[Answer]]

__all__ = ["FakeClock", "FakeTransport", "Reply", "Request", "json_reply", "sandbox_fixture"]


def json_reply(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return an answer with a JSON body; Decimals go in as numbers."""
    return Reply(status, {"content-type": "application/json", **(headers or {})}, encode(content))


class FakeTransport:
    """Answers from a script, or by a function, and keeps every request.

    Args:
        script: answers and exceptions, in order; or a function (async or not) from the request to one of them.
    """

    def __init__(self, script: Iterable[Answer] | Handler) -> None:
        self.requests: list[Request] = []
        self.closed = False
        self._handler: Handler | None = script if callable(script) else None
        self._script = iter(()) if callable(script) else iter(script)

    async def send(self, request: Request) -> Reply:
        """Return the next answer, or raise it.

        Raises:
            AssertionError: the script has come to its end.
        """
        self.requests.append(request)
        await asyncio.sleep(0)
        answer: Answer | None
        if self._handler is not None:
            found = self._handler(request)
            answer = await found if inspect.isawaitable(found) else found
        else:
            answer = next(self._script, None)
        if answer is None:
            message = f"the script has no answer left for {request.method} {request.url}"
            raise AssertionError(message)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def aclose(self) -> None:
        """Take note."""
        self.closed = True


class FakeClock:
    """A clock that stands still until somebody sleeps; then it jumps. Keeps how long was slept.

    Args:
        now: monotonic seconds to begin with.
        unix: unix seconds to begin with.
    """

    def __init__(self, now: float = 1_000.0, unix: float = 1_700_000_000.0) -> None:
        self.now = now
        self.unix = unix
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    def time(self) -> float:
        """Return the unix time."""
        return self.unix

    def advance(self, seconds: float) -> None:
        """Let time go by."""
        self.now += seconds
        self.unix += seconds

    async def sleep(self, seconds: float) -> None:
        """Let time go by at once, giving others their turn."""
        self.sleeps.append(seconds)
        self.advance(max(seconds, 0.0))
        await asyncio.sleep(0)


def sandbox_fixture(**settings: Any) -> Any:
    """Return a pytest fixture that gives a running sandbox.

    One line in a test module makes it: `sandbox = sandbox_fixture(cases=50)`. Needs pytest-asyncio and the extra `sandbox`.

    Args:
        settings: arguments of `Sandbox`.
    """
    import pytest_asyncio  # noqa: PLC0415  # the test kit serves users without pytest, too

    from amili_async.sandbox import Sandbox  # noqa: PLC0415  # an extra

    @pytest_asyncio.fixture
    async def sandbox() -> AsyncIterator[Sandbox]:
        async with Sandbox(**settings) as running:
            yield running

    return sandbox
