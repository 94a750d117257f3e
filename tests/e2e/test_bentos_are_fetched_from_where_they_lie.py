"""A version costs an address: fetched from the web, from S3, from a registry, from a claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from images import samples
from tests.harness import claims, commands, model, warehouse
from tests.harness.asking import ask
from tests.harness.manifests import RESOURCES, model_deployment, version
from tests.harness.ring import condition, version_status
from tests.harness.until import until
from tests.harness.warehouse import CREDENTIALS, Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness.live import Object
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.story(17), pytest.mark.timeout(500)]

ROWS = model.rows()[:20]
QUESTION = model.question(ROWS)
OTHER = "sha256:" + "0" * 64
CLAIM = "models"


@pytest.fixture
def store(ring: Ring, tmp_path: Path) -> Warehouse:
    samples.ensure()
    return warehouse.open_warehouse(ring.live, ring.namespace, model.LOGISTIC, tmp_path)


def fetched(name: str, uri: str, digest: str, **fields: object) -> Object:
    """A version that is fetched with the warehouse's credentials."""
    return {
        "name": name,
        "bento": model.LOGISTIC,
        "uri": uri,
        "digest": digest,
        "credentials": {"secretRef": {"name": CREDENTIALS}},
        "resources": RESOURCES,
        **fields,
    }


def test_web_s3_and_registry(ring: Ring, store: Warehouse, story: Story) -> None:
    with story.when("a champion comes from the web, challengers from S3 and from a registry"):
        champion = fetched("web", store.web, store.digest)
        challengers = (
            fetched("s3", store.s3, store.digest, weight=10),
            fetched("registry", store.registry, store.manifest, weight=10),
        )
        scaling = {"minReplicas": 1, "maxReplicas": 1}
        ring.apply(model_deployment("bout", champion, challengers, scaling=scaling))
        resource = ring.settled("bout", seconds=300)
    own = model.own_probabilities(model.LOGISTIC, ROWS)
    for name in ("web", "s3", "registry"):
        with story.then(f"the one from {name} answers with its model's own values"):
            reply = ask(ring.host("bout"), QUESTION, x_dohyo_version=name)
            assert (reply.status, reply.version) == (200, name)
            for given, expected in zip(reply.probabilities, own, strict=True):
                assert given == pytest.approx(expected, rel=0, abs=1e-12)
            assert version_status(resource, name)["digest"] == store.digest
    with story.then("the status says that the bentos use the serving library"):
        assert condition(resource, "Equipped")["status"] == "True"
    with story.then("no serving container sees the credentials"):
        pod = ring.pods("bout", "s3")[0]
        (container,) = pod["spec"]["containers"]
        assert "credentials" not in {m["name"] for m in container["volumeMounts"]}


@pytest.fixture
def claim(ring: Ring, store: Warehouse) -> Iterator[str]:
    """A claim that holds the bento, on one node."""
    with claims.volume_for(ring.live, ring.namespace, CLAIM) as volume:
        folder = volume.folder
        commands.docker("exec", volume.node, "mkdir", "-p", f"{folder}/team")
        commands.docker("cp", str(store.archive), f"{volume.node}:{folder}/team/model.bento")
        commands.docker("exec", volume.node, "chmod", "-R", "a+rX", folder)
        wanted = {"metadata": {"name": CLAIM}, "spec": volume.claim}
        ring.live.create("PersistentVolumeClaim", ring.namespace, wanted)
        yield CLAIM


def test_a_claim(ring: Ring, store: Warehouse, claim: str, story: Story) -> None:
    with story.when("a champion comes from a PersistentVolumeClaim"):
        champion = {
            "name": "v1",
            "bento": model.LOGISTIC,
            "uri": f"pvc://{claim}/team/model.bento",
            "digest": store.digest,
            "resources": RESOURCES,
        }
        ring.apply(model_deployment("bout", champion))
        ring.settled("bout")
    with story.then("it answers"):
        assert ask(ring.host("bout"), QUESTION).status == 200


def test_what_cannot_be_fetched_is_explained(ring: Ring, store: Warehouse, story: Story) -> None:
    wrong = fetched("wrong-digest", store.web, OTHER, weight=5)
    missing = fetched("missing", f"{store.web}.never", store.digest, weight=5)
    strange = fetched("no-secret", store.s3, store.digest, weight=5)
    strange["credentials"] = {"secretRef": {"name": "never-made"}}
    other = fetched("other-bento", store.web, store.digest, weight=5, bento=model.BOOSTING)
    words = {
        "wrong-digest": f"its digest is {store.digest}, not {OTHER}",
        "missing": "answered 404",
        "no-secret": "the Secret 'never-made'",
        "other-bento": f"holds the bento {model.LOGISTIC}, not {model.BOOSTING}",
    }
    with story.given("a champion"):
        champion = version("v1", model.LOGISTIC)
        ring.apply(model_deployment("bout", champion))
        ring.settled("bout")
    with story.when("four challengers come, none of which can be fetched"):
        ring.apply(model_deployment("bout", champion, (wrong, missing, strange, other)))
    for name, said in words.items():
        with story.then(f"{name} is explained in the status"):
            status = until(
                f"{name} is explained",
                lambda name=name: version_status(ring.resource("bout"), name),  # type: ignore[misc]
                lambda status, said=said: said in status.get("message", ""),  # type: ignore[misc]
                seconds=150,
            )
            assert status["reason"] == "BentoNotAvailable"
            story.tell(status["message"])
    with story.then("the champion goes on"):
        reply = ask(ring.host("bout"), QUESTION)
        assert (reply.status, reply.version) == (200, "v1")


def test_a_fetched_challenger_beside_an_image(ring: Ring, store: Warehouse, story: Story) -> None:
    """The same model by both ways gives the same answers."""
    with story.given("a champion of an image, and a challenger of the same bento by its uri"):
        other = fetched("v2", store.web, store.digest, weight=50)
        champion = version("v1", model.LOGISTIC)
        ring.apply(model_deployment("bout", champion, (other,)))
        ring.settled("bout", seconds=300)
    with story.then("both answer alike"):
        replies = [ask(ring.host("bout"), QUESTION, x_dohyo_version=name) for name in ("v1", "v2")]
        assert [reply.status for reply in replies] == [200, 200]
        assert replies[0].probabilities == replies[1].probabilities
