"""gRPC of the protocol, with health and reflection, in the event loop that serves HTTP."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from dohyo.contract import HEADER_PREDICTION_ID, HEADER_VERSION
from dohyo_serving import tracing
from dohyo_serving.errors import ServingError
from dohyo_serving.failures import FAULT, MALFORMED, RequestError, in_words
from dohyo_serving.oip import open_inference_pb2 as messages
from dohyo_serving.oip.inference import Tensor
from dohyo_serving.oip.rest import SERVER
from dohyo_serving.oip.tensors import checked_shape, from_binary, from_typed, to_binary

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from dohyo_serving.engine import Answer
    from dohyo_serving.oip.inference import Inference, Signature
    from dohyo_serving.tracing import Spans

logger = logging.getLogger("bentoml.dohyo")
SERVICE: Final = "inference.GRPCInferenceService"
_CODES: Final = {code.name: code for code in grpc.StatusCode}
_FAULTS: Final = frozenset({_CODES["INTERNAL"], _CODES["DEADLINE_EXCEEDED"]})
# The field of typed contents that holds values of a datatype.
_CONTENTS: Final = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


class GrpcApi:
    """The service, and the server that holds its port."""

    def __init__(self, inference: Inference, spans: Spans | None = None) -> None:
        self._inference = inference
        self._spans = spans
        self._engine = inference.engine
        self._telemetry = inference.engine.telemetry
        self._version = (HEADER_VERSION, inference.version)
        self._server: Any = None
        self._health: Any = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Takes the port and answers.

        Raises:
            ServingError: the port is taken.
        """
        most = self._engine.limits.request_bytes
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", most),
                ("grpc.max_send_message_length", -1),
                # Two processes must never share a port without knowing of each other.
                ("grpc.so_reuseport", 0),
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ]
        )
        self._server.add_generic_rpc_handlers((self._handlers(),))
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        address = f"[{host}]" if ":" in host else host or "[::]"
        try:
            self.port = self._server.add_insecure_port(f"{address}:{port}")
        except RuntimeError as error:
            raise ServingError(
                f"gRPC port {port} cannot be taken: another program holds it, or another worker of "
                "this bento, which is served by one (workers=1); choose another port or `off` "
                "by --grpc-port, or by DOHYO_GRPC_PORT under `bentoml serve`"
            ) from error
        await self._server.start()
        for name in ("", SERVICE):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace_seconds: float) -> None:
        """Says that it ends, refuses new requests and lets the accepted ones finish."""
        if self._server is None:
            return
        server, self._server = self._server, None
        await self._health.enter_graceful_shutdown()
        await server.stop(grace_seconds)

    def _handlers(self) -> Any:
        calls: dict[str, tuple[Callable[[Any, Any], Awaitable[Any]], Any]] = {
            "ServerLive": (self._live, messages.ServerLiveRequest),
            "ServerReady": (self._ready, messages.ServerReadyRequest),
            "ModelReady": (self._model_ready, messages.ModelReadyRequest),
            "ServerMetadata": (self._server_metadata, messages.ServerMetadataRequest),
            "ModelMetadata": (self._model_metadata, messages.ModelMetadataRequest),
            "ModelInfer": (self._infer, messages.ModelInferRequest),
        }
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                name: grpc.unary_unary_rpc_method_handler(
                    self._counted(call, request),
                    response_serializer=lambda message: message.SerializeToString(),
                )
                for name, (call, request) in calls.items()
            },
        )

    def _counted(
        self, call: Callable[[Any, Any], Awaitable[Any]], kind: Any
    ) -> Callable[[Any, Any], Awaitable[Any]]:
        telemetry, version = self._telemetry, self._version

        async def counted(wire: bytes, context: Any) -> Any:
            began = time.monotonic()
            code = "OK"
            # Inference adds to it once it has an answer.
            context.set_trailing_metadata((version,))
            try:
                return await call(_message(kind, wire), context)
            except RequestError as error:
                code, words = error.kind.code, in_words(error)
            except asyncio.CancelledError:
                code = "CANCELLED"
                raise
            except Exception:
                code, words = FAULT.code, "this request failed; the log says more"
                logger.exception("a request fails")
            finally:
                # Before its client can know of it.
                telemetry.answers[("grpc", code)] += 1
                telemetry.seconds["grpc"].add(time.monotonic() - began)
            return await context.abort(_CODES[code], words)

        return counted

    async def _live(self, _request: Any, _context: Any) -> Any:
        return messages.ServerLiveResponse(live=True)

    async def _ready(self, _request: Any, _context: Any) -> Any:
        return messages.ServerReadyResponse(ready=True)

    async def _model_ready(self, request: Any, _context: Any) -> Any:
        self._inference.check(request.name, request.version)
        return messages.ModelReadyResponse(ready=True)

    async def _server_metadata(self, _request: Any, _context: Any) -> Any:
        return messages.ServerMetadataResponse(name=SERVER, version=self._inference.version)

    async def _model_metadata(self, request: Any, _context: Any) -> Any:
        inference = self._inference
        inference.check(request.name, request.version)
        return messages.ModelMetadataResponse(
            name=inference.model,
            versions=[inference.version],
            platform=inference.platform,
            inputs=[_signature(each) for each in inference.inputs],
            outputs=[_signature(each) for each in inference.outputs],
        )

    async def _infer(self, request: Any, context: Any) -> Any:
        metadata = {
            name.encode(): value.encode() if isinstance(value, str) else value
            for name, value in context.invocation_metadata() or ()
        }
        if self._spans is None:
            return await self._inferred(request, context, metadata)
        attributes = {"rpc.system": "grpc", "rpc.service": SERVICE, "rpc.method": "ModelInfer"}
        span = self._spans.begin(f"{SERVICE}/ModelInfer", metadata, attributes)
        # What goes on from here goes on under this span.
        metadata[b"traceparent"] = tracing.traceparent(span)
        code = grpc.StatusCode.CANCELLED
        try:
            answer = await self._inferred(request, context, metadata)
            code = grpc.StatusCode.OK
        except RequestError as error:
            code = _CODES[error.kind.code]
            raise
        except Exception:
            code = _CODES[FAULT.code]
            raise
        else:
            return answer
        finally:
            number = code.value[0]
            tracing.end(span, "rpc.grpc.status_code", number, fault=code in _FAULTS)

    async def _inferred(self, request: Any, context: Any, metadata: Mapping[bytes, bytes]) -> Any:
        began = time.monotonic()
        engine, inference = self._engine, self._inference
        inference.check(request.model_name, request.model_version)
        engine.enter()
        try:
            patience = engine.limits.seconds
            remaining = context.time_remaining()
            if remaining is not None:
                patience = min(patience, remaining)
            asked = engine.identity.asked(metadata, began, patience, grpc=True)
            inputs = _inputs(request, engine.limits.request_bytes)
            wanted = [each.name for each in request.outputs]
            tensors, answer = await inference.infer(asked, inputs, wanted)
            context.set_trailing_metadata(self._trailing(answer, asked.trace))
            return self._response(request, tensors, answer)
        finally:
            engine.leave()

    def _trailing(self, answer: Answer, trace: bytes | None) -> tuple[tuple[str, str], ...]:
        found = [self._version]
        if answer.prediction_id is not None:
            found.append((HEADER_PREDICTION_ID, answer.prediction_id))
        if trace is not None:
            found.append(("traceparent", trace.decode("ascii")))
        return tuple(found)

    def _response(self, request: Any, tensors: Sequence[Tensor], answer: Answer) -> Any:
        response = messages.ModelInferResponse(
            model_name=self._inference.model, model_version=self._inference.version, id=request.id
        )
        if answer.prediction_id is not None:
            response.parameters["prediction_id"].string_param = answer.prediction_id
        raw = bool(request.raw_input_contents)
        for tensor in tensors:
            output = response.outputs.add(
                name=tensor.name, datatype=tensor.datatype, shape=tensor.values.shape
            )
            if raw:
                response.raw_output_contents.append(to_binary(tensor.values, tensor.datatype))
                continue
            values = tensor.values.ravel().tolist()
            if tensor.datatype == "BYTES":
                values = [value.encode() for value in values]
            getattr(output.contents, _CONTENTS[tensor.datatype]).extend(values)
        return response


