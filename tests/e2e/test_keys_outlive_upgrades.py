"""The master keys are made once; a rotation reaches every namespace with models."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

import pytest

from dohyo.contract import KEYS_SECRET
from dohyo.contract.keys import Keys, parse_keys
from tests.harness import model
from tests.harness.installation import NAMESPACE
from tests.harness.live import Name
from tests.harness.manifests import model_deployment, version
from tests.harness.until import until

if TYPE_CHECKING:
    from tests.harness.installation import Installation
    from tests.harness.live import Live
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.story(18), pytest.mark.timeout(500), pytest.mark.alone]

MASTER = "dohyo-master-keys"
# The kubelet brings a changed Secret to the operator's pod within its period and its cache's.
REACHES_SECONDS = 180


def keys_in(live: Live, namespace: str, name: str) -> Keys | None:
    """The keys of a Secret; None while it is not there. The master's belong to no namespace."""
    found = live.get(Name("Secret", name, namespace))
    if found is None:
        return None
    files = {key: base64.b64decode(text).decode() for key, text in found["data"].items()}
    return parse_keys(files, None if name == MASTER else namespace)


def test_an_upgrade_and_a_rotation(installation: Installation, ring: Ring, story: Story) -> None:
    live = ring.live
    with story.given("a champion, and keys in its namespace"):
        ring.apply(model_deployment("bout", version("v1", model.LOGISTIC)))
        ring.settled("bout")
        master = keys_in(live, NAMESPACE, MASTER)
        assert master is not None
        assert keys_in(live, ring.namespace, KEYS_SECRET) == master.for_namespace(ring.namespace)

    with story.then("an upgrade leaves the master as it is"):
        installation.release.install()
        assert keys_in(live, NAMESPACE, MASTER) == master

    with story.when("the master gets another key that signs"):
        added = f"k{secrets.token_hex(3)}"
        value = base64.b64encode(secrets.token_bytes(32)).decode()
        change = {"stringData": {added: value, "current": added}}
        live.patch(Name("Secret", MASTER, NAMESPACE), change)
        rotated = keys_in(live, NAMESPACE, MASTER)
        assert rotated is not None
        assert (rotated.current, rotated.entity) == (added, master.entity)

    with story.then("it reaches the namespace, and an upgrade keeps it"):
        wanted = rotated.for_namespace(ring.namespace)
        until(
            "the rotation is there",
            lambda: keys_in(live, ring.namespace, KEYS_SECRET) == wanted,
            seconds=REACHES_SECONDS,
        )
        installation.release.install()
        assert keys_in(live, NAMESPACE, MASTER) == rotated

    with story.then("the pods of the model are the same as before"):
        assert all(
            status["restartCount"] == 0
            for pod in ring.pods("bout")
            for status in pod["status"]["containerStatuses"]
        )
