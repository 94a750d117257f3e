"""OpenTelemetry spans of predictions: off unless the environment names an exporter.

The SDK reads all the rest itself: OTEL_TRACES_SAMPLER, OTEL_RESOURCE_ATTRIBUTES, OTEL_BSP_* and
the exporters' own variables. Spans are sent by a thread of the SDK; a collector that is away
costs spans, never a prediction. The provider is this process's own and not OpenTelemetry's
global one, which belongs to the bento.
"""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final

from dohyo_serving.errors import ServingError, brief

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span

EXPORTER: Final = "OTEL_TRACES_EXPORTER"
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_CONTEXT: Final = ("traceparent", "tracestate")
# A version to come may add more after a dash.
_TRACEPARENT: Final = re.compile(
    rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]{0,70})?"
)


def from_environment(environment: Mapping[str, str], model: str, version: str) -> Spans | None:
    """Where spans go; None where nobody asks for them.

    Raises:
        ServingError: an exporter is asked for that is not here.
    """
    name = environment.get(EXPORTER, "").strip()
    if not name and any(environment.get(each) for each in _ENDPOINTS):
        name = "otlp"
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or name in ("", "none"):
        return None
    # Late, because a process without spans does not pay for the SDK.
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    exporter = _exporter(name, environment)
    ours = Resource.create({"service.name": model, "service.version": version})
    try:
        provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()))
        provider.add_span_processor(BatchSpanProcessor(exporter))
    except ValueError as error:
        raise ServingError(f"OTEL_*: {brief(error)}; correct or remove the variable") from error
    return Spans(provider)


def _exporter(name: str, environment: Mapping[str, str]) -> Any:
    protocol = next((environment[each] for each in _PROTOCOLS if environment.get(each)), "")
    if name == "otlp" and protocol not in ("", "http/protobuf"):
        raise ServingError(
            f"OTEL_EXPORTER_OTLP_PROTOCOL: {protocol!r} is not spoken here; "
            "choose http/protobuf, at port 4318 of a collector as a rule"
        )
    known = {
        each.name.replace("otlp_proto_http", "otlp"): each
        for each in entry_points(group="opentelemetry_traces_exporter")
    }
    if name not in known:
        shown = ", ".join(sorted(known))
        raise ServingError(f"{EXPORTER}: no exporter {name!r} here; choose one of none, {shown}")
    try:
        return known[name].load()()
    except Exception as error:  # an exporter checks its own variables as it likes
        raise ServingError(f"{EXPORTER} {name}: {brief(error)}") from error


class Spans:
    """One span for each request for a prediction."""

    def __init__(self, provider: Any) -> None:
        """Takes the SDK's provider, which samples and exports."""
        from opentelemetry.trace import SpanKind  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        self._provider = provider
        self._tracer = provider.get_tracer("dohyo_serving")
        self._context = TraceContextTextMapPropagator()
        self._kind = SpanKind.SERVER

    def begin(
        self, name: str, headers: Mapping[bytes, bytes], attributes: Mapping[str, str]
    ) -> Span:
        """A span under the one that the headers name, in lower case; a new trace without."""
        carrier = {
            key: headers[key.encode()].decode("latin-1")
            for key in _CONTEXT
            if key.encode() in headers
        }
        span: Span = self._tracer.start_span(
            name, self._context.extract(carrier), self._kind, attributes=dict(attributes)
        )
        return span

    def close(self) -> None:
        """Sends what is left; blocks for as long as the exporter's own timeout allows."""
        self._provider.shutdown()


def end(span: Span, attribute: str, code: int | str, *, fault: bool) -> None:
    """Ends a span with its answer's code; only a fault of ours makes it an error."""
    from opentelemetry.trace import StatusCode  # noqa: PLC0415

    span.set_attribute(attribute, code)
    if fault:
        span.set_status(StatusCode.ERROR)
    span.end()


def given(headers: Mapping[bytes, bytes]) -> bytes | None:
    """The client's trace context; what is none is not passed on, as W3C has it.

    gRPC could not even send it back: its metadata takes few bytes.
    """
    trace = headers.get(b"traceparent")
    return trace if trace is not None and _TRACEPARENT.fullmatch(trace) else None


def traceparent(span: Span) -> bytes:
    """The span as a W3C trace context."""
    context = span.get_span_context()
    return b"00-%032x-%016x-%02x" % (context.trace_id, context.span_id, context.trace_flags)
