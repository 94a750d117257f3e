"""What the gateway counts is what was sent.

By the gateway alone: it begins at nought for each story, and is told what Envoy refuses.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from dohyo.contract import BUCKETS, ROLE_CHALLENGER, ROLE_CHAMPION, RoutedVersion
from dohyo_gateway.endpoints import Address, Endpoints, ServiceName
from dohyo_gateway.snapshot import World
from tests.harness.http1 import Answer
from tests.harness.until import until_async
from tests.local.gateway.ring import ENTITY, KEY, a_request, a_ring, a_table, a_world

if TYPE_CHECKING:
    from pathlib import Path

    from dohyo.contract import VersionCounters
    from tests.local.gateway.ring import Pod

REQUESTS = "dohyo_gateway_requests_total"
DURATION = "dohyo_gateway_request_duration_seconds"


async def test_requests_by_version_and_code(pods: dict[str, Pod], tmp_path: Path) -> None:
    world = a_world(a_table(3000), [pods["v12-a"]], [pods["v13-a"]])
    async with a_ring(tmp_path, world) as ring:
        requests = [a_request(**{ENTITY: f"e{n}"}) for n in range(1000)]
        found = await ring.ask_all(requests)
        challenged = sum(isinstance(a, Answer) and a.version == "v13" for a in found)
        for _ in range(4):
            await ring.get("/status/500", x_dohyo_version="v13")
        for _ in range(3):
            await ring.get(host="nobody.here")
        of = {"namespace": "shop", "modeldeployment": "satisfaction"}
        challenger = {**of, "version": "v13", "role": "challenger"}
        await ring.until(REQUESTS, 1000 - challenged, version="v12", role="champion", code="200")
        await ring.until(REQUESTS, challenged, **challenger, code="200")
        await ring.until(REQUESTS, 4, **challenger, code="500")
        await ring.until("dohyo_gateway_unrouted_requests_total", 3, code="404")
        await ring.until(f"{DURATION}_count", challenged, **challenger, code="200")
        await ring.until(f"{DURATION}_bucket", challenged, **challenger, code="200", le="+Inf")
        report = await ring.report()
        counters = report.counters[KEY]
        assert counters["v12"].requests == 1000 - challenged
        assert counters["v13"].requests == challenged + 4
        assert report.epochs == {KEY: 1}
        assert report.pod == "dohyo-gateway-0"


async def test_seconds_grow_by_the_concurrency(pods: dict[str, Pod], tmp_path: Path) -> None:
    async with a_ring(tmp_path, a_world(a_table(0), [pods["v12-a"], pods["v12-b"]])) as ring:
        before, began = (await ring.report()).counters[KEY]["v12"], time.monotonic()
        sleepers = asyncio.create_task(ring.ask_all([a_request("/sleep/0.5")] * 10, connections=10))

        async def counted() -> VersionCounters:
            return (await ring.report()).counters[KEY]["v12"]

        await until_async(
            "ten are under way", counted, lambda now: now.active == 10, seconds=5, every=0.01
        )
        await sleepers
        lasted = time.monotonic() - began
        after = await until_async(
            "ten are answered", counted, lambda now: now.requests == 10, seconds=5, every=0.02
        )
        assert 5.0 <= after.seconds - before.seconds <= 10 * lasted
        assert after.active == 0
        bucket = {"le": "0.25", "version": "v12"}
        await ring.until(f"{DURATION}_count", 10, version="v12")
        await ring.until(f"{DURATION}_bucket", 0, **bucket)


async def test_the_final_answer_counts_and_retries_apart(
    pods: dict[str, Pod], tmp_path: Path
) -> None:
    """A 503 is repeated once on another pod, which answers 503 as well."""
    async with a_ring(tmp_path, a_world(a_table(0), [pods["v12-a"], pods["v12-b"]])) as ring:
        for _ in range(3):
            assert (await ring.get("/status/503"))[0] == 503
        await ring.until(REQUESTS, 3, code="503")
        await ring.until("dohyo_gateway_retries_total", 3, version="v12")
        assert (await ring.report()).counters[KEY]["v12"].requests == 3


async def test_a_client_that_leaves(pods: dict[str, Pod], tmp_path: Path) -> None:
    async with a_ring(tmp_path, a_world(a_table(0), [pods["v12-a"]])) as ring:
        with suppress(TimeoutError):
            await asyncio.wait_for(ring.get("/sleep/1"), 0.4)
        await ring.until(REQUESTS, 1, code="499", version="v12")
        assert 0.3 <= (await ring.report()).counters[KEY]["v12"].seconds <= 0.9


async def test_fallbacks_and_copies(pods: dict[str, Pod], tmp_path: Path) -> None:
    """Fallbacks burden the champion who answers them, and stand against who was to answer."""
    async with a_ring(tmp_path, a_world(a_table(BUCKETS), [pods["v12-a"]])) as ring:
        for _ in range(6):
            await ring.get()
        await ring.until(REQUESTS, 6, version="v12", role="champion")
        await ring.until("dohyo_gateway_fallback_requests_total", 6, version="v13")
        table = a_table(0, epoch=2, shadow=BUCKETS)
        await ring.tell(a_world(table, [pods["v12-a"]], [pods["v13-a"]]))
        for _ in range(5):
            await ring.get()
        await ring.until("dohyo_gateway_shadow_requests_total", 5, version="v13")
        counters = (await ring.report()).counters[KEY]
        assert (counters["v12"].requests, counters["v13"].requests) == (11, 5)


async def test_the_role_is_the_one_at_that_time(pods: dict[str, Pod], tmp_path: Path) -> None:
    async with a_ring(
        tmp_path, a_world(a_table(BUCKETS), [pods["v12-a"]], [pods["v13-a"]])
    ) as ring:
        for _ in range(8):
            await ring.get()
        promoted = a_table(
            epoch=2,
            versions=(
                RoutedVersion("v13", "satisfaction-v13-bbbbb", ROLE_CHAMPION),
                RoutedVersion("v12", "satisfaction-v12-aaaaa", ROLE_CHALLENGER),
            ),
        )
        await ring.tell(a_world(promoted, [pods["v12-a"]], [pods["v13-a"]]))
        for _ in range(5):
            await ring.get()
        await ring.until(REQUESTS, 8, version="v13", role="challenger")
        await ring.until(REQUESTS, 5, version="v13", role="champion")
        await ring.until(REQUESTS, 0, version="v12")


async def test_what_envoy_itself_refuses_holds_up_nobody(
    pods: dict[str, Pod], tmp_path: Path
) -> None:
    """An address that is none, among changes of four other ModelDeployments."""
    good = a_world(a_table(0), [pods["v12-a"]])
    keys = [f"shop/m{n}" for n in range(4)]
    there = {**good.endpoints}
    bad_service = ServiceName("bank", "satisfaction-v12-aaaaa")
    async with a_ring(tmp_path, good) as ring:
        there[bad_service] = Endpoints(http=(Address("no address", 3000),))
        tables = {KEY: a_table(0, epoch=2), "bank/bad": a_table(0, epoch=5)}
        tables |= {key: a_table(0, epoch=3) for key in keys}
        ring.feed.tell(World(tables, there))
        wanted = {KEY: 2, **dict.fromkeys(keys, 3)}
        await ring.until_epochs(wanted)
        for key in keys:
            assert (await ring.get(host=key.split("/")[1] + ".shop"))[0] == 200
        await ring.until("dohyo_gateway_refused_tables", 1)
        there[bad_service] = good.endpoints[ServiceName("shop", "satisfaction-v12-aaaaa")]
        await ring.tell(World(tables, there))
        assert (await ring.get(host="bad.bank"))[0] == 200
        await ring.until("dohyo_gateway_refused_tables", 0)


async def test_what_envoy_refuses_at_its_start_holds_up_nobody(
    pods: dict[str, Pod], tmp_path: Path
) -> None:
    world = a_world(a_table(0), [pods["v12-a"]])
    bad_service = ServiceName("bank", "satisfaction-v12-aaaaa")
    there = {**world.endpoints, bad_service: Endpoints(http=(Address("no address", 3000),))}
    tables = {**world.tables, "bank/bad": a_table(0, epoch=5)}
    async with a_ring(tmp_path, World(tables, there)) as ring:
        assert (await ring.get())[0] == 200
        await ring.until_epochs({KEY: 1})


async def test_a_table_that_is_no_good_spoils_nothing(pods: dict[str, Pod], tmp_path: Path) -> None:
    world = a_world(a_table(0), [pods["v12-a"]])
    async with a_ring(tmp_path, world) as ring:
        bad = a_table(0, epoch=2, sticky_header="no header")
        tables = {KEY: bad, "shop/other": a_table(0, epoch=7)}
        ring.feed.tell(World(tables, world.endpoints))
        await ring.until_epochs({KEY: 1, "shop/other": 7})
        assert (await ring.get())[0] == 200
        assert (await ring.get(host="other.shop"))[0] == 200
        await ring.until("dohyo_gateway_refused_tables", 1)
