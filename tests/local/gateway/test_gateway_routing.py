"""Who answers a request, and what is stamped on it.

By the gateway alone: upstreams that say what they were sent, tables that no operator would write,
and settings that no ring has. Who answers whom by a file is told in tests/local/ring.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from xxhash import xxh64_intdigest

from dohyo.contract import (
    BUCKETS,
    ROLE_CHALLENGER,
    ROLE_CHAMPION,
    ROLE_PREVIOUS,
    Assignment,
    RoutedVersion,
    assignment_from_header,
)
from tests.harness.http1 import Answer
from tests.local.gateway.ring import ENTITY, KEY, a_request, a_ring, a_table, a_world

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.local.gateway.ring import Pod, Ring

SALT = "salt1"


def bucket(entity: str | bytes, salt: str = SALT) -> int:
    raw = entity if isinstance(entity, bytes) else entity.encode()
    return int(xxh64_intdigest(f"{salt}/".encode() + raw)) % BUCKETS


async def sides(ring: Ring, entities: Iterable[str]) -> list[str]:
    """Which version answers each entity."""
    requests = [a_request(**{ENTITY: entity}) for entity in entities]
    return versions(await ring.ask_all(requests))


def versions(answers: Sequence[Answer | Exception]) -> list[str]:
    broken = [a for a in answers if not isinstance(a, Answer) or a.status != 200]
    assert not broken, f"{len(broken)} of {len(answers)} failed: {broken[:3]}"
    return [a.version for a in answers if isinstance(a, Answer)]


async def test_every_entity_is_on_the_side_of_its_bucket(
    pods: dict[str, Pod], tmp_path: Path
) -> None:
    """Two challengers, three intervals, the champion listed between them."""
    table = replace(
        a_table(),
        versions=(
            RoutedVersion("v12", "satisfaction-v12-aaaaa", ROLE_CHAMPION),
            RoutedVersion(
                "v13", "satisfaction-v13-bbbbb", ROLE_CHALLENGER, ((0, 800), (7000, 7300))
            ),
            RoutedVersion("v14", "satisfaction-v13-bbbbb", ROLE_CHALLENGER, ((4000, 5500),)),
        ),
    )
    entities = [f"customer-{n}" for n in range(10_000)]

    def owner(entity: str) -> str:
        at = bucket(entity)
        owners = [v.name for v in table.versions for s, e in v.buckets if s <= at < e]
        return owners[0] if owners else "v12"

    world = a_world(table, [pods["v12-a"]], [pods["v13-a"]])
    async with a_ring(tmp_path, world) as ring:
        assert await sides(ring, entities) == [owner(entity) for entity in entities]


@pytest.mark.parametrize(
    "entity", [b"", b"\xff\xfe", "Müller".encode(), b"a/b?c=d;e", b"x" * 3000], ids=repr
)
async def test_any_bytes_are_an_entity(pods: dict[str, Pod], tmp_path: Path, entity: bytes) -> None:
    """The challenger owns exactly the entity's bucket, then all buckets but that one."""
    at = bucket(entity)
    head = a_request().removesuffix(b"\r\n") + ENTITY.encode() + b": " + entity + b"\r\n\r\n"
    champion, challenger = a_table().versions
    async with a_ring(tmp_path, a_world(a_table(0), [pods["v12-a"]])) as ring:
        for epoch, buckets, answers in (
            (2, ((at, at + 1),), "v13"),
            (3, ((0, at), (at + 1, BUCKETS)), "v12"),
        ):
            table = a_table(epoch=epoch, versions=(champion, replace(challenger, buckets=buckets)))
            await ring.tell(a_world(table, [pods["v12-a"]], [pods["v13-a"]]))
            assert set(versions(await ring.ask_all([head] * 3))) == {answers}


