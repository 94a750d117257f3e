from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest

from cluster import component_images, go_toolchain, kubernetes_api, kubernetes_build, paths, tools

NODE_STARTED = {"n": datetime(2026, 1, 1, 12, 0, 30, 999, tzinfo=UTC)}


def pod(*, ready: bool = True, since: str = "2026-01-01T12:00:30Z", **metadata: str) -> Any:
    container = {"ready": ready, "state": {"running": {"startedAt": since}}}
    return {
        "metadata": {"name": "p", **metadata},
        "spec": {"nodeName": "n"},
        "status": {"containerStatuses": [container]},
    }


@pytest.mark.parametrize(
    ("given", "unready"),
    [
        pytest.param(pod(), [], id="ready, started after its node"),
        pytest.param(pod(ready=False), ["p"], id="not ready"),
        pytest.param(pod(since="2026-01-01T12:00:29Z"), ["p"], id="of its node's former life"),
        pytest.param(pod(ready=False, deletionTimestamp="t"), [], id="on its way out"),
        pytest.param({**pod(), "spec": {}}, ["p"], id="on no node yet"),
        pytest.param({**pod(), "status": {}}, ["p"], id="never started"),
    ],
)
def test_a_pod_counts_only_in_its_nodes_present_life(given: Any, unready: list[str]) -> None:
    assert kubernetes_api.unready_pods([given], NODE_STARTED) == unready


def workload(spec: dict[str, int], status: dict[str, int]) -> Any:
    return {"metadata": {"name": "w", "generation": 2}, "spec": spec, "status": status}


@pytest.mark.parametrize(
    ("given", "unready"),
    [
        (workload({"replicas": 2}, {"observedGeneration": 2, "readyReplicas": 2}), []),
        (workload({"replicas": 2}, {"observedGeneration": 2, "readyReplicas": 1}), ["w"]),
        (workload({"replicas": 2}, {"observedGeneration": 1, "readyReplicas": 2}), ["w"]),
        (workload({"replicas": 2}, {}), ["w"]),
        (
            workload({}, {"observedGeneration": 2, "desiredNumberScheduled": 3, "numberReady": 3}),
            [],
        ),
        (
            workload({}, {"observedGeneration": 2, "desiredNumberScheduled": 3, "numberReady": 2}),
            ["w"],
        ),
        (workload({}, {}), ["w"]),
    ],
)
def test_a_workload_is_ready_when_all_its_pods_are(given: Any, unready: list[str]) -> None:
    assert kubernetes_api.unready_workloads([given]) == unready


def test_programs_tell_the_version_they_were_built_as() -> None:
    values = kubernetes_build.version_values("v1.34.4")

    assert values["k8s.io/component-base/version.gitVersion"] == "v1.34.4"
    assert values["k8s.io/client-go/pkg/version.gitMinor"] == "34"


def test_every_component_image_has_a_program_that_is_built() -> None:
    programs = set(component_images.PROGRAM_OF_IMAGE.values())

    assert programs - {"pause"} <= kubernetes_build.PROGRAMS.keys()


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("kind v0.30.0 go1.26.8 linux/amd64", (0, 30, 0)),
        ("v3.19.0+g3d8990f", (3, 19, 0)),
        ("Client Version: v1.34.4\nKustomize Version: v5.7.1", (1, 34, 4)),
        ("not installed", ()),
    ],
)
def test_a_tools_version_is_the_first_that_it_tells(text: str, version: tuple[int, ...]) -> None:
    assert tools.version_in(text) == version


def test_an_older_tool_is_less_than_a_newer_and_none_at_all_is_least() -> None:
    assert () < tools.version_in("v0.9.0") < tools.version_in("v0.30.0")


def test_the_runc_wrapper_takes_only_what_cannot_be_granted() -> None:
    """Its cases stand beside it, in Go: they edit what an OCI runtime is given."""
    done = subprocess.run(
        [go_toolchain.go(), "test", "./..."],
        cwd=paths.PACKAGE / "native",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok" in done.stdout
