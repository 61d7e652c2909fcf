"""The OpenTelemetry adapter, against the real SDK in memory."""

from __future__ import annotations

import importlib
import sys

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from amili_async import errors
from amili_async.hooks import PageDrift, PageEvent, RequestEvent, RetryEvent, TokenEvent
from amili_async.otel import OpenTelemetryHooks


def test_what_to_install(monkeypatch):
    """Whoever imports the hooks without the API is told what to install."""
    monkeypatch.delitem(sys.modules, "amili_async.otel")
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ImportError, match=r"pip install 'amili-async\[otel\]'"):
        importlib.import_module("amili_async.otel")


def test_calls_become_spans_and_metrics():
    """A call is a client span with its real duration; retries, rows, tokens and drift are counted."""
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    hooks = OpenTelemetryHooks(tracers, MeterProvider([reader]))
    common = {"operation": "collection.cases.list", "method": "GET", "path": "/orgs/{organizationId}/cases"}
    hooks.on_request(RequestEvent(**common, status=200, attempts=2, elapsed=1.5, request_id="r", error=None))
    failure = errors.NotSentError("cannot connect")
    hooks.on_request(RequestEvent(**common, status=None, attempts=1, elapsed=0.1, request_id=None, error=failure))
    gone = {**common, "path": "/"}
    hooks.on_request(RequestEvent(**gone, status=None, attempts=1, elapsed=0.1, request_id=None, error=None, abandoned=True))
    hooks.on_retry(RetryEvent(operation="collection.cases.list", attempt=1, delay=0.1, reason="declined", status=429))
    hooks.on_page(PageEvent(operation="collection.cases.list", number=1, items=7, invalid=0, size=100))
    hooks.on_token(TokenEvent(what="renewed"))
    hooks.on_drift(PageDrift(operation="collection.cases.list", kind="total_moved", page=1, expected=1, actual=2))
    good, bad, abandoned = exporter.get_finished_spans()
    assert (good.name, good.kind.name) == ("collection.cases.list", "CLIENT")
    assert good.end_time - good.start_time == 1_500_000_000
    assert good.attributes["http.response.status_code"] == 200
    assert good.attributes["http.request.resend_count"] == 1
    assert bad.attributes["error.type"] == "NotSentError"
    assert bad.status.description == "cannot connect"
    assert abandoned.attributes["error.type"] == "abandoned"
    assert abandoned.status.description == "abandoned"
    (scope,) = reader.get_metrics_data().resource_metrics[0].scope_metrics
    values = {metric.name: metric.data.data_points for metric in scope.metrics}
    assert values["amili.client.rows"][0].value == 7
    assert {name: len(points) for name, points in values.items()} == {
        "amili.client.call.duration": 3,
        "amili.client.retries": 1,
        "amili.client.rows": 1,
        "amili.client.tokens": 1,
        "amili.client.drift": 1,
    }
    tracers.shutdown()