async def test_headers_tell_the_version_how_the_request_came_to_it(
    pods: dict[str, Pod], tmp_path: Path
) -> None:
    champion, challenger = a_table(700).versions
    previous = RoutedVersion("v11", "satisfaction-v13-bbbbb", ROLE_PREVIOUS)
    table = a_table(epoch=41, versions=(champion, challenger, previous))
    forged = {
        "x-dohyo-assignment": "trial=t1;epoch=9;version=v13;mode=split;shares=v13:10000",
        "x-dohyo-entity": "forged",
        "x-envoy-upstream-rq-timeout-ms": "1",
        "x-envoy-max-retries": "9",
    }
    async with a_ring(tmp_path, a_world(table, [pods["v12-a"]], [pods["v13-a"]])) as ring:
        entity = next(f"e{n}" for n in range(100) if bucket(f"e{n}") >= 700)
        status, answer, body = await ring.get(
            x_customer_id=entity, x_request_id="me-1", headers=forged
        )
        assert (status, answer["x-dohyo-version"], answer["x-request-id"]) == (200, "v12", "me-1")
        sent = body["headers"]
        assert assignment_from_header(sent["x-dohyo-assignment"]) == Assignment(
            "t1", 41, "v12", "split", ("v12", 9300), (("v13", 700),)
        )
        assert sent["x-dohyo-entity"] == entity
        assert sent["x-request-id"] == "me-1"
        assert not [name for name in sent if name.startswith("x-envoy")]
        for name in ("v12", "v13", "v11"):
            status, answer, body = await ring.get(x_dohyo_version=name, headers=forged)
            sent = body["headers"]
            assert (status, answer["x-dohyo-version"]) == (200, name)
            assert assignment_from_header(sent["x-dohyo-assignment"]) == Assignment(
                "t1", 41, name, "pinned", ("v12", 9300), (("v13", 700),)
            )
            assert "x-dohyo-entity" not in sent
            assert "x-dohyo-version" not in sent
            assert len(sent["x-request-id"]) == 36
            assert sent["x-request-id"] == answer["x-request-id"]


async def test_the_entity_header_itself_may_be_the_sticky_one(
    pods: dict[str, Pod], tmp_path: Path
) -> None:
    table = a_table(5000, sticky_header="x-dohyo-entity")
    async with a_ring(tmp_path, a_world(table, [pods["v12-a"]], [pods["v13-a"]])) as ring:
        for entity in ("a", "b", "c", "d"):
            _, answer, body = await ring.get(x_dohyo_entity=entity)
            assert body["headers"]["x-dohyo-entity"] == entity
            assert answer["x-dohyo-version"] == ("v13" if bucket(entity) < 5000 else "v12")


async def test_hosts_paths_and_names(pods: dict[str, Pod], tmp_path: Path) -> None:
    async with a_ring(tmp_path, a_world(a_table(0), [pods["v12-a"]])) as ring:
        for host in (
            "satisfaction.shop",
            "satisfaction.shop:80",
            "Satisfaction.Shop.svc",
            "satisfaction.shop.svc.cluster.local:8080",
        ):
            status, _, body = await ring.get("/shop/satisfaction/x", host=host)
            assert (status, body["path"]) == (200, "/shop/satisfaction/x"), host
        for outside in ("127.0.0.1", "models.example.com", "localhost:8080"):
            status, _, body = await ring.get("/shop/satisfaction/predict?a=1", host=outside)
            assert (status, body["path"]) == (200, "/predict"), outside
            status, _, body = await ring.get(host=outside, x_dohyo_deployment=KEY)
            assert (status, body["path"]) == (200, "/predict"), outside
            assert "x-dohyo-deployment" not in body["headers"]
        status, _, text = await ring.get(host="satisfaction")
        assert (status, "<name>.<namespace>" in text) == (421, True)
        assert "'satisfaction' names no namespace" in text
        for host, path in (("other.shop", "/predict"), ("gw.example.com", "/shop/other/predict")):
            status, _, text = await ring.get(path, host=host)
            assert status == 404
            assert f"host '{host}'" in text
            assert "/<namespace>/<name>/" in text


