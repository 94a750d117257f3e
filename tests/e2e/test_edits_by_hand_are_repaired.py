"""What somebody edits or deletes among the children is as it was within ten seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dohyo.contract import LABEL_VERSION
from tests.harness import model
from tests.harness.asking import ask
from tests.harness.live import Name
from tests.harness.manifests import challenger, model_deployment, version
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.live import Object
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.story(7), pytest.mark.timeout(400)]

SECONDS = 10.0
QUESTION = model.question(model.rows()[:1])


def container(**fields: Any) -> Object:
    return {"spec": {"template": {"spec": {"containers": [{"name": "bento", **fields}]}}}}


# What a hand may do to a version's children. A merge patch replaces a list as a whole.
EDITS: dict[str, tuple[str, Object]] = {
    "replicas": ("Deployment", {"spec": {"replicas": 1}}),
    "image": ("Deployment", container(image="dohyo/bento-breast-cancer:edited")),
    "drain": ("Deployment", {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 8}}}}),
    "label": ("Deployment", {"metadata": {"labels": {LABEL_VERSION: None}}}),
    "port": ("Service", {"spec": {"ports": [{"name": "http", "port": 1, "targetPort": 1}]}}),
    "selector": ("Service", {"spec": {"selector": {LABEL_VERSION: "nobody"}}}),
    "budget": ("PodDisruptionBudget", {"spec": {"maxUnavailable": 2}}),
}


def test_every_child(ring: Ring, story: Story) -> None:
    with story.given("a champion and a challenger at rest"):
        v1, v2 = version("v1", model.LOGISTIC), challenger("v2", model.BOOSTING, 20)
        ring.apply(model_deployment("mended", v1, (v2,)))
        ring.settled("mended")
        before = {key(child): essence(child) for child in ring.children("mended")}
        assert len(before) == 7
    for what, name, change in edits(ring):
        with story.then(f"an edit of its {what} is taken back"):
            ring.live.patch(name, change)
            repaired(ring, before)
    for child in sorted(before):
        with story.then(f"{child} comes back after it was deleted"):
            kind, _, name_ = child.partition("/")
            ring.live.delete(Name(kind, name_, ring.namespace))
            repaired(ring, before)
    with story.then("and requests are answered as before"):
        ring.settled("mended")
        assert ask(ring.host("mended"), QUESTION, x_dohyo_version="v2").version == "v2"


def edits(ring: Ring) -> Iterator[tuple[str, Name, Object]]:
    for what, (kind, change) in EDITS.items():
        child = ring.child(kind, "mended", "v2")
        assert child is not None
        yield what, Name(kind, child["metadata"]["name"], ring.namespace), change
    entry = Name("Service", "mended", ring.namespace)
    yield "way to the gateway", entry, {"spec": {"externalName": "elsewhere.example"}}


def repaired(ring: Ring, before: dict[str, Object]) -> None:
    until(
        "every child is as it was",
        lambda: {key(child): essence(child) for child in ring.children("mended")},
        lambda seen: seen == before,
        seconds=SECONDS,
    )


def key(child: Object) -> str:
    return f"{child['kind']}/{child['metadata']['name']}"


def essence(child: Object) -> Object:
    """What the operator says of it: spec, labels and owner, without what the cluster adds."""
    spec = {k: v for k, v in child["spec"].items() if k not in ("clusterIP", "clusterIPs")}
    metadata = child["metadata"]
    owners = [owner["uid"] for owner in metadata.get("ownerReferences", [])]
    return {"spec": spec, "labels": metadata.get("labels"), "owners": owners}
