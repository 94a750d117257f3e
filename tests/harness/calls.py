"""Clients that call by gRPC, through the gateway's one port."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc

from dohyo_serving.oip import open_inference_pb2 as messages
from tests.harness.manifests import ENTITY_HEADER
from tests.harness.pacing import beside, send_on_time, steady

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

GATEWAY = "127.0.0.1:30080"
METHOD = "/inference.GRPCInferenceService/ServerReady"
TIMEOUT_SECONDS = 15


@dataclass
class Made:
    """Calls so far; those that failed in words."""

    answered: int = 0
    failed: list[str] = field(default_factory=list)


class _Calling:
    def __init__(self, gateway: str, host: str, per_second: float, made: Made) -> None:
        self._gateway = gateway
        self._host = host
        self._per_second = per_second
        self._made = made

    async def run(self, ended: asyncio.Event) -> None:
        """Each call by an entity of its own, at the moment that its turn comes."""
        options = [("grpc.default_authority", self._host)]
        async with grpc.aio.insecure_channel(self._gateway, options=options) as channel:
            call = channel.unary_unary(
                METHOD,
                request_serializer=messages.ServerReadyRequest.SerializeToString,
                response_deserializer=messages.ServerReadyResponse.FromString,
            )
            times = steady(self._per_second)
            await send_on_time(times, ended, lambda number, _: self._one(call, number))

    async def _one(self, call: grpc.aio.UnaryUnaryMultiCallable, number: int) -> None:
        metadata = ((ENTITY_HEADER, f"caller-{number}"),)
        try:
            request = messages.ServerReadyRequest()
            await call(request, metadata=metadata, timeout=TIMEOUT_SECONDS)
        except grpc.aio.AioRpcError as error:
            self._made.failed.append(f"{error.code()}: {error.details()}")
        else:
            self._made.answered += 1


@contextmanager
def under(host: str, per_second: float, gateway: str = GATEWAY) -> Iterator[Made]:
    """Lets clients call a ModelDeployment while the block runs; the gateway is the cluster's."""
    made = Made()
    with beside(_Calling(gateway, host, per_second, made).run):
        yield made
