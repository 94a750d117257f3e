"""HTTP: named records at /predict, the Open Inference Protocol at /v2, metrics.

An ASGI application without a framework: what stands between a socket and a prediction is paid
for by every request.
"""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from dohyo.contract import HEADER_PREDICTION_ID, HEADER_VERSION
from dohyo_form.errors import Finding
from dohyo_serving import tracing
from dohyo_serving.description import described
from dohyo_serving.encodings import decoded
from dohyo_serving.failures import (
    FAULT,
    MALFORMED,
    NOT_FOUND,
    OVERLOADED,
    REFUSED,
    SLOW,
    TOO_LARGE,
    WRONG_METHOD,
    RequestError,
    detail,
    in_words,
)
from dohyo_serving.oip import rest
from dohyo_serving.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from opentelemetry.trace import Span
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

    from dohyo_serving.engine import Answer, Engine
    from dohyo_serving.identity import Asked
    from dohyo_serving.oip.inference import Inference
    from dohyo_serving.tracing import Spans

logger = logging.getLogger("bentoml.dohyo")
PREDICT: Final = "/predict"
METRICS: Final = "/metrics"
DOCUMENT: Final = "/docs.json"
_MODEL: Final = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?(/ready|/infer)?")
_JSON: Final = b"application/json"
_CLOSED: Final = 499


@dataclass(frozen=True)
class OwnService:
    """What the service that an endpoint is attached to tells of itself.

    Attributes:
        metrics: their text.
        document: its OpenAPI description; None where nobody has one.
    """

    metrics: Callable[[], bytes]
    document: Callable[[], dict[str, Any]] | None = None


Reply = tuple[int, bytes, list[tuple[bytes, bytes]]]


class Disconnected(Exception):  # noqa: N818 - nothing is wrong with a client that leaves
    """The client went away before its request was complete."""


