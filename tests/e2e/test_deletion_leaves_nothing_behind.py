"""Deleting a ModelDeployment removes its children and routes, with an operator or without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness import commands, model
from tests.harness.asking import ask
from tests.harness.installation import GATEWAY_LABELS, NAMESPACE, OPERATOR_LABELS, is_ready
from tests.harness.live import Name
from tests.harness.manifests import challenger, model_deployment, version
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.installation import Installation
    from tests.harness.live import Live
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.story(10), pytest.mark.timeout(500), pytest.mark.alone]

QUESTION = model.question(model.rows()[:1])
CRD = "modeldeployments.dohyo.dev"


@pytest.fixture
def restored(installation: Installation) -> Iterator[Installation]:
    """The installation, brought back to what it was after the story took parts of it away."""
    try:
        yield installation
    finally:
        installation.install()


def given_two(ring: Ring, story: Story) -> None:
    with story.given("two ModelDeployments that serve"):
        v1, v2 = version("v1", model.LOGISTIC), challenger("v2", model.BOOSTING, 20)
        single = {"minReplicas": 1, "maxReplicas": 1}
        ring.apply(model_deployment("first", v1, (v2,)))
        ring.apply(model_deployment("second", v1, scaling=single))
        for name in ("first", "second"):
            ring.settled(name)
            assert ask(ring.host(name), QUESTION).status == 200


def is_gone(ring: Ring, name: str) -> None:
    until(
        f"every child of {name} is gone",
        lambda: [*ring.children(name), *ring.pods(name)],
        lambda found: found == [],
        seconds=90,
    )


def test_with_an_operator(ring: Ring, story: Story) -> None:
    given_two(ring, story)
    with story.when("one is deleted"):
        commands.kubectl("delete", "md", "first", "--namespace", ring.namespace)
    with story.then("its children and its route are gone, and the other one serves"):
        is_gone(ring, "first")
        assert ask(ring.host("first"), QUESTION).status == 404
        assert ask(ring.host("second"), QUESTION).status == 200


def test_while_the_operator_is_down(
    ring: Ring, restored: Installation, live: Live, story: Story
) -> None:
    given_two(ring, story)
    with story.when("the operator is gone and one is deleted"):
        commands.kubectl(
            "scale", "deployment/dohyo-operator", "--replicas", "0", "--namespace", NAMESPACE
        )
        until("no operator", lambda: restored.pods(OPERATOR_LABELS) == [], seconds=60)
        commands.kubectl("delete", "md", "first", "--namespace", ring.namespace)
    with story.then("its children and its route are gone, and the other one serves"):
        is_gone(ring, "first")
        until("404", lambda: ask(ring.host("first"), QUESTION).status == 404, seconds=10)
        assert ask(ring.host("second"), QUESTION).status == 200
    with story.then("its namespace can be deleted as well"):
        namespace = Name("Namespace", ring.namespace)
        live.delete(namespace)
        until("the namespace is gone", lambda: live.get(namespace) is None, seconds=120)


def test_after_helm_uninstall(ring: Ring, restored: Installation, live: Live, story: Story) -> None:
    given_two(ring, story)
    pods = {pod["metadata"]["uid"] for pod in ring.pods("first")}
    with story.when("the operator and its gateway are uninstalled"):
        said = restored.release.uninstall()
        until("no gateway", lambda: restored.pods(GATEWAY_LABELS) == [], seconds=90)
    with story.then("CRD, ModelDeployments and the pods of running models are still there"):
        story.tell(said.strip())
        assert commands.kubectl("get", "crd", CRD, "--output", "name").strip().endswith(CRD)
        assert ring.resource("first") is not None
        assert {p["metadata"]["uid"] for p in ring.pods("first") if is_ready(p)} == pods
    with story.when("one is deleted"):
        commands.kubectl("delete", "md", "first", "--namespace", ring.namespace)
    with story.then("its children are gone, and the namespace can be deleted"):
        is_gone(ring, "first")
        namespace = Name("Namespace", ring.namespace)
        live.delete(namespace)
        until("the namespace is gone", lambda: live.get(namespace) is None, seconds=120)


def test_after_the_crds_are_uninstalled(ring: Ring, restored: Installation, story: Story) -> None:
    with story.given("a ModelDeployment without pods to wait for"):
        restored.wait_until_ready()
        manifest = model_deployment("kept", version("v1", model.LOGISTIC))
        manifest["spec"]["scaling"] = {"minReplicas": 1, "maxReplicas": 1}
        ring.apply(manifest)
    with story.when("the chart of the CRDs is uninstalled"):
        said = restored.crds.uninstall()
    with story.then("helm says that it keeps them, and the ModelDeployment is still there"):
        story.tell(said.strip())
        assert CRD in said
        assert ring.resource("kept") is not None
