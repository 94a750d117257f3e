"""What the gateway learns from a real API server, and what it makes of losing it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes.aio import client, config

from dohyo.contract import (
    API_VERSION,
    GROUP,
    KIND,
    LABEL_DEPLOYMENT,
    PLURAL,
    VERSION,
    RoutingTable,
    routing_to_status,
)
from dohyo_gateway.cluster_feed import ClusterFeed, Scope
from dohyo_gateway.endpoints import Address, Endpoints, ServiceName
from tests.harness.access import project_access
from tests.harness.commands import kubectl
from tests.harness.installation import CRDS
from tests.local.gateway.ring import a_table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from dohyo_gateway.snapshot import World

GATEWAY = "dohyo-gateway"
ALREADY_EXISTS = 409


class Cluster:
    """Writes what operator and kubelet would write, into two namespaces of its own."""

    def __init__(self, api: client.ApiClient, namespace: str, other: str) -> None:
        self.api = api
        self.namespace = namespace
        self.other = other
        self._custom = client.CustomObjectsApi(api)

    async def deploy(self, name: str, table: RoutingTable, namespace: str = "") -> None:
        version = {"name": "v12", "bento": "satisfaction:v12", "image": "satisfaction:v12"}
        body = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": name},
            # An operator that happens to run keeps the routing of what is paused.
            "spec": {"champion": version, "paused": True},
        }
        place = (GROUP, VERSION, namespace or self.namespace, PLURAL)
        try:
            await self._custom.create_namespaced_custom_object(*place, body)
        except client.ApiException as error:
            if error.status != ALREADY_EXISTS:
                raise
        await self._custom.patch_namespaced_custom_object_status(
            *place, name, {"status": {"routing": routing_to_status(table)}}
        )

    async def remove(self, name: str) -> None:
        place = (GROUP, VERSION, self.namespace, PLURAL)
        await self._custom.delete_namespaced_custom_object(*place, name)

    async def slice(self, service: str, labels: dict[str, str], *pods: dict[str, Any]) -> None:
        place = ("discovery.k8s.io", "v1", self.namespace, "endpointslices")
        body = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": service,
                "labels": {"kubernetes.io/service-name": service, **labels},
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 3000}, {"name": "grpc", "port": 3001}],
            "endpoints": list(pods),
        }
        await self._custom.create_namespaced_custom_object(*place, body)


def a_pod(address: str, name: str = "pod", **conditions: bool) -> dict[str, Any]:
    return {
        "addresses": [address],
        "conditions": {"ready": True, **conditions},
        "targetRef": {"kind": "Pod", "name": name},
    }


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    CRDS.install()
    name = f"crd/{PLURAL}.{GROUP}"
    kubectl("wait", "--for=condition=Established", "--timeout=30s", name)
    await config.load_kube_config(config_file=str(project_access().kubeconfig))
    async with client.ApiClient() as api:
        core = client.CoreV1Api(api)
        names = [f"dohyo-feed-{secrets.token_hex(3)}" for _ in range(2)]
        for name in names:
            metadata = client.V1ObjectMeta(name=name)
            await core.create_namespace(client.V1Namespace(metadata=metadata))
        yield Cluster(api, *names)
        for namespace in names:
            await core.delete_namespace(namespace)


@contextlib.asynccontextmanager
async def a_feed(cluster: Cluster, *namespaces: str) -> AsyncIterator[ClusterFeed]:
    feed = ClusterFeed(cluster.api, Scope(namespaces, cluster.namespace, GATEWAY, "gateway-0"))
    assert feed.world() is None
    running = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def until(feed: ClusterFeed, holds: Callable[[World], bool]) -> World:
    async with asyncio.timeout(15):
        while True:
            feed.changed.clear()
            world = feed.world()
            if world is not None and holds(world):
                return world
            await feed.changed.wait()


async def test_it_follows_tables_endpoints_and_its_own_end(cluster: Cluster) -> None:
    here = cluster.namespace
    key, service = f"{here}/satisfaction", ServiceName(here, "satisfaction-v12-aaaaa")
    labels = {LABEL_DEPLOYMENT: "satisfaction"}
    table = a_table(700)
    await cluster.deploy("satisfaction", table)
    async with a_feed(cluster, here) as feed:
        await until(feed, lambda w: w.tables == {key: table})
        await cluster.slice(
            service.name,
            labels,
            a_pod("192.0.2.1"),
            a_pod("192.0.2.2", ready=False),
            a_pod("192.0.2.3", ready=False, serving=True, terminating=True),
        )
        expected = Endpoints(
            http=(Address("192.0.2.1", 3000),),
            grpc=(Address("192.0.2.1", 3001),),
            closing_http=(Address("192.0.2.3", 3000),),
            closing_grpc=(Address("192.0.2.3", 3001),),
        )
        await until(feed, lambda w: w.endpoints.get(service) == expected)
        later = a_table(900, epoch=2)
        await cluster.deploy("satisfaction", later)
        await until(feed, lambda w: w.tables == {key: later} and not w.leaving)
        # A Service of somebody else's is none of its business.
        await cluster.slice("stranger", {}, a_pod("192.0.2.9"))
        await cluster.slice(GATEWAY, {}, a_pod("192.0.2.4", "gateway-0", terminating=True))
        world = await until(feed, lambda w: w.leaving)
        assert ServiceName(here, "stranger") not in world.endpoints
        await cluster.remove("satisfaction")
        await until(feed, lambda w: w.tables == {})


async def test_it_keeps_to_the_named_namespaces(cluster: Cluster) -> None:
    await cluster.deploy("mine", a_table())
    await cluster.deploy("theirs", a_table(), cluster.other)
    async with a_feed(cluster, cluster.namespace) as feed:
        world = await until(feed, lambda w: bool(w.tables))
        assert set(world.tables) == {f"{cluster.namespace}/mine"}
    async with a_feed(cluster) as feed:
        keys = {f"{cluster.namespace}/mine", f"{cluster.other}/theirs"}
        await until(feed, lambda w: keys <= set(w.tables))


async def test_a_lost_server_is_no_change_and_is_found_again(cluster: Cluster) -> None:
    """A relay in between is cut, and opened again."""
    await cluster.deploy("satisfaction", a_table())
    key = f"{cluster.namespace}/satisfaction"
    async with a_relay(cluster.api) as relay:
        through = Cluster(relay.api, cluster.namespace, cluster.other)
        async with a_feed(through, cluster.namespace) as feed:
            await until(feed, lambda w: key in w.tables)
            await relay.cut()
            later = a_table(300, epoch=2)
            await cluster.deploy("satisfaction", later)
            world = feed.world()
            assert world is not None
            assert world.tables == {key: a_table()}
            await relay.open()
            await until(feed, lambda w: w.tables == {key: later})


class Relay:
    """Carries bytes to the API server as long as it is open."""

    def __init__(self, api: client.ApiClient, host: str, port: int) -> None:
        self.api = api
        self._to = (host, port)
        self._port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        self.api.configuration.host = f"https://127.0.0.1:{self._port}"

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection(*self._to)
        self._open |= {writer, forth}

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
            sink.close()

        await asyncio.gather(pump(reader, forth), pump(back, writer))
        self._open -= {writer, forth}


@contextlib.asynccontextmanager
async def a_relay(api: client.ApiClient) -> AsyncIterator[Relay]:
    host, _, port = api.configuration.host.removeprefix("https://").partition(":")
    await config.load_kube_config(config_file=str(project_access().kubeconfig))
    async with client.ApiClient() as own:
        relay = Relay(own, host, int(port))
        await relay.open()
        yield relay
        await relay.cut()
