"""Clients that call by gRPC, through the gateway's one port."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc

from dohyo_serving.oip import open_inference_pb2 as messages
from tests.harness.manifests import ENTITY_HEADER

if TYPE_CHECKING:
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
    def __init__(self, host: str, per_second: float, made: Made) -> None:
        self._host = host
        self._per_second = per_second
        self._made = made

    async def run(self, ended: threading.Event) -> None:
        """Each call by an entity of its own, at the moment that its turn comes."""
        loop = asyncio.get_running_loop()
        options = [("grpc.default_authority", self._host)]
        async with grpc.aio.insecure_channel(GATEWAY, options=options) as channel:
            call = channel.unary_unary(
                METHOD,
                request_serializer=messages.ServerReadyRequest.SerializeToString,
                response_deserializer=messages.ServerReadyResponse.FromString,
            )
            under_way: set[asyncio.Task[None]] = set()
            began, number = loop.time(), 0
            while not ended.is_set():
                while number < (loop.time() - began) * self._per_second:
                    number += 1
                    task = asyncio.create_task(self._one(call, number))
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                await asyncio.sleep(0.01)
            await asyncio.gather(*under_way)

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
def under(host: str, per_second: float) -> Iterator[Made]:
    """Lets clients call a ModelDeployment while the block runs."""
    made, ended = Made(), threading.Event()
    calling = _Calling(host, per_second, made)
    thread = threading.Thread(target=lambda: asyncio.run(calling.run(ended)))
    thread.start()
    try:
        yield made
    finally:
        ended.set()
        thread.join(timeout=60)
