"""Parts of the cluster die under load: what was configured survives, what failed is counted."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.harness import model, nodes, split, traffic
from tests.harness.installation import GATEWAY_LABELS, NAMESPACE, OPERATOR_LABELS, is_ready
from tests.harness.live import Name, RefusedError
from tests.harness.manifests import challenger, model_deployment, version
from tests.harness.ring import is_settled, table_of
from tests.harness.schedule import Phase
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.installation import Installation
    from tests.harness.live import Live, Object
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.story(5), pytest.mark.timeout(600), pytest.mark.alone]

SEED = 20261122
QUESTION = model.question(model.rows()[:1])


def weighing(percent: float) -> Object:
    v1, v2 = version("v1", model.LOGISTIC), challenger("v2", model.BOOSTING, percent)
    return model_deployment("bout", v1, (v2,))


@pytest.fixture
def bout(ring: Ring, story: Story) -> Ring:
    with story.given("a champion, and a challenger that weighs 10 %"):
        ring.apply(weighing(10))
        ring.settled("bout")
    return ring


@contextmanager
def load_on(ring: Ring) -> Iterator[traffic.Traffic]:
    with traffic.under(ring.order("bout", QUESTION, Phase(200, 300))) as load:
        load.until_seen("the first answers", lambda seen: len(seen) > 200, seconds=30)
        yield load


def weight_becomes(ring: Ring, percent: float) -> None:
    def holds(resource: Object | None) -> bool:
        return (
            resource is not None
            and is_settled(resource)
            and table_of(resource).share("v2") == round(100 * percent)
        )

    until(f"v2 weighs {percent} %", lambda: ring.resource("bout"), holds, seconds=90)


def goes_on(load: traffic.Traffic, seconds: float) -> None:
    """Waits until requests that were sent so much later have been answered."""
    later = traffic.now() + seconds
    load.until_seen("later answers", lambda seen: seen.all[-1].sent > later, seconds=seconds + 30)


def routes_are_whole(ring: Ring) -> None:
    """Every entity goes where the table sends it, on every gateway pod."""
    resource = ring.resource("bout")
    assert resource is not None
    table = table_of(resource)
    seen = traffic.send_for(ring.order("bout", QUESTION, Phase(200, 4)))
    assert not seen.failed, seen.failures_in_words()
    assert seen.versions_by_entity() == {
        entity: [split.owner(table, entity)] for entity in seen.versions_by_entity()
    }


def test_both_operators_die_during_a_change(
    bout: Ring, installation: Installation, story: Story
) -> None:
    chance = random.Random(SEED)
    with load_on(bout) as load:
        for percent in (20, 30, 40):
            seconds = chance.uniform(0.0, 1.0)
            with story.when(f"both die {seconds:.2f} s after the weight became {percent} %"):
                bout.apply(weighing(percent))
                goes_on(load, seconds)
                for pod in installation.pods(OPERATOR_LABELS):
                    nodes.signal(pod, "KILL")
                    # Another pod instead, because a killed container waits before it restarts.
                    name = Name("Pod", pod["metadata"]["name"], NAMESPACE)
                    installation.live.delete(name, grace_seconds=0)
            with story.then("the change completes once one of them is back"):
                weight_becomes(bout, percent)
                installation.wait_until_ready()
        seen = load.stop()
    with story.then("no request failed"):
        story.tell(seen.failures_in_words())
        assert not seen.failed, seen.failures_in_words()
        routes_are_whole(bout)
        installation.wait_until_ready()


def test_a_gateway_pod_is_killed(bout: Ring, installation: Installation, story: Story) -> None:
    with load_on(bout) as load:
        with story.when("the processes of one of two gateway pods are killed"):
            victim = installation.pods(GATEWAY_LABELS)[0]
            nodes.signal(victim, "KILL")
        with story.then("the other one serves, and the pod comes back by itself"):
            until(
                "the pod is not ready",
                lambda: [is_ready(pod) for pod in installation.pods(GATEWAY_LABELS)],
                lambda ready: False in ready,
                seconds=30,
            )
            installation.wait_until_ready()
            back = traffic.now()
            goes_on(load, 5)
        seen = load.stop()
    with story.then("requests failed only on its connections, and none after it was back"):
        story.tell(seen.failures_in_words())
        assert not seen.since(back).failed, seen.since(back).failures_in_words()
        assert len(seen.failed) < 0.1 * len(seen)
        routes_are_whole(bout)


def test_a_worker_node_stops(
    bout: Ring, installation: Installation, live: Live, story: Story
) -> None:
    victim, address = worker_with_gateway(installation)
    with load_on(bout) as load:
        try:
            with story.when(f"the node {victim} loses its power"):
                nodes.stop(victim)
                lost = traffic.now()
                until(
                    "the cluster has noticed",
                    lambda: live.get(Name("Node", victim)),
                    lambda node: not is_ready(node or {"metadata": {}}),
                    seconds=120,
                )
                noticed = traffic.now()
                goes_on(load, 20)
            with story.then("the other node serves"):
                after = load.so_far().between(noticed + 5, traffic.now() - 11)
                story.tell(f"noticed after {noticed - lost:.0f} s")
                story.tell(after.failures_in_words())
                # Not none: a client's port may still be tied to a pod of the lost node.
                assert len(after.failed) < 0.02 * len(after), after.failures_in_words()
        finally:
            nodes.start(victim)
            nodes.forget_connections(control_plane(live), address)
        with story.then("the node comes back with all that ran on it"):
            until("it is Ready", lambda: node_is_ready(live, victim), seconds=90)
            installation.wait_until_ready()
            bout.settled("bout")
            goes_on(load, 5)
        seen = load.stop()
    with story.then("failures are counted, and no configuration was lost"):
        story.tell(seen.failures_in_words())
        routes_are_whole(bout)


def worker_with_gateway(installation: Installation) -> tuple[str, str]:
    """A worker's name, and the address of the gateway pod on it."""
    pods = installation.pods(GATEWAY_LABELS)
    places = [(str(pod["spec"]["nodeName"]), str(pod["status"]["podIP"])) for pod in pods]
    workers = [place for place in places if "control-plane" not in place[0]]
    assert workers, f"no gateway pod on a worker: {places}"
    return workers[0]


def node_is_ready(live: Live, name: str) -> bool:
    node = live.get(Name("Node", name))
    return node is not None and is_ready(node)


def test_the_api_server_restarts(
    bout: Ring, installation: Installation, live: Live, story: Story
) -> None:
    with load_on(bout) as load:
        with story.when("the API server's process is killed"):
            nodes.restart_api_server(control_plane(live))
            until("it answers again", lambda: answers(live), seconds=90)
        with story.then("a change after it is carried out"):
            until("the weight can be set", lambda: sets_weight(bout, 25), seconds=60)
            weight_becomes(bout, 25)
            goes_on(load, 3)
        seen = load.stop()
    with story.then("no request failed"):
        story.tell(seen.failures_in_words())
        assert not seen.failed, seen.failures_in_words()
        installation.wait_until_ready()
        routes_are_whole(bout)


def control_plane(live: Live) -> str:
    labels = {"node-role.kubernetes.io/control-plane": ""}
    return str(live.listed("Node", None, labels)[0]["metadata"]["name"])


def answers(live: Live) -> bool:
    try:
        return live.text("/readyz") == "ok"
    except RefusedError:
        return False


def sets_weight(ring: Ring, percent: float) -> bool:
    try:
        ring.merge("bout", weighing(percent)["spec"])
    except RefusedError:
        return False
    return True
