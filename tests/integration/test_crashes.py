"""Killed between any two writes, the operator makes good what it had begun.

One run that nobody disturbs is the reference. Each other run goes through the same story; in every
chapter the operator is killed just before or just after a write that a seed picks, and another
process finds what is left.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import random
import secrets
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.harness.access import project_access
from tests.harness.interception import Proxy, Trap
from tests.harness.live import Name
from tests.harness.manifests import model_deployment
from tests.harness.operator_process import OperatorProcess, Station
from tests.harness.pausing import pausing
from tests.harness.until import until
from tests.integration.conftest import Field

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.live import Live, Object

SEEDS = (5, 19, 44)
NAME = "churn"

CHAPTERS: tuple[tuple[str, Object], ...] = (
    ("creation", model_deployment(NAME, pausing("v1"), (pausing("v2", weight=10),))),
    ("weight", model_deployment(NAME, pausing("v1"), (pausing("v2", weight=40),))),
    ("replacement", model_deployment(NAME, pausing("v2"), (pausing("v3", weight=5),))),
    ("removal", model_deployment(NAME, pausing("v2"))),
)

Picture = dict[str, Any]


@pytest.fixture(scope="module")
def reference(
    live: Live, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[int, Picture]]:
    """By chapter: how many writes it took, and what there was in the end."""
    folder = tmp_path_factory.mktemp("reference")
    namespace = f"field-{secrets.token_hex(3)}"
    live.create("Namespace", None, {"metadata": {"name": namespace}})
    station = Station(project_access().kubeconfig, namespace, namespace, folder / "operator.log")
    field, found = Field(live, namespace, station), {}
    try:
        process = OperatorProcess(station).await_lead()
        for chapter, manifest in CHAPTERS:
            before = process.writes()
            field.apply(copy.deepcopy(manifest))
            _await_end_of_chapter(field, process, manifest)
            found[chapter] = (process.writes() - before, _picture(field))
        assert process.stop() == 0
    finally:
        live.delete(Name("Namespace", namespace))
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_a_kill_between_any_two_writes_leaves_no_trace(
    field: Field, reference: dict[str, tuple[int, Picture]], tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    with Proxy(project_access(), tmp_path / "kubeconfig") as proxy:
        for chapter, manifest in CHAPTERS:
            writes, expected = reference[chapter]
            number, after = _early(chance, writes), chance.random() < 0.5
            print(f"{chapter}: killed {'after' if after else 'before'} write {number} of {writes}")
            victim = OperatorProcess(_station(field, proxy)).await_lead()
            proxy.set_trap(Trap(number, after, spring=victim.kill))
            field.apply(copy.deepcopy(manifest))
            until("the operator is killed", proxy.sprung.is_set, seconds=60)
            proxy.remove_trap()
            heir = OperatorProcess(_station(field, proxy)).await_lead()
            _await_end_of_chapter(field, heir, manifest)
            assert _picture(field) == expected, chapter
            assert heir.stop() == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_frozen_leader_changes_nothing_when_it_wakes(
    field: Field, reference: dict[str, tuple[int, Picture]], tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    chapter, manifest = CHAPTERS[chance.randrange(len(CHAPTERS))]
    with Proxy(project_access(), tmp_path / "kubeconfig") as proxy:
        station = dataclasses.replace(field.station, kubeconfig=proxy.kubeconfig)
        old = OperatorProcess(station).await_lead()
        for earlier, before in CHAPTERS:
            if earlier == chapter:
                break
            field.apply(copy.deepcopy(before))
            _await_end_of_chapter(field, old, before)
        writes, expected = reference[chapter]
        number = _early(chance, writes)
        print(f"{chapter}: frozen at write {number} of {writes}, which arrives after the takeover")
        proxy.set_trap(Trap(number, after=False, spring=_freezing(old), hold=True))
        field.apply(copy.deepcopy(manifest))
        until("it is frozen", proxy.sprung.is_set, seconds=60)
        log = field.station.log.with_name("heir.log")
        heir = OperatorProcess(dataclasses.replace(field.station, log=log)).await_lead(seconds=40)
        try:
            _await_end_of_chapter(field, heir, manifest)
            before_waking = _versions(field)
            proxy.release()
            old.send(signal.SIGCONT)
            assert old.await_end(seconds=20) == 1
            late = list(proxy.accepted(number))
            assert _picture(field) == expected
            assert _versions(field) == before_waking, f"a late write was accepted: {late}"
        finally:
            assert heir.stop() == 0


def _early(chance: random.Random, writes: int) -> int:
    """A write that surely comes: what happens close together is told in one write or in several,
    so that not every run has equally many."""
    return chance.randint(1, max(1, writes // 2))


def _station(field: Field, proxy: Proxy) -> Any:
    # A Lease of its own for each process: the one before is dead, not merely thought to be.
    return dataclasses.replace(
        field.station, kubeconfig=proxy.kubeconfig, lease=f"lease-{secrets.token_hex(3)}"
    )


def _freezing(process: OperatorProcess) -> Any:
    return lambda: process.send(signal.SIGSTOP)


def _await_end_of_chapter(field: Field, process: OperatorProcess, manifest: Object) -> None:
    """Waits until exactly the versions of the spec are left, with their pods, and all is quiet."""
    spec = manifest["spec"]
    names = {v["name"] for v in (spec["champion"], *spec["challengers"])}
    until(
        f"{sorted(names)} are left",
        lambda: field.status(NAME).get("versions", []),
        lambda versions: {v["name"] for v in versions} == names,
        seconds=90,
    )
    field.ready(NAME, process)
    until(
        "children of others are gone",
        lambda: {
            child["metadata"]["labels"].get("dohyo.dev/version", "")
            for child in field.children(NAME).values()
        },
        lambda found: found - {""} == names,
        seconds=60,
    )


def _picture(field: Field) -> Picture:
    """All that a user could tell two ends apart by: no times, no numbers that count attempts."""
    status = field.status(NAME)
    routing = {k: v for k, v in status["routing"].items() if k not in ("epoch", "salt", "trial")}
    conditions = {
        c["type"]: (c["status"], c["reason"], c.get("message")) for c in status["conditions"]
    }
    versions = [
        {k: v for k, v in version.items() if k != "firstReadyAt"} for version in status["versions"]
    ]
    told = ("champion", "phase", "summary", "serving", "retiring")
    return {
        "children": {key: _content(child) for key, child in field.children(NAME).items()},
        "routing": routing,
        "conditions": conditions,
        "versions": versions,
        **{part: status.get(part) for part in told},
    }


def _content(child: Object) -> Any:
    """A child's own content without the name of its namespace, which differs from run to run."""
    metadata = child["metadata"]
    text = json.dumps([metadata["labels"], child["spec"]], sort_keys=True)
    return json.loads(text.replace(metadata["namespace"], "HERE"))


def _versions(field: Field) -> dict[Any, str]:
    """The version of everything of ours that no controller but the operator changes."""
    md = field.get("ModelDeployment", NAME)
    assert md is not None
    found = {"status": md["metadata"]["resourceVersion"]}
    for (kind, name), child in field.children(NAME).items():
        found[f"{kind} {name}"] = (
            str(child["metadata"].get("generation")) + child["metadata"]["uid"]
        )
    return found
