"""What a bento's service adds to answer records and tensors, over HTTP and gRPC.

endpoint = Endpoint("satisfaction")

@endpoint.attached
@bentoml.service
class Satisfaction:
    stored = BentoModel("satisfaction:latest")

    def __init__(self) -> None:
        endpoint.load(self.stored.path_of("/"))
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from prometheus_client.exposition import generate_latest

from dohyo_form.errors import FormError
from dohyo_serving import tracing
from dohyo_serving.engine import Engine, Limits
from dohyo_serving.errors import ServingError
from dohyo_serving.http_api import HttpApi, OwnService
from dohyo_serving.identity import Identity
from dohyo_serving.oip.inference import Inference
from dohyo_serving.predictors import FormPredictor, PipelinePredictor, Predictor, form_in
from dohyo_serving.settings import Settings, from_environment
from dohyo_serving.shipping import Shipper
from dohyo_serving.telemetry import Telemetry

if TYPE_CHECKING:
    from uvicorn._types import (
        ASGI3Application,
        ASGIReceiveCallable,
        ASGISendCallable,
        ASGISendEvent,
        Scope,
    )

    from dohyo_form.contract import Contract
    from dohyo_form.form import Form
    from dohyo_serving.oip.grpc_api import GrpcApi
    from dohyo_serving.tracing import Spans

    Service = TypeVar("Service")

logger = logging.getLogger("bentoml.dohyo")
# Of golden rows, in a message that has to fit where Kubernetes shows it.
_MOST_SHOWN = 3


class Endpoint:
    """One model behind every protocol of the runtime."""

    def __init__(self, name: str, limits: Limits | None = None) -> None:
        """Makes an endpoint that has no model yet.

        Args:
            name: of the model in the Open Inference Protocol.
            limits: what a process takes on; the usual ones by default.
        """
        self.name = name
        self.limits = limits or Limits()
        self.http: HttpApi | None = None
        self.engine: Engine | None = None
        self._settings: Settings | None = None
        self._shipper: Shipper | None = None
        self._inference: Inference | None = None
        self._grpc: GrpcApi | None = None
        self._spans: Spans | None = None
        # BentoML's once it is attached.
        self._service = OwnService(generate_latest)

    def attached(self, service: Service) -> Service:
        """Puts the endpoint before the own routes of a BentoML service."""
        self._service = OwnService(
            _bentoml_metrics,
            lambda: _description(service),
        )
        service.add_asgi_middleware(Door, endpoint=self)  # type: ignore[attr-defined]
        return service

    def load(
        self, model: str | Path | Any, *, fallback: Any = None, contract: Contract | None = None
    ) -> None:
        """Takes the model on.

        Args:
            model: the folder of a BentoML model that may hold a serving form, or an estimator
                or a function of a matrix.
            fallback: makes the estimator of a folder without a form.
            contract: of an estimator's columns; without one any matrix goes to it.

        Raises:
            ServingError: the form does not load, or answers its golden rows wrongly.
        """
        form = None
        if isinstance(model, str | Path):
            try:
                form = form_in(Path(model))
            except FormError as error:
                raise ServingError(f"serving form of {self.name}: {error}") from error
            if form is None and fallback is None:
                raise ServingError(f"{model}: no serving form here, and no fallback was given")
            if form is None:
                model = fallback()
        if form is not None:
            _check_golden_rows(form)
            self._begin(FormPredictor(form), f"dohyo-form_{form.description['backend']}")
        else:
            self._begin(PipelinePredictor(model, contract), type(model).__module__.split(".")[0])

    async def predict(self, records: list[dict[str, Any]]) -> dict[str, Any]:
        """The answer to named records, for callers inside the process.

        Raises:
            ServingError: no model was loaded.
            RequestError: the contract refuses the records.
        """
        if self.engine is None or self.http is None:
            raise ServingError(f"endpoint {self.name} has no model; call endpoint.load first")
        asked = self.engine.identity.asked({}, time.monotonic(), self.limits.seconds)
        return self.http.document(await self.engine.of_records(asked, records))

    async def start(self) -> None:
        """Begins to answer gRPC and to ship records; HTTP is answered by who holds the socket.

        Raises:
            ServingError: no model was loaded, or the port of gRPC is taken.
        """
        if self.engine is None or self._inference is None or self._settings is None:
            raise ServingError(
                f"endpoint {self.name} has no model; call endpoint.load in the service's __init__"
            )
        if self._shipper is not None:
            self._shipper.start()
        if self._settings.grpc_port is not None:
            from dohyo_serving.oip.grpc_api import GrpcApi  # noqa: PLC0415 - may be turned off

            self._grpc = GrpcApi(self._inference, self._spans)
            await self._grpc.start(self._settings.grpc_host, self._settings.grpc_port)

    @property
    def grpc_port(self) -> int | None:
        """Where gRPC is answered; None while it is not."""
        return None if self._grpc is None else self._grpc.port

    async def drain(self, grace_seconds: float) -> None:
        """Refuses new gRPC requests and finishes the accepted ones."""
        if self._grpc is not None:
            await self._grpc.stop(grace_seconds)

    async def stop(self) -> None:
        await self.drain(0)
        if self._shipper is not None:
            await self._shipper.stop()
        if self._spans is not None:
            # It may wait for a collector that is away.
            await asyncio.to_thread(self._spans.close)
        if self.engine is not None:
            self.engine.close()

    def _begin(self, predictor: Predictor, platform: str) -> None:
        settings = from_environment()
        telemetry = Telemetry()
        telemetry.model, telemetry.version = self.name, settings.version or _bento_version()
        identity = Identity(settings, telemetry.version, telemetry)
        if settings.evidence_url is not None:
            self._shipper = Shipper(settings, telemetry.version, identity.keys)
        self.engine = Engine(predictor, identity, telemetry, self.limits, self._shipper)
        telemetry.drift, telemetry.shipper = self.engine.drift, self._shipper
        if self._shipper is not None:
            self._shipper.drift = self.engine.drift
            self._shipper.classes = tuple(map(str, predictor.classes))
        self._settings = settings
        self._spans = tracing.from_environment(os.environ, self.name, telemetry.version)
        self._inference = Inference(self.engine, self.name, telemetry.version, platform)
        self.http = HttpApi(self.engine, self._inference, self._service, self._spans)


class Door:
    """The endpoint as middleware of a BentoML service: its paths here, everything else within."""

    def __init__(self, app: ASGI3Application, endpoint: Endpoint) -> None:
        self.app = app
        self.endpoint = endpoint

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        http = self.endpoint.http
        if scope["type"] == "http" and http is not None and http.takes(scope["path"]):
            await http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif http is None:
            await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, _stamping(http.version, send))

    async def _live(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        async def send_after(event: ASGISendEvent) -> None:
            if event["type"] == "lifespan.startup.complete":
                await self.endpoint.start()
            if event["type"].startswith("lifespan.shutdown"):
                await self.endpoint.stop()
            await send(event)

        await self.app(scope, receive, send_after)


def _stamping(version: tuple[bytes, bytes], send: ASGISendCallable) -> ASGISendCallable:
    """Sends the version with whatever the bento's own code answers."""

    async def send_stamped(event: ASGISendEvent) -> None:
        if event["type"] == "http.response.start":
            event["headers"] = [*event.get("headers", ()), version]
        await send(event)

    return send_stamped


def _check_golden_rows(form: Form) -> None:
    differences = form.replay()
    if differences:
        shown = "; ".join(differences[:_MOST_SHOWN])
        raise ServingError(
            f"{len(differences)} golden rows are answered otherwise than in training: {shown}; "
            "build the bento anew, or serve it with the libraries that it was trained with"
        )


def _description(service: Any) -> dict[str, Any]:
    """BentoML's; some of its keys are numbers until they have been JSON."""
    document: dict[str, Any] = json.loads(json.dumps(service.openapi_spec.asdict()))
    return document


def _bento_version() -> str:
    from bentoml import server_context  # noqa: PLC0415 - a model may be served without a bento

    return str(server_context.bento_version or "unpacked")


def _bentoml_metrics() -> bytes:
    from bentoml._internal.configuration.containers import BentoMLContainer  # noqa: PLC0415

    client: Any = BentoMLContainer.metrics_client.get()
    text: bytes = client.generate_latest()
    return text
