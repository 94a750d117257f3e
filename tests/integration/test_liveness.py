"""A watch that is open and tells nothing is noticed, and what it has missed is made good."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import pytest

from dohyo.cluster.census import Census
from dohyo.cluster.client import Client
from dohyo.cluster.fence import Fence
from dohyo.cluster.kinds import SERVICE, WATCHED
from dohyo.cluster.login import log_in, watch_session
from dohyo.cluster.store import Store
from dohyo.cluster.streams import Streams
from dohyo.plan.child_names import deployment_labels
from dohyo.telemetry import Telemetry
from tests.harness.access import project_access
from tests.harness.interception import Proxy
from tests.harness.live import Name
from tests.harness.manifests import model_deployment
from tests.harness.operator_process import operator
from tests.harness.pausing import pausing
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from kubernetes.aio.client import ApiClient

    from tests.harness.live import Object
    from tests.integration.conftest import Field

BLIND_SECONDS = 75


def test_a_mute_watch_fails_the_liveness_probe(field: Field, tmp_path: Path) -> None:
    with Proxy(project_access(), tmp_path / "kubeconfig") as proxy:
        station = dataclasses.replace(field.station, kubeconfig=proxy.kubeconfig)
        with operator(station) as process:
            field.apply(model_deployment("churn", pausing("v1")))
            field.ready("churn", process)
            assert process.get("/livez") == (200, "ok\n")
            proxy.muted = "/services"
            change = {"spec": {"externalName": "elsewhere.example"}}
            field.live.patch(Name("Service", "churn", field.namespace), change)
            status, text = until(
                "the probe fails",
                lambda: process.get("/livez"),
                lambda answer: answer[0] == 503,
                seconds=BLIND_SECONDS,
            )
            assert (status, text) == (503, "1 changes of services have not arrived\n")
            assert process.get("/readyz")[0] == 200


@pytest.fixture
async def api() -> AsyncIterator[ApiClient]:
    found = await log_in(str(project_access().kubeconfig))
    yield found
    await found.close()


@pytest.fixture
def client(api: ApiClient) -> Client:
    return Client(api, Telemetry(), Fence())


async def test_a_watch_that_nobody_reopens_is_dead(field: Field, api: ApiClient) -> None:
    now = 0.0
    streams = Streams(api.configuration.host, [field.namespace], Telemetry(), lambda: now)
    paths = {kind.path(field.namespace) for kind in WATCHED}
    assert streams.dead() == []
    now = 1000.0
    assert set(streams.dead()) == paths
    opened = SERVICE.path(field.namespace)
    async with watch_session(api, [streams.trace()]) as session:
        url = f"{api.configuration.host}{opened}?watch=true&timeoutSeconds=1"
        async with session.get(url) as answer:
            assert answer.status == 200
    assert set(streams.dead()) == paths - {opened}


def service(field: Field, name: str) -> Object:
    manifest = {
        "metadata": {"name": name, "labels": deployment_labels("churn")},
        "spec": {"type": "ExternalName", "externalName": "x.example"},
    }
    return field.live.create("Service", field.namespace, manifest)


async def test_the_first_listing_is_complete_when_all_has_arrived(
    field: Field, client: Client
) -> None:
    one, two = service(field, "one"), service(field, "two")
    store = Store()
    census = Census(client, store, [field.namespace], lambda *_: None)
    first = asyncio.create_task(census.first())
    store.put(SERVICE, one)
    done, _ = await asyncio.wait([first], timeout=1.5)
    assert not done
    store.put(SERVICE, two)
    async with asyncio.timeout(5):
        await first


async def test_the_first_listing_does_not_wait_for_what_is_gone(
    field: Field, client: Client
) -> None:
    gone = service(field, "gone")
    census = Census(client, Store(), [field.namespace], lambda *_: None)
    first = asyncio.create_task(census.first())
    await asyncio.sleep(0.5)
    field.live.delete(Name("Service", "gone", field.namespace))
    async with asyncio.timeout(10):
        await first
    assert gone["metadata"]["uid"]


async def test_a_missed_deletion_is_found(field: Field, client: Client) -> None:
    store, found = Store(), []
    for name in ("stays", "goes"):
        store.put(SERVICE, service(field, name))
    field.live.delete(Name("Service", "goes", field.namespace))
    census = Census(
        client, store, [field.namespace], lambda _, gone: found.append(gone["metadata"]["name"])
    )
    running = asyncio.create_task(census.run())
    await asyncio.to_thread(until, "the deletion is found", lambda: found, seconds=60)
    running.cancel()
    assert found == ["goes"]
    assert len(store.versions(SERVICE)) == 1
    assert census.behind == []
