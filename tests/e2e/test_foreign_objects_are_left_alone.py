"""An object of somebody else with a child's name is never touched, and is told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dohyo.contract import LABEL_DEPLOYMENT
from dohyo.plan.child_names import child_name
from tests.harness import model
from tests.harness.asking import ask
from tests.harness.live import Name
from tests.harness.manifests import model_deployment, version
from tests.harness.ring import condition
from tests.harness.until import always, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.harness.live import Object
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.story(11), pytest.mark.timeout(400)]

QUESTION = model.question(model.rows()[:1])
SINGLE = {"minReplicas": 1, "maxReplicas": 1}
FOREIGN_LABELS = {"app": "foreign"}


def a_service(name: str) -> Object:
    spec = {"ports": [{"port": 80}], "selector": FOREIGN_LABELS}
    return {"metadata": {"name": name, "labels": FOREIGN_LABELS}, "spec": spec}


def a_deployment(name: str) -> Object:
    # No replicas: only the object matters here.
    pod = {"containers": [{"name": "foreign", "image": "dohyo/bento-breast-cancer:v1-logistic"}]}
    template = {"metadata": {"labels": FOREIGN_LABELS}, "spec": pod}
    spec = {"replicas": 0, "selector": {"matchLabels": FOREIGN_LABELS}, "template": template}
    return {"metadata": {"name": name, "labels": FOREIGN_LABELS}, "spec": spec}


@pytest.mark.parametrize("kind", ["entry Service", "Service", "Deployment"])
def test_a_name_that_is_taken(ring: Ring, story: Story, kind: str) -> None:
    name = "taken" if kind == "entry Service" else child_name("taken", "v1")
    kind = kind.removeprefix("entry ")
    foreign = a_deployment(name) if kind == "Deployment" else a_service(name)
    with story.given(f"a {kind} of somebody else called {name}"):
        made = ring.live.create(kind, ring.namespace, foreign)
    with story.when("a ModelDeployment comes whose child has that name"):
        ring.apply(model_deployment("taken", version("v1", model.LOGISTIC), scaling=SINGLE))
    with story.then("the condition NameConflict names it and the way out"):
        resource = until(
            "NameConflict",
            lambda: ring.resource("taken"),
            lambda seen: condition(seen, "NameConflict").get("status") == "True",
            seconds=30,
        )
        message = condition(resource, "NameConflict")["message"]
        story.tell(message)
        assert f"{kind} {name}" in message
        assert "rename" in message
        assert condition(resource, "Ready")["status"] == "False"
    target = Name(kind, name, ring.namespace)
    with story.then("it is as it was, also after the ModelDeployment went"):
        always("it is untouched", lambda: ring.live.get(target), same_as(made), seconds=3)
        ring.live.delete(Name("ModelDeployment", "taken", ring.namespace))
        until("the children are gone", lambda: ring.children("taken") == [], seconds=60)
        assert same_as(made)(ring.live.get(target))


def same_as(made: Object) -> Callable[[Object | None], bool]:
    """Whether an object is the one that was made: same identity, spec, labels and owners."""

    def holds(seen: Object | None) -> bool:
        if seen is None:
            return False
        old, new = made["metadata"], seen["metadata"]
        assert LABEL_DEPLOYMENT not in new.get("labels", {})
        return (old["uid"], old["labels"], made["spec"]) == (
            new["uid"],
            new.get("labels"),
            seen["spec"],
        ) and "ownerReferences" not in new

    return holds


def test_names_that_join_to_the_same_words(ring: Ring, story: Story) -> None:
    with story.when("`a` with version `b-c` and `a-b` with version `c` are applied"):
        ring.apply(model_deployment("a", version("b-c", model.LOGISTIC), scaling=SINGLE))
        ring.apply(model_deployment("a-b", version("c", model.BOOSTING), scaling=SINGLE))
    with story.then("both serve, each with its own pods"):
        ring.settled("a")
        ring.settled("a-b")
        assert ask(ring.host("a"), QUESTION).version == "b-c"
        assert ask(ring.host("a-b"), QUESTION).version == "c"
        assert len(ring.pods("a")) == len(ring.pods("a-b")) == 1
    with story.then("and one lives on when the other goes"):
        ring.live.delete(Name("ModelDeployment", "a", ring.namespace))
        until("`a` is gone", lambda: ring.children("a") == [], seconds=60)
        assert ask(ring.host("a-b"), QUESTION).version == "c"