async def test_without_an_evidence_service_feedback_is_the_models_own_path(
    pods: dict[str, Pod], tmp_path: Path
) -> None:
    async with a_ring(tmp_path, a_world(a_table(0), [pods["v12-a"]])) as ring:
        status, _, body = await ring.get("/feedback")
        assert (status, body["path"]) == (200, "/feedback")


async def test_pinning_can_be_forbidden(pods: dict[str, Pod], tmp_path: Path) -> None:
    world = a_world(a_table(), [pods["v12-a"]], [pods["v13-a"]])
    async with a_ring(tmp_path, world, DOHYO_PIN_ALLOWED="false") as ring:
        status, _, text = await ring.get(x_dohyo_version="v13")
        assert (status, "does not let" in text) == (403, True)
        assert (await ring.get())[0] == 200


async def test_limits(pods: dict[str, Pod], tmp_path: Path) -> None:
    """Too much header, too slow an answer; a body of some megabytes is no trouble."""
    table = a_table(0, timeout_seconds=0.3)
    async with a_ring(tmp_path, a_world(table, [pods["v12-a"]])) as ring:
        assert (await ring.get(x_padding="p" * 70_000))[0] == 431
        status, answer, _ = await ring.get("/sleep/5")
        assert (status, answer["x-dohyo-version"]) == (504, "v12")
        status, _, body = await ring.get(data=b"x" * 5_000_000)
        assert (status, body["length"]) == (200, 5_000_000)


async def test_without_endpoints_the_champion_answers_for_a_challenger(
    pods: dict[str, Pod], tmp_path: Path
) -> None:
    async with a_ring(tmp_path, a_world(a_table(BUCKETS), [pods["v12-a"]])) as ring:
        status, answer, body = await ring.get(x_customer_id="e")
        assert (status, answer["x-dohyo-version"], body["served_by"]) == (200, "v12", "v12-a")
        told = assignment_from_header(body["headers"]["x-dohyo-assignment"])
        assert (told.version, told.mode, told.champion) == ("v13", "fallback", ("v12", 0))
        status, answer, _ = await ring.get(x_dohyo_version="v13")
        assert (status, answer["retry-after"]) == (503, "5")
        await ring.tell(a_world(a_table(BUCKETS, epoch=2), [pods["v12-a"]], [pods["v13-a"]]))
        _, answer, body = await ring.get(x_customer_id="e")
        assert (answer["x-dohyo-version"], body["served_by"]) == ("v13", "v13-a")


async def test_without_any_endpoint_clients_are_told_when_to_come_back(tmp_path: Path) -> None:
    async with a_ring(tmp_path, a_world(a_table(0), [])) as ring:
        status, answer, _ = await ring.get()
        assert (status, answer["retry-after"]) == (503, "5")
        assert answer["x-dohyo-version"] == "v12"


async def test_a_shadow_gets_copies_and_the_client_never_notices(
    pods: dict[str, Pod], tmp_path: Path
) -> None:
    table = a_table(0, shadow=BUCKETS)
    async with a_ring(tmp_path, a_world(table, [pods["v12-a"]], [pods["v13-a"]])) as ring:
        _, _, earlier = await ring.get("/copies", x_dohyo_version="v13")
        for n in range(50):
            status, answer, _ = await ring.get("/predict", x_customer_id=f"e{n}", data=b"{}")
            assert (status, answer["x-dohyo-version"]) == (200, "v12")
        _, _, copies = await ring.get("/copies", x_dohyo_version="v13")
        assert len(copies) - len(earlier) >= 50
        for copy in copies[-10:]:
            told = assignment_from_header(copy["x-dohyo-assignment"])
            assert (told.version, told.mode, told.champion) == ("v13", "shadow", ("v12", BUCKETS))
            assert copy["host"] == "satisfaction.shop"
        await ring.tell(a_world(replace(table, epoch=2), [pods["v12-a"]], []))
        assert (await ring.get())[0] == 200
