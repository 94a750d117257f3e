"""Changes under load: nothing that the gateway does or suffers fails a request.

By the gateway alone: it is told worlds faster than any ring comes to them, loses its agent or its
Envoy, and its upstreams stop or die at a moment that the test chooses. The changes that a file
brings about are told in tests/local/ring.
"""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

from dohyo.contract import ROLE_CHAMPION, RoutedVersion
from tests.harness.until import until, until_async
from tests.local.gateway.conftest import await_pods
from tests.local.gateway.load import a_load
from tests.local.gateway.ring import (
    ENTITY,
    KEY,
    Pod,
    a_request,
    a_ring,
    a_table,
    a_world,
    answers,
    start_envoy,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.gateway.ring import Ring


def by_entity(number: int) -> bytes:
    return a_request(**{ENTITY: f"e{number}"})


def slow(number: int) -> bytes:
    return a_request("/sleep/0.3", **{ENTITY: f"e{number}"})


async def test_sixty_changes_of_weight(pods: dict[str, Pod], tmp_path: Path) -> None:
    world = a_world(a_table(0), [pods["v12-a"]], [pods["v13-a"]])
    async with a_ring(tmp_path, world) as ring, a_load(ring, by_entity) as load:
        for epoch in range(2, 62):
            table = a_table(weight=(epoch * 700) % 10_001, epoch=epoch)
            await ring.tell(a_world(table, [pods["v12-a"]], [pods["v13-a"]]))
            await load.more(10)
    assert load.lost == []
    assert set(load.answers) == {"v12", "v13"}
    # Connections are kept through all of it.
    assert (load.connections, load.closes) == (8, 0)


async def test_endpoints_come_and_go_with_answers_on_their_way(
    pods: dict[str, Pod], tmp_path: Path
) -> None:
    """Each change leaves slow answers behind at the pod that goes."""
    both = [pods["v12-a"], pods["v12-b"]]
    async with a_ring(tmp_path, a_world(a_table(0), both)) as ring:
        async with a_load(ring, slow) as slow_load, a_load(ring, by_entity) as load:
            for epoch in range(2, 22):
                rest = [both[epoch % 2]] if epoch % 3 else both
                await ring.tell(a_world(a_table(0, epoch=epoch), rest))
                await load.more(20)
            await slow_load.more(8)
        async with ring.session.get(f"{ring.admin}/stats?filter=upstream_rq_active") as answer:
            active = [line for line in (await answer.text()).splitlines() if line[-2:] != " 0"]
        assert active == []
    assert load.lost == []
    assert slow_load.lost == []


async def test_a_challenger_that_loses_its_last_endpoint_and_gets_it_back(
    pods: dict[str, Pod], tmp_path: Path
) -> None:
    champion, challenger = [pods["v12-a"]], [pods["v13-a"]]
    table = a_table(5000)
    async with (
        a_ring(tmp_path, a_world(table, champion, challenger)) as ring,
        a_load(ring, by_entity) as load,
    ):
        for epoch in range(2, 22):
            there = challenger if epoch % 2 else []
            await ring.tell(a_world(replace(table, epoch=epoch), champion, there))
            await load.more(20)
    assert load.lost == []


async def test_the_champion_is_replaced_and_the_old_one_goes(
    pods: dict[str, Pod], tmp_path: Path
) -> None:
    """v13 becomes champion; v12 leaves the table, later its Service is gone, too."""
    world = a_world(a_table(3000), [pods["v12-a"]], [pods["v13-a"]])
    new = replace(
        a_table(0, epoch=2),
        versions=(RoutedVersion("v13", "satisfaction-v13-bbbbb", ROLE_CHAMPION),),
    )
    async with a_ring(tmp_path, world) as ring:
        async with a_load(ring, by_entity) as load, a_load(ring, slow) as slow_load:
            await load.more(50)
            await ring.tell(a_world(new, [], [pods["v13-a"]]))
            await load.more(50)
            await slow_load.more(16)
        assert load.lost + slow_load.lost == []
        assert set(load.answers) == {"v12", "v13"}
        left = {f"{KEY}/v13/grpc", f"{KEY}/v13/http"}
        await until_async(
            "v12 is gone", lambda: clusters(ring), left.__eq__, seconds=10, every=0.05
        )


async def clusters(ring: Ring) -> set[str]:
    async with ring.session.get(f"{ring.admin}/clusters?format=json") as answer:
        return {entry["name"] for entry in (await answer.json())["cluster_statuses"]}


async def test_a_pod_that_dies_takes_no_request_with_it(
    brief_pods: list[Pod], tmp_path: Path
) -> None:
    """The gateway hears of it only later."""
    brief_pods += [Pod.start(name) for name in ("x", "y")]
    await asyncio.to_thread(await_pods, *brief_pods)
    async with a_ring(tmp_path, a_world(a_table(0), brief_pods)) as ring:
        async with a_load(ring, by_entity) as load, a_load(ring, slow) as slow_load:
            await load.more(100)
            brief_pods[0].end()
            await load.more(200)
            await slow_load.more(16)
            await ring.tell(a_world(a_table(0, epoch=2), brief_pods[1:]))
            await load.more(50)
        assert load.failures + slow_load.failures == []
        # An answer is sent in two parts: death in between cannot be hidden.
        assert load.torn + slow_load.torn <= 1
        await until_async("a retry is counted", lambda: retries(ring), seconds=5, every=0.1)


async def test_a_pod_that_hangs_costs_time_and_no_request(
    brief_pods: list[Pod], tmp_path: Path
) -> None:
    """It is stopped, not ended: its connections stay open and nothing is refused."""
    brief_pods += [Pod.start(name) for name in ("x", "y")]
    await asyncio.to_thread(await_pods, *brief_pods)
    table = a_table(0, timeout_seconds=4.0, retries=1)
    async with a_ring(tmp_path, a_world(table, brief_pods)) as ring:
        async with a_load(ring, by_entity) as load:
            await load.more(100)
            brief_pods[0].process.send_signal(signal.SIGSTOP)
            # Each of the eight clients meets it sooner or later.
            await load.more(2000)
        assert load.lost == []
        await until_async(
            "retries are counted", lambda: retries(ring), lambda n: n >= 2, seconds=5, every=0.1
        )


async def test_a_slow_answer_is_waited_for(pods: dict[str, Pod], tmp_path: Path) -> None:
    """Longer than one attempt's part of the time, shorter than the whole."""
    both = [pods["v12-a"], pods["v12-b"]]
    table = a_table(0, timeout_seconds=2.0, retries=1)
    async with a_ring(tmp_path, a_world(table, both)) as ring:
        status, _, body = await ring.get("/sleep/1.6")
        assert (status, body["path"]) == (200, "/sleep/1.6")


async def uptime(ring: Ring) -> int:
    """Envoy's, in whole seconds."""
    async with ring.session.get(f"{ring.admin}/stats?filter=^server.uptime$") as answer:
        return int((await answer.text()).split(": ")[1])


async def retries(ring: Ring) -> float:
    metrics = await ring.metrics()
    return sum(v for k, v in metrics.items() if k.startswith("dohyo_gateway_retries_total"))


async def test_the_last_host_is_never_ejected(pods: dict[str, Pod], tmp_path: Path) -> None:
    async with a_ring(tmp_path, a_world(a_table(0), [pods["v12-a"]])) as ring:
        for _ in range(30):
            status, answer, body = await ring.get("/status/503")
            assert (status, body["served_by"]) == (503, "v12-a"), answer
        assert (await ring.get())[0] == 200


async def test_another_agent_takes_over(pods: dict[str, Pod], tmp_path: Path) -> None:
    """It knows nothing at first; Envoy goes on with what it has, and counts once."""
    world = a_world(a_table(5000), [pods["v12-a"]], [pods["v13-a"]])
    async with a_ring(tmp_path, world) as ring, a_load(ring, by_entity) as load:
        async with asyncio.timeout(10):
            while not await uptime(ring) or load.total < 300:
                await load.more(50)
        seen = load.total
        await ring.replace_agent(a_world(a_table(0, epoch=2), [pods["v12-b"]]))
        await load.more(50)
        counted = (await ring.report()).counters[KEY]["v12"].requests
        assert 40 <= counted <= load.total - seen + 8
        _, _, body = await ring.get()
        assert body["served_by"] == "v12-b"
        assert load.closes == 0
    assert load.lost == []


async def test_envoy_starts_anew_with_all_that_it_had(pods: dict[str, Pod], tmp_path: Path) -> None:
    async with a_ring(tmp_path, a_world(a_table(0), [pods["v12-a"]])) as ring:
        for _ in range(5):
            await ring.get()
        await ring.until("dohyo_gateway_requests_total", 5)
        ring.envoy.kill()
        ring.envoy.wait()
        async with ring.session.get(f"{ring.agent}/livez/envoy") as answer:
            assert answer.status == 503
        # Changes meanwhile are written for it.
        ring.feed.tell(a_world(a_table(0, epoch=2), [pods["v12-b"]]))
        written = (tmp_path / "cds/clusters.json").read_text
        port = str(pods["v12-b"].http)
        await asyncio.to_thread(until, "it is written", written, lambda t: port in t, seconds=10)
        again = start_envoy(tmp_path)
        try:
            await answers(ring.session, f"{ring.agent}/readyz", ring.runs)
            for _ in range(3):
                assert (await ring.get())[2]["served_by"] == "v12-b"
            assert (await ring.report()).epochs == {KEY: 2}
            await ring.until("dohyo_gateway_requests_total", 8)
        finally:
            again.kill()
            again.wait()


async def test_draining_sends_every_client_away_without_a_failed_request(
    pods: dict[str, Pod], tmp_path: Path
) -> None:
    world = a_world(a_table(5000), [pods["v12-a"]], [pods["v13-a"]])
    async with a_ring(tmp_path, world) as ring, a_load(ring, by_entity) as load:
        await load.more(50)
        assert (load.connections, load.closes) == (8, 0)
        await ring.tell(replace(world, leaving=True))
        await asyncio.to_thread(
            until, "all are sent away", lambda: load.closes, lambda n: n >= 8, seconds=5
        )
        async with ring.session.get(f"{ring.agent}/readyz") as answer:
            assert answer.status == 503
        async with ring.session.get(f"{ring.agent}/livez") as answer:
            assert answer.status == 200
        # Whoever comes all the same is served.
        await load.more(50)
    assert load.lost == []


async def test_listeners_never_change(pods: dict[str, Pod], tmp_path: Path) -> None:
    async with a_ring(tmp_path, a_world(a_table(0), [pods["v12-a"]])) as ring:
        for epoch in range(2, 102):
            table = a_table(weight=epoch, epoch=epoch, trial=f"t{epoch}", salt=f"s{epoch}")
            await ring.tell(a_world(table, [pods["v12-a"]], [pods["v13-a"]]))
        await ring.get()
        await ring.until("dohyo_gateway_requests_total", 1)
        await ring.until("dohyo_gateway_listener_changes_total", 1)
