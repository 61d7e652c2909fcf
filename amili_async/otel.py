"""OpenTelemetry adapter: a span for every call, and metrics. Needs the extra `otel`.

```python
AmiliClient.from_env(hooks=OpenTelemetryHooks())
```
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from amili_async.hooks import Hooks

try:
    from opentelemetry import metrics, trace
    from opentelemetry.trace import SpanKind, Status, StatusCode
except ImportError:
    raise ImportError("the hooks for OpenTelemetry need its API: pip install 'amili-async[otel]'") from None

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from amili_async.hooks import PageDrift, PageEvent, RequestEvent, RetryEvent, TokenEvent

__all__ = ["OpenTelemetryHooks"]

NAME = "amili_async"


class OpenTelemetryHooks(Hooks):
    """Reports calls as client spans under the current span, named by operation, and counts retries, rows, tokens and drift.

    Attributes follow the semantic conventions for HTTP clients. No URL is reported, only its template: ids and filters stay here.

    Args:
        tracer_provider: where spans go; the global one if not given.
        meter_provider: where metrics go; the global one if not given.
    """

    def __init__(self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None) -> None:
        self._tracer = trace.get_tracer(NAME, tracer_provider=tracer_provider)
        meter = metrics.get_meter(NAME, meter_provider=meter_provider)
        self._duration = meter.create_histogram("amili.client.call.duration", "s", "Duration of calls, retries included")
        self._retries = meter.create_counter("amili.client.retries", "{retry}", "Attempts after the first")
        self._rows = meter.create_counter("amili.client.rows", "{row}", "Rows handed out")
        self._tokens = meter.create_counter("amili.client.tokens", "{event}", "What happened to access tokens")
        self._drift = meter.create_counter("amili.client.drift", "{event}", "Lists that contradicted themselves")

    def on_request(self, event: RequestEvent) -> None:
        """Report a call that has ended."""
        end = time.time_ns()
        attributes: dict[str, str | int] = {
            "amili.operation": event.operation,
            "http.request.method": event.method,
            "url.template": event.path,
        }
        if event.status is not None:
            attributes["http.response.status_code"] = event.status
        if event.error is not None:
            attributes["error.type"] = type(event.error).__name__
        elif event.abandoned:
            attributes["error.type"] = "abandoned"
        span = self._tracer.start_span(
            event.operation,
            kind=SpanKind.CLIENT,
            start_time=end - int(event.elapsed * 1e9),
            attributes={**attributes, "http.request.resend_count": max(event.attempts - 1, 0)},
        )
        if event.error is not None:
            span.set_status(Status(StatusCode.ERROR, event.error.message))
        elif event.abandoned:
            span.set_status(Status(StatusCode.ERROR, "abandoned"))
        span.end(end)
        self._duration.record(event.elapsed, attributes)

    def on_retry(self, event: RetryEvent) -> None:
        """Count an attempt after the first."""
        self._retries.add(1, {"amili.operation": event.operation, "amili.reason": event.reason})

    def on_token(self, event: TokenEvent) -> None:
        """Count what happened to a token."""
        self._tokens.add(1, {"amili.event": event.what})

    def on_page(self, event: PageEvent) -> None:
        """Count rows."""
        self._rows.add(event.items, {"amili.operation": event.operation})

    def on_drift(self, event: PageDrift) -> None:
        """Count contradictions."""
        self._drift.add(1, {"amili.operation": event.operation, "amili.kind": event.kind})
