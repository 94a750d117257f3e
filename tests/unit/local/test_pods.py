"""What the operator reads from a replica: its Pod, its trouble, its endpoint."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from dohyo.cluster.kinds import POD
from dohyo.cluster.trimming import trimmed
from dohyo.contract import LABEL_DEPLOYMENT, LABEL_VERSION
from dohyo.local.feed import endpoints
from dohyo.local.orders import order_of
from dohyo.local.pods import LABEL_TEMPLATE, Ended, ReplicaState, manifest
from dohyo.plan.child_names import child_name
from dohyo.plan.desired import plan
from dohyo.plan.observed import Observed
from dohyo.plan.settings import Settings
from dohyo.status.pods import trouble
from dohyo_gateway.endpoints import Address, ServiceName
from tests.builders import a_deployment

NOON = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
READY = ReplicaState(
    name="m-v1-1",
    namespace="shop",
    labels={LABEL_DEPLOYMENT: "m", LABEL_VERSION: "v1", LABEL_TEMPLATE: "t"},
    log="/logs/m-v1-1.log",
    created_at="2026-11-25T11:59:00Z",
    process=42,
    http=5000,
    grpc=5001,
    running_since="2026-11-25T11:59:01Z",
    started=True,
    ready=True,
)


def test_a_replica_that_is_fine_is_in_no_trouble() -> None:
    assert trouble([manifest(READY)], NOON) is None
    starting = replace(READY, started=False, ready=False)
    assert trouble([manifest(starting)], NOON.replace(hour=11, minute=59, second=30)) is None


def test_a_replica_that_ended_is_explained_by_its_last_words() -> None:
    ended = replace(
        READY,
        process=None,
        running_since=None,
        ready=False,
        waiting=("CrashLoopBackOff", "again soon"),
        ended=Ended(1, "loading\ndohyo-serve: the weights are missing\n"),
    )
    found = trouble([trimmed(POD, _stored(manifest(ended)))], NOON)
    assert found is not None
    assert found.message == "CrashLoopBackOff: exit code 1: dohyo-serve: the weights are missing"


def test_a_signal_is_told_as_a_shell_tells_it() -> None:
    killed = manifest(replace(READY, ready=False, ended=Ended(-9, "")))
    terminated = killed["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert terminated["exitCode"] == 137


def test_endpoints_are_ready_replicas_and_those_on_their_way_out_a_last_resort() -> None:
    leaving = replace(READY, name="m-v1-2", http=6000, grpc=0, retired_at="2026-11-25T12:00:00Z")
    starting = replace(READY, name="m-v1-3", http=7000, ready=False)
    found = endpoints(manifest(state) for state in (READY, leaving, starting))
    service = ServiceName("shop", child_name("m", "v1"))
    assert list(found) == [service]
    assert found[service].http == (Address("127.0.0.1", 5000),)
    assert found[service].grpc == (Address("127.0.0.1", 5001),)
    assert found[service].closing_http == (Address("127.0.0.1", 6000),)
    assert found[service].closing_grpc == ()


def test_an_order_is_read_from_the_deployment_that_the_plan_makes() -> None:
    md = a_deployment()
    planned = plan(md, Observed(), Settings(drain_seconds=2.0), NOON)
    deployment = next(m for m in planned.manifests if m["kind"] == "Deployment")
    order = order_of(deployment)
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert order.image == container["image"]
    assert order.probe.path == "/readyz"
    assert order.probe.startup_seconds == 300
    assert order.drain_seconds == 2
    assert order.grace_seconds >= md.spec.traffic.timeout_seconds
    assert order.environment["DOHYO_VERSION"] == md.spec.champion.name
    assert "BENTOML_HOME" not in order.environment


def _stored(pod: dict[str, object]) -> dict[str, object]:
    return {**pod, "metadata": {**pod["metadata"], "uid": "u", "resourceVersion": "1"}}  # type: ignore[dict-item]
