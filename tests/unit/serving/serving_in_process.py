"""An endpoint without a socket for HTTP and without a bento: its application is called directly."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from dohyo.contract.keys import KeyRing, Keys
from dohyo_serving.endpoint import Endpoint
from dohyo_serving.oip import open_inference_pb2 as messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    import pytest

    from dohyo_serving.engine import Limits

MASTER = Keys("k1", {"k1": bytes(range(32))}, b"e" * 32)
ASSIGNMENT = "trial=t1;epoch=3;version=v2;mode=split;shares=v1:9000,v2:1000"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


async def ask(
    endpoint: Endpoint, path: str, body: bytes | str | None = None, **headers: str
) -> Reply:
    """Underscores in the names of headers stand for dashes."""
    assert endpoint.http is not None
    content = body.encode() if isinstance(body, str) else body
    named = [(k.replace("_", "-").encode(), v.encode("latin-1")) for k, v in headers.items()]
    scope: Any = {
        "type": "http",
        "method": "GET" if content is None else "POST",
        "path": path,
        "headers": named,
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": content or b"", "more_body": False}

    async def send(event: Any) -> None:
        sent.append(event)

    await endpoint.http(scope, receive, send)
    start, *parts = sent
    received = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Reply(int(start["status"]), received, b"".join(part["body"] for part in parts))


def write_keys(folder: Path, keys: Keys) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "entity").write_text(base64.b64encode(keys.entity).decode())
    for key_id, key in keys.keys.items():
        (folder / key_id).write_text(base64.b64encode(key).decode())
    (folder / "new").write_text(keys.current)
    (folder / "new").rename(folder / "current")


def settle(monkeypatch: pytest.MonkeyPatch, keys: Path | None, **more: str) -> None:
    """The environment that a pod gives."""
    settings = {
        "DOHYO_NAMESPACE": "shop",
        "DOHYO_DEPLOYMENT": "cells",
        "DOHYO_VERSION": "v2",
        "DOHYO_GRPC_HOST": "127.0.0.1",
        "DOHYO_GRPC_PORT": "0",
        "HOSTNAME": "cells-v2-0",
        **more,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    if keys is None:
        monkeypatch.delenv("DOHYO_KEYS", raising=False)
    else:
        monkeypatch.setenv("DOHYO_KEYS", str(keys))


@asynccontextmanager
async def started(model: Any, limits: Limits | None = None, **how: Any) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint("cells", limits)
    endpoint.load(model, **how)
    await endpoint.start()
    try:
        yield endpoint
    finally:
        await endpoint.stop()


@asynccontextmanager
async def channel(endpoint: Endpoint) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{endpoint.grpc_port}") as opened:
        yield opened


async def call(opened: grpc.aio.Channel, method: str, request: Any, **how: Any) -> Any:
    """The response and its trailing metadata."""
    response = getattr(messages, f"{method}Response")
    stub = opened.unary_unary(
        f"/inference.GRPCInferenceService/{method}",
        request_serializer=type(request).SerializeToString,
        response_deserializer=response.FromString,
    )
    calling = stub(request, **how)
    answer = await calling
    return answer, dict(await calling.trailing_metadata())


def keys_in(folder: Path) -> Keys:
    return KeyRing(folder, "shop").keys()