def _message(kind: Any, wire: bytes) -> Any:
    """Read here and not by grpcio, which takes what is no message for a fault of the server."""
    try:
        return kind.FromString(wire)
    except DecodeError as error:
        raise RequestError(MALFORMED, f"{len(wire)} bytes that are no {kind.__name__}") from error


def _inputs(request: Any, most: int) -> list[Tensor]:
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise RequestError(
            MALFORMED, f"{len(raw)} raw_input_contents for {len(request.inputs)} inputs"
        )
    return [
        _tensor(each, raw[place] if raw else None, most)
        for place, each in enumerate(request.inputs)
    ]


def _tensor(given: Any, raw: bytes | None, most: int) -> Tensor:
    name, datatype = given.name, given.datatype
    shape = checked_shape(name, list(given.shape), most)
    if raw is not None:
        if given.contents.ByteSize():
            raise RequestError(
                MALFORMED,
                f"input {name[:100]!r}: typed contents beside raw_input_contents; send one of them",
            )
        return Tensor(name, datatype, from_binary(name, datatype, shape, raw))
    field = _CONTENTS.get(datatype)
    if field is None:
        raise RequestError(
            MALFORMED, f"input {name[:100]!r}: datatype {datatype[:20]!r} has no typed contents"
        )
    return Tensor(name, datatype, from_typed(name, datatype, shape, getattr(given.contents, field)))


def _signature(each: Signature) -> Any:
    return messages.ModelMetadataResponse.TensorMetadata(
        name=each.name, datatype=each.datatype, shape=each.shape
    )