class HttpApi:
    """Answers the paths of one endpoint."""

    def __init__(
        self,
        engine: Engine,
        inference: Inference,
        service: OwnService,
        spans: Spans | None = None,
    ) -> None:
        """Prepares the answers.

        Args:
            engine: predicts.
            inference: between tensors and the engine.
            service: what of the service around the endpoint is told here as well.
            spans: where requests for predictions are traced.
        """
        self._engine = engine
        self._spans = spans
        self._inference = inference
        self._telemetry = engine.telemetry
        self._service = service
        self._paths = {PREDICT, METRICS, "/v2"}
        if service.document is not None:
            self._paths.add(DOCUMENT)
        self.version = (HEADER_VERSION.encode(), self._telemetry.version.encode())
        self._classes = [str(each) for each in engine.predictor.classes]
        self._infer = f"/v2/models/{inference.model}/infer"
        self._patience = Patience(engine.limits.seconds)
        # While the process ends, each answer tells its client to connect anew.
        self.closing = False

    def takes(self, path: str) -> bool:
        """Whether the path is this endpoint's to answer."""
        return path in self._paths or path.startswith("/v2/")

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        assert scope["type"] == "http", "nothing else is handed over"
        began = time.monotonic()
        path, method = scope["path"], scope["method"]
        headers = dict(scope["headers"])
        span = None if self._spans is None or method != "POST" else self._begun(path, headers)
        try:
            if path == PREDICT or path == self._infer:  # noqa: PLR1714
                answer = self._records if path == PREDICT else self._tensors
                reply = await self._predicted(answer, method, headers, receive, began)
            else:
                reply = await self._other(path, method, headers, receive, began)
        except Disconnected:
            self._count(_CLOSED, began, span)
            return
        status, body, more = reply
        self._count(status, began, span)
        trace = tracing.given(headers) if span is None else tracing.traceparent(span)
        if trace is not None:
            more.append((b"traceparent", trace))
        if self.closing:
            more.append((b"connection", b"close"))
        more += [(b"content-length", b"%d" % len(body)), self.version]
        await send({"type": "http.response.start", "status": status, "headers": more})
        await send({"type": "http.response.body", "body": body})

    async def _predicted(
        self,
        answer: Callable[[Asked, bytes, Mapping[bytes, bytes]], Awaitable[Reply]],
        method: str,
        headers: Mapping[bytes, bytes],
        receive: ASGIReceiveCallable,
        began: float,
    ) -> Reply:
        engine = self._engine
        entered = False
        try:
            _check_method(method, "POST")
            # A client that dawdles keeps a connection busy, and no place among those at work.
            body = await self._patience.read(_body(receive, headers, engine.limits.request_bytes))
            engine.enter()
            entered = True
            encoding = headers.get(b"content-encoding")
            if encoding is not None:
                body = decoded(body, encoding, engine.limits.request_bytes)
            asked = engine.identity.asked(headers, began, engine.limits.seconds)
            return await answer(asked, body, headers)
        except RequestError as error:
            return _refusal(error)
        except Disconnected:
            raise
        except Exception:
            logger.exception("a request fails")
            return _refusal(RequestError(FAULT, "this request failed; the log says more"))
        finally:
            if entered:
                engine.leave()

    async def _records(self, asked: Asked, body: bytes, _headers: Mapping[bytes, bytes]) -> Reply:
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise RequestError(MALFORMED, f"Invalid JSON: {error}") from error
        if type(document) is not dict or "records" not in document or len(document) != 1:
            raise _misshapen(document)
        answer = await self._engine.of_records(asked, document["records"])
        return self._signed(orjson.dumps(self.document(answer)), answer, [])

    def document(self, answer: Answer) -> dict[str, Any]:
        """The answer to named records as JSON."""
        rows = answer.outputs.tolist()
        if self._engine.classification:
            labels = self._engine.predictor.labels(answer.outputs)
            classes = self._classes
            predictions: list[Any] = [
                {"label": str(label), "probabilities": dict(zip(classes, row, strict=True))}
                for label, row in zip(labels, rows, strict=True)
            ]
        else:
            predictions = [{"value": row[0] if len(row) == 1 else row} for row in rows]
        return {"version": self._telemetry.version, "predictions": predictions}

    async def _tensors(self, asked: Asked, body: bytes, headers: Mapping[bytes, bytes]) -> Reply:
        limit = self._engine.limits.request_bytes
        request = rest.request_from(body, headers.get(rest.HEADER_LENGTH), limit)
        tensors, answer = await self._inference.infer(asked, request.inputs, request.wanted)
        content, length = rest.answer_to(request, tensors, self._inference, answer.prediction_id)
        if length is None:
            return self._signed(content, answer, [])
        binary = (b"content-type", b"application/octet-stream")
        return self._signed(content, answer, [binary, (rest.HEADER_LENGTH, b"%d" % length)])

    def _signed(self, body: bytes, answer: Answer, headers: list[tuple[bytes, bytes]]) -> Reply:
        if not headers:
            headers = [(b"content-type", _JSON)]
        if answer.prediction_id is not None:
            headers.append((_PREDICTION_ID, answer.prediction_id.encode()))
        return HTTPStatus.OK, body, headers

    async def _other(
        self,
        path: str,
        method: str,
        headers: Mapping[bytes, bytes],
        receive: ASGIReceiveCallable,
        began: float,
    ) -> Reply:
        """Probes, metadata, metrics, and models that are not here."""
        matched = _MODEL.fullmatch(path)
        try:
            if matched is not None:
                model, version, verb = matched.groups()
                self._inference.check(model, version or "")
                if verb == "/infer":
                    return await self._predicted(self._tensors, method, headers, receive, began)
            return self._told(method, path, matched)
        except RequestError as error:
            return _refusal(error)

    def _told(self, method: str, path: str, matched: re.Match[str] | None) -> Reply:
        known = {
            "/v2": rest.server_metadata(self._telemetry.version),
            "/v2/health/live": {"live": True},
            "/v2/health/ready": {"ready": True},
        }
        document = known.get(path.rstrip("/"))
        if path == DOCUMENT and self._service.document is not None:
            document = described(
                self._service.document(),
                PREDICT,
                self._engine.predictor.contract,
                self._classes if self._engine.classification else (),
            )
        if document is None and matched is None and path != METRICS:
            raise RequestError(NOT_FOUND, f"nothing answers at {path[:200]!r}")
        _check_method(method, "GET", "HEAD")
        if path == METRICS:
            text = self._service.metrics() + generate_latest(self._telemetry.registry)
            return HTTPStatus.OK, text, [(b"content-type", CONTENT_TYPE_LATEST.encode())]
        if matched is not None:
            if matched[3] == "/ready":
                return _json({"name": self._inference.model, "ready": True})
            return _json(rest.model_metadata(self._inference))
        return _json(document)

    def _begun(self, path: str, headers: Mapping[bytes, bytes]) -> Span | None:
        """A span of a request for a prediction; named by its route, never by what was sent."""
        route = PREDICT
        if path != PREDICT:
            matched = _MODEL.fullmatch(path)
            if matched is None or matched[3] != "/infer":
                return None
            version = "" if matched[2] is None else "/versions/{version}"
            route = f"/v2/models/{{model}}{version}/infer"
        assert self._spans is not None, "somebody asks for spans"
        attributes = {"http.request.method": "POST", "http.route": route}
        return self._spans.begin(f"POST {route}", headers, attributes)

    def _count(self, status: int, began: float, span: Span | None) -> None:
        self._telemetry.answers[("http", str(status))] += 1
        self._telemetry.seconds["http"].add(time.monotonic() - began)
        if span is not None:
            tracing.end(span, "http.response.status_code", status, fault=status >= 500)


