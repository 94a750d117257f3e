"""What pods have fetched, and what is said of bentos without the serving library."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from dohyo.api.resource import parse
from dohyo.plan.applied import Applied
from dohyo.plan.desired import plan
from dohyo.plan.observed import Observed, key_of
from dohyo.plan.settings import Runtime, Settings
from dohyo.status.derive import derive
from dohyo.status.fetched import Fetched, fetched
from tests.builders import NOW, a_deployment, a_manifest, a_pod, an_observed

if TYPE_CHECKING:
    from dohyo.plan.observed import Manifest

DIGEST = "sha256:" + "1" * 64


def a_fetching_pod(version: str, message: str, code: int = 0) -> Manifest:
    state = {"terminated": {"exitCode": code, "message": message}}
    return a_pod(version, {"initContainerStatuses": [{"name": "fetch", "state": state}]})


def a_word(*, has_library: bool, digest: str | None = DIGEST) -> str:
    return json.dumps({"bento": "a:b", "digest": digest, "dohyoServing": has_library})


def test_a_word() -> None:
    pods = [a_fetching_pod("v12", a_word(has_library=True))]
    assert fetched(pods) == Fetched(DIGEST, has_library=True)
    folder = [a_fetching_pod("v12", a_word(has_library=False, digest=None))]
    assert fetched(folder) == Fetched(None, has_library=False)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("", 0),
        ("[]", 0),
        ("no json", 0),
        ('{"digest": 1}', 0),
        ('{"digest": null, "dohyoServing": "yes"}', 0),
        (a_word(has_library=True), 1),
    ],
)
def test_what_is_no_word_says_nothing(message: str, code: int) -> None:
    assert fetched([a_fetching_pod("v12", message, code)]) is None


def test_a_digest_that_is_none_is_not_shown() -> None:
    word = a_word(has_library=True, digest="<script>")
    assert fetched([a_fetching_pod("v12", word)]) == Fetched(None, has_library=True)


def status_of(**words: str) -> dict[str, Any]:
    """The status of a champion v12 and a challenger v13 whose pods have left these words."""
    md = a_deployment(challengers={"v13": 10})
    pods = tuple(a_fetching_pod(version, word) for version, word in words.items())
    observed = an_observed({"v12": 1, "v13": 1}, pods=pods)
    return derive(md, plan(md, observed, Settings(), NOW), observed, Applied(), NOW)


def equipped(status: dict[str, Any]) -> dict[str, Any] | None:
    return next((c for c in status["conditions"] if c["type"] == "Equipped"), None)


def test_a_bento_without_the_library_is_named_with_what_it_lacks() -> None:
    status = status_of(v12=a_word(has_library=True), v13=a_word(has_library=False))
    condition = equipped(status)
    assert condition is not None
    assert (condition["status"], condition["reason"]) == ("False", "ServingLibraryMissing")
    assert condition["message"].startswith("v13: made without dohyo_serving")
    assert len(condition["message"].encode()) <= 512
    ready = next(c for c in status["conditions"] if c["type"] == "Ready")
    assert ready["reason"] != "ServingLibraryMissing"
    assert [v.get("digest") for v in status["versions"]] == [DIGEST, DIGEST]


def test_where_all_have_it_and_where_nobody_knows() -> None:
    condition = equipped(status_of(v12=a_word(has_library=True)))
    assert condition is not None
    assert (condition["status"], condition["reason"]) == ("True", "ServingLibraryUsed")
    assert equipped(status_of()) is None


def test_a_cluster_that_drops_image_volumes_is_told_of() -> None:
    raw = a_manifest()
    del raw["spec"]["champion"]["image"]
    raw["spec"]["champion"]["uri"] = "oci://r.example/m:v1"
    settings = Settings(runtime=Runtime(image="r:1", image_volumes=True))
    md = parse(raw)
    done = plan(md, Observed(), settings, NOW)
    deployment = next(m for m in done.manifests if m["kind"] == "Deployment")

    def status_with(live: dict[str, Any]) -> dict[str, Any]:
        observed = Observed(children={key_of(live): live})
        (version,) = derive(md, done, observed, Applied(), NOW)["versions"]
        found: dict[str, Any] = version
        return found

    assert status_with(deployment).get("reason") != "BentoNotAvailable"
    dropped = copy.deepcopy(deployment)
    pod = dropped["spec"]["template"]["spec"]
    pod["volumes"] = [volume for volume in pod["volumes"] if "image" not in volume]
    told = status_with(dropped)
    assert (told["state"], told["reason"]) == ("Failed", "BentoNotAvailable")
    assert "runtime.imageVolumes" in told["message"]
