"""A version's pod as the gateway meets it: `python -m tests.local.gateway.upstream NAME HTTP GRPC`.

Over HTTP it answers with what it was sent; over gRPC it is the standard health service, which hands
the request's metadata back as initial metadata, and claims to be another version in its trailing
metadata; `sleep` in the metadata says for how many seconds it waits first. Copies of both protocols
are kept for /copies. It ends like a pod: at once by SIGKILL, or by SIGTERM after the answers it
still owes.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import grpc
import uvicorn
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

seen: dict[str, int] = {}
copies: list[dict[str, str]] = []


class Mirror(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Sends the request's own x-dohyo metadata back, and who answered."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = await continuation(details)
        told = [(k, v) for k, v in details.invocation_metadata if k.startswith("x-dohyo")]

        async def answer(request: Any, context: Any) -> Any:
            seen["grpc"] = seen.get("grpc", 0) + 1
            if any("mode=shadow" in str(value) for _, value in told):
                copies.append({**dict(told), "protocol": "grpc"})
            await asyncio.sleep(
                sum(float(v) for k, v in details.invocation_metadata if k == "sleep")
            )
            context.set_trailing_metadata((("x-dohyo-version", "a lie"),))
            await context.send_initial_metadata((*told, ("served-by", self._name)))
            return await handler.unary_unary(request, context)

        if not handler.unary_unary:
            return handler
        return grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


class Echo:
    """The HTTP side. The path says what it does."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        length = 0
        while True:
            event = await receive()
            length += len(event.get("body", b""))
            if not event.get("more_body"):
                break
        path = scope["path"]
        status = 200
        if "mode=shadow" in headers.get("x-dohyo-assignment", ""):
            copies.append(headers)
        elif path.startswith("/sleep/"):
            await asyncio.sleep(float(path.removeprefix("/sleep/")))
        elif path.startswith("/status/"):
            status = int(path.removeprefix("/status/"))
        told: Any = {"served_by": self._name, "path": path, "headers": headers, "length": length}
        if path == "/copies":
            told = copies
        body = json.dumps(told).encode()
        sent = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        sent.append((b"x-dohyo-version", b"a lie"))
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send({"type": "http.response.body", "body": body})


async def serve(name: str, http_port: int, grpc_port: int) -> None:
    server = grpc.aio.server(interceptors=[Mirror(name)], options=[("grpc.so_reuseport", 0)])
    servicer = health.aio.HealthServicer()
    await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(f"127.0.0.1:{grpc_port}")
    await server.start()
    config = uvicorn.Config(
        Echo(name), host="127.0.0.1", port=http_port, log_level="warning", access_log=False
    )
    await uvicorn.Server(config).serve()
    await server.stop(5)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
