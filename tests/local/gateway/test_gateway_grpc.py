"""gRPC on the same port as HTTP/1.1.

By the gateway alone: the upstream hands metadata back, lies in its trailers and waits as it is
told, none of which a bento does. A bento's own gRPC through a ring is told in tests/local/ring.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dohyo.contract import BUCKETS, assignment_from_header
from dohyo_gateway.endpoints import Address, Endpoints, ServiceName
from dohyo_gateway.snapshot import World
from tests.harness.until import until_async
from tests.local.gateway.ring import ENTITY, HOST, KEY, a_ring, a_table, a_world
from tests.local.gateway.test_gateway_routing import bucket

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.gateway.ring import Pod, Ring


class Client:
    """One channel to the gateway; each call answers with what the version was sent."""

    def __init__(self, ring: Ring, host: str = HOST) -> None:
        self.channel = grpc.aio.insecure_channel(
            f"127.0.0.1:{ring.port}", options=[("grpc.default_authority", host)]
        )
        self._stub = health_pb2_grpc.HealthStub(self.channel)

    async def check(self, service: str = "", **metadata: str) -> dict[str, str]:
        sent = tuple((name.replace("_", "-"), value) for name, value in metadata.items())
        request = health_pb2.HealthCheckRequest(service=service)
        call = self._stub.Check(request, metadata=sent, timeout=5)
        answer = await call
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        told = {key: str(value) for key, value in await call.initial_metadata()}
        trailing = [v for k, v in await call.trailing_metadata() if k == "x-dohyo-version"]
        assert trailing == [told["x-dohyo-version"]]
        return told


async def test_the_same_entity_is_on_the_same_side(pods: dict[str, Pod], tmp_path: Path) -> None:
    world = a_world(a_table(5000), [pods["v12-a"]], [pods["v13-a"]])
    async with a_ring(tmp_path, world) as ring:
        client = Client(ring)
        for n in range(60):
            entity = f"e{n}"
            told = await client.check(**{ENTITY: entity})
            assert told["x-dohyo-version"] == ("v13" if bucket(entity) < 5000 else "v12")
            assignment = assignment_from_header(told["x-dohyo-assignment"])
            assert (assignment.mode, assignment.version) == ("split", told["x-dohyo-version"])
            assert told["x-dohyo-entity"] == entity
            _, headers, _ = await ring.get(headers={ENTITY: entity})
            assert headers["x-dohyo-version"] == told["x-dohyo-version"]
        pinned = await client.check(x_dohyo_version="v13")
        assert pinned["served-by"] == "v13-a"
        await client.channel.close()


async def test_both_protocols_are_copied_to_a_shadow(pods: dict[str, Pod], tmp_path: Path) -> None:
    table = a_table(0, shadow=BUCKETS)
    async with a_ring(tmp_path, a_world(table, [pods["v12-a"]], [pods["v13-a"]])) as ring:
        client = Client(ring)
        _, _, earlier = await ring.get("/copies", x_dohyo_version="v13")
        for n in range(20):
            told = await client.check(**{ENTITY: f"e{n}"})
            assert told["x-dohyo-version"] == "v12"
            _, headers, _ = await ring.get(headers={ENTITY: f"e{n}"})
            assert headers["x-dohyo-version"] == "v12"

        async def copied() -> list[dict[str, Any]]:
            copies: list[dict[str, Any]] = (await ring.get("/copies", x_dohyo_version="v13"))[2]
            return copies[len(earlier) :]

        new = await until_async(
            "all are copied", copied, lambda found: len(found) >= 40, seconds=10, every=0.02
        )
        by_grpc = [copy for copy in new if copy.get("protocol") == "grpc"]
        assert (len(new), len(by_grpc)) == (40, 20)
        for copy in new:
            told_of = assignment_from_header(copy["x-dohyo-assignment"])
            assert (told_of.version, told_of.mode) == ("v13", "shadow")
        assert {copy["x-dohyo-entity"] for copy in by_grpc} == {f"e{n}" for n in range(20)}
        await client.channel.close()


async def test_an_error_says_who_answered(pods: dict[str, Pod], tmp_path: Path) -> None:
    """It has no body, so that its only metadata are both initial and trailing."""
    async with a_ring(tmp_path, a_world(a_table(0), [pods["v12-a"]])) as ring:
        client = Client(ring)
        with pytest.raises(grpc.aio.AioRpcError) as lost:
            await client.check("no such service")
        told = [
            (key, str(value))
            for metadata in (lost.value.initial_metadata(), lost.value.trailing_metadata())
            for key, value in metadata
        ]
        assert ("x-dohyo-version", "v12") in told
        assert ("x-dohyo-version", "a lie") not in told
        await client.channel.close()


async def test_metadata_names_the_model_from_outside(pods: dict[str, Pod], tmp_path: Path) -> None:
    async with a_ring(tmp_path, a_world(a_table(0), [pods["v12-a"]])) as ring:
        outside = Client(ring, "models.example.com:8443")
        told = await outside.check(x_dohyo_deployment=KEY)
        assert told["served-by"] == "v12-a"
        assert "x-dohyo-deployment" not in told
        with pytest.raises(grpc.aio.AioRpcError) as lost:
            await outside.check()
        assert lost.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert "x-dohyo-deployment: <namespace>/<name>" in (lost.value.details() or "")
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await outside.check(x_dohyo_deployment=KEY, x_dohyo_version="v99")
        assert "v12, v13" in (unknown.value.details() or "")
        await outside.channel.close()


async def test_the_gateways_own_answers(pods: dict[str, Pod], tmp_path: Path) -> None:
    world = a_world(a_table(0), [pods["v12-a"]])
    async with a_ring(tmp_path, world, DOHYO_PIN_ALLOWED="false") as ring:
        for client, metadata, code in (
            (Client(ring), {"x_dohyo_version": "v12"}, grpc.StatusCode.PERMISSION_DENIED),
            (Client(ring, "satisfaction"), {}, grpc.StatusCode.UNKNOWN),
            (Client(ring, "other.shop"), {}, grpc.StatusCode.UNIMPLEMENTED),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await client.check(**metadata)
            assert refused.value.code() is code
            await client.channel.close()


async def test_a_version_that_never_answers(tmp_path: Path) -> None:
    """It takes connections and says nothing."""
    silent = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    there = Endpoints(grpc=(Address("127.0.0.1", port),))
    service = ServiceName("shop", "satisfaction-v12-aaaaa")
    world = World({KEY: a_table(0, timeout_seconds=0.3)}, {service: there})
    async with a_ring(tmp_path, world) as ring:
        client = Client(ring)
        with pytest.raises(grpc.aio.AioRpcError) as late:
            await client.check()
        assert late.value.code() is grpc.StatusCode.UNAVAILABLE
        await client.channel.close()
    silent.close()


async def calls_without_end(client: Client) -> None:
    """Endpoints go a moment after the routes have been taken."""
    async with asyncio.timeout(10):
        while True:
            await client.check()


async def test_without_endpoints(pods: dict[str, Pod], tmp_path: Path) -> None:
    async with a_ring(tmp_path, a_world(a_table(BUCKETS), [pods["v12-a"]])) as ring:
        client = Client(ring)
        told = await client.check()
        assert (told["x-dohyo-version"], told["served-by"]) == ("v12", "v12-a")
        assert assignment_from_header(told["x-dohyo-assignment"]).mode == "fallback"
        await ring.tell(a_world(a_table(0, epoch=2), []))
        with pytest.raises(grpc.aio.AioRpcError) as lost:
            await calls_without_end(client)
        assert lost.value.code() is grpc.StatusCode.UNAVAILABLE
        await client.channel.close()


async def test_changes_and_a_drain_fail_no_call(pods: dict[str, Pod], tmp_path: Path) -> None:
    world = a_world(a_table(5000), [pods["v12-a"]], [pods["v13-a"]])
    async with a_ring(tmp_path, world) as ring:
        client, end, calls = Client(ring), asyncio.Event(), 0

        async def caller() -> None:
            nonlocal calls
            while not end.is_set():
                await client.check()
                calls += 1

        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(caller())
            for epoch in range(2, 22):
                champion = [pods["v12-a" if epoch % 2 else "v12-b"]]
                table = a_table(epoch * 100, epoch=epoch)
                world = a_world(table, champion, [pods["v13-a"]] if epoch % 3 else [])
                await ring.tell(world)
                wanted = calls + 10
                while calls < wanted:
                    await asyncio.sleep(0.002)
            await ring.tell(replace(world, leaving=True))
            wanted = calls + 200
            while calls < wanted:
                await asyncio.sleep(0.002)
            end.set()
        await client.channel.close()


async def test_codes_are_grpc_statuses(pods: dict[str, Pod], tmp_path: Path) -> None:
    async with a_ring(tmp_path, a_world(a_table(0), [pods["v12-a"]])) as ring:
        client = Client(ring)
        for _ in range(7):
            await client.check()
        for _ in range(3):
            with pytest.raises(grpc.aio.AioRpcError):
                await client.check("no such service")
        await ring.get()
        for code, count in (("OK", 7), ("NOT_FOUND", 3), ("200", 1)):
            await ring.until("dohyo_gateway_requests_total", count, code=code, version="v12")
        await client.channel.close()