_PREDICTION_ID: Final = HEADER_PREDICTION_ID.encode()


def _check_method(method: str, *allowed: str) -> None:
    if method not in allowed:
        raise RequestError(WRONG_METHOD, f"{method[:20]} is not answered here; use {allowed[0]}")


async def _body(receive: ASGIReceiveCallable, headers: Mapping[bytes, bytes], most: int) -> bytes:
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length[:15]) > most:
        raise RequestError(TOO_LARGE, f"the body has {int(length[:15])} bytes; send at most {most}")
    event = await receive()
    _check_here(event)
    body: bytes = event.get("body", b"")  # type: ignore[assignment]
    parts, total = [body], len(body)
    while event.get("more_body") and total <= most:
        event = await receive()
        _check_here(event)
        part: bytes = event.get("body", b"")  # type: ignore[assignment]
        parts.append(part)
        total += len(part)
    if total > most:
        raise RequestError(TOO_LARGE, f"the body has more than {most} bytes; send fewer rows")
    return body if len(parts) == 1 else b"".join(parts)


def _check_here(event: Any) -> None:
    if event["type"] == "http.disconnect":
        raise Disconnected


def _misshapen(document: Any) -> RequestError:
    if type(document) is not dict:
        return RequestError(REFUSED, "the body must be an object with records")
    findings = [
        Finding((str(name)[:100],), "unknown", "is no field; known is records")
        for name in list(document)[:20]
        if name != "records"
    ]
    if "records" not in document:
        findings.insert(0, Finding(("records",), "missing", "must be given"))
    return RequestError(REFUSED, "the body must be an object with records", findings)


def _refusal(error: RequestError) -> Reply:
    headers = [(b"content-type", _JSON)]
    if error.kind is SLOW:
        headers.append((b"connection", b"close"))
    if error.kind is OVERLOADED:
        headers.append((b"retry-after", b"1"))
    if error.kind is WRONG_METHOD:
        headers.append((b"allow", b"GET" if error.message.endswith("GET") else b"POST"))
    document = {"error": in_words(error), "detail": detail(error)}
    return error.kind.status, orjson.dumps(document, default=str), headers


def _json(document: Any) -> Reply:
    return HTTPStatus.OK, orjson.dumps(document), [(b"content-type", _JSON)]
