"""An operator that is given one namespace leaves the others alone, and reads no Secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness import commands, model
from tests.harness.asking import ask
from tests.harness.commands import Release
from tests.harness.installation import GATEWAY_LABELS, NAMESPACE
from tests.harness.manifests import model_deployment, version
from tests.harness.until import always

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.installation import Installation
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.story(9), pytest.mark.timeout(500), pytest.mark.alone]

QUESTION = model.question(model.rows()[:1])
ACCOUNTS = ("dohyo-operator", "dohyo-gateway")


@pytest.fixture
def restricted(installation: Installation, ring: Ring) -> Iterator[Installation]:
    """The installation, given only the first namespace; afterwards all of them again."""
    release = installation.release
    try:
        narrow = {**release.values, "watchNamespaces": [ring.namespace]}
        Release(release.name, release.chart, release.namespace, narrow).install()
        installation.wait_until_ready()
        yield installation
    finally:
        installation.install()


def test_one_of_two_namespaces(
    restricted: Installation, ring: Ring, other_ring: Ring, story: Story
) -> None:
    with story.given("an operator restricted to the first of two namespaces"):
        assert restricted.pods(GATEWAY_LABELS)
    with story.when("the same ModelDeployment is applied in both"):
        manifest = model_deployment("inside", version("v1", model.LOGISTIC))
        other_ring.apply(manifest)
        ring.apply(manifest)
    with story.then("it serves in the first"):
        ring.settled("inside")
        assert ask(ring.host("inside"), QUESTION).version == "v1"
    with story.then("nothing was made of it in the second"):
        always(
            "no status and no children",
            lambda: (other_ring.resource("inside") or {}).get("status"),
            lambda status: not status,
            seconds=5,
        )
        assert other_ring.children("inside") == []
        assert ask(other_ring.host("inside"), QUESTION).status == 404
    with story.then("it has no rights in the second, and reads Secrets nowhere"):
        for account in ACCOUNTS:
            assert not may(account, "list", "modeldeployments", other_ring.namespace)
            assert not may(account, "patch", "deployments", other_ring.namespace)
            for namespace in (ring.namespace, other_ring.namespace, NAMESPACE, "kube-system"):
                assert not may(account, "get", "secrets", namespace)
                assert not may(account, "list", "secrets", namespace)
        # The question itself is answered with yes where there is a right.
        assert may("dohyo-operator", "patch", "deployments", ring.namespace)


def test_all_namespaces_are_not_all_rights(installation: Installation, story: Story) -> None:
    with story.given("an operator of all namespaces"):
        installation.wait_until_ready()
        assert may("dohyo-operator", "patch", "deployments", "default")
    with story.then("it reads no Secret, runs nothing in pods and hands out no rights"):
        for account in ACCOUNTS:
            for namespace in (NAMESPACE, "kube-system", "default"):
                for verb, kind in (
                    ("get", "secrets"),
                    ("list", "secrets"),
                    ("create", "pods/exec"),
                    ("get", "pods/log"),
                    ("create", "rolebindings"),
                    ("impersonate", "serviceaccounts"),
                ):
                    assert not may(account, verb, kind, namespace), f"{account} {verb} {kind}"


def may(account: str, verb: str, kind: str, namespace: str) -> bool:
    """Whether the API server would let the ServiceAccount do that."""
    who = f"system:serviceaccount:{NAMESPACE}:{account}"
    try:
        answer = commands.kubectl(
            "auth", "can-i", verb, kind, "--namespace", namespace, "--as", who
        )
    except commands.CommandError as error:
        # `can-i` ends with code 1 when it says no.
        if "no" not in str(error).splitlines():
            raise
        return False
    return answer.strip() == "yes"
