"""How bentos come into pods: by image, by uri, as an image volume."""

from __future__ import annotations

from typing import Any

import pytest

from dohyo.api.resource import parse
from dohyo.contract import KEYS_FOLDER
from dohyo.plan.applied import Applied
from dohyo.plan.desired import plan
from dohyo.plan.observed import Observed
from dohyo.plan.settings import Runtime, Settings
from dohyo.status.derive import derive
from tests.builders import NAME, NOW, a_deployment, a_manifest

DIGEST = "sha256:" + "0" * 64
RUNTIME = Runtime(image="dohyo/runtime:1")


def a_pod(runtime: Runtime = RUNTIME, **version: Any) -> dict[str, Any]:
    """The pod of a champion with these fields; without an image when it has a uri."""
    raw = a_manifest()
    champion = raw["spec"]["champion"]
    if "uri" in version:
        del champion["image"]
    champion |= version
    done = plan(parse(raw), Observed(), Settings(runtime=runtime), NOW)
    deployment = next(m for m in done.manifests if m["kind"] == "Deployment")
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return pod


def fetch_of(pod: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod["initContainers"]
    assert container["name"] == "fetch"
    found: dict[str, Any] = container
    return found


def volumes_of(pod: dict[str, Any]) -> dict[str, Any]:
    return {v["name"]: {k: s for k, s in v.items() if k != "name"} for v in pod["volumes"]}


def environment_of(container: dict[str, Any]) -> dict[str, str]:
    return {e["name"]: e["value"] for e in container.get("env", ())}


def option(container: dict[str, Any], name: str) -> str | None:
    args = container["args"]
    return args[args.index(name) + 1] if name in args else None


def test_an_image_is_run_as_it_is() -> None:
    pod = a_pod()
    assert "initContainers" not in pod
    assert pod["containers"][0]["image"] == f"{NAME}:v12"


def test_a_uri_is_fetched_before_the_runtime_serves_it() -> None:
    pod = a_pod(uri="https://models.example/a.bento", digest=DIGEST)
    fetch, bento = fetch_of(pod), pod["containers"][0]
    assert fetch["image"] == bento["image"] == RUNTIME.image
    assert fetch["args"][0] == "https://models.example/a.bento"
    assert option(fetch, "--digest") == DIGEST
    assert option(fetch, "--bento") == f"{NAME}:v12"
    assert fetch["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert fetch["securityContext"]["readOnlyRootFilesystem"] is True
    served = next(m for m in bento["volumeMounts"] if m["mountPath"] == "/bento")
    written = next(m for m in fetch["volumeMounts"] if m["name"] == served["name"])
    assert fetch["args"][1] == f"{written['mountPath']}/{served['subPath']}"
    assert served["readOnly"] is True


def test_credentials_reach_the_fetching_alone() -> None:
    pod = a_pod(uri="s3://b/a.bento", credentials={"secretRef": {"name": "store"}})
    fetch = fetch_of(pod)
    mount = next(m for m in fetch["volumeMounts"] if m["name"] == "credentials")
    assert volumes_of(pod)["credentials"]["secret"]["secretName"] == "store"
    assert option(fetch, "--credentials") == mount["mountPath"]
    assert environment_of(fetch) == {"DOHYO_CREDENTIALS": "store"}
    assert "credentials" not in {m["name"] for m in pod["containers"][0]["volumeMounts"]}


def test_a_claim_is_mounted_where_the_fetching_looks() -> None:
    pod = a_pod(uri="pvc://models/team/a.bento")
    fetch = fetch_of(pod)
    mount = next(m for m in fetch["volumeMounts"] if m["name"] == "claim")
    claim = volumes_of(pod)["claim"]["persistentVolumeClaim"]
    assert claim == {"claimName": "models", "readOnly": True}
    assert mount["mountPath"] == f"{option(fetch, '--claims')}/models"
    assert mount["readOnly"] is True


def test_a_node_cache_is_a_volume_of_the_installations_choice() -> None:
    source = {"hostPath": {"path": "/var/cache/dohyo", "type": "Directory"}}
    runtime = Runtime(image="r:1", cache=source, cache_gigabytes=7)
    pod = a_pod(runtime, uri="s3://b/a.bento", digest=DIGEST)
    fetch = fetch_of(pod)
    assert volumes_of(pod)["bento-cache"] == source
    assert option(fetch, "--cache-gigabytes") == "7"
    assert "bento-cache" not in {m["name"] for m in pod["containers"][0]["volumeMounts"]}
    assert "bento-cache" not in volumes_of(a_pod(runtime, uri="pvc://models/a.bento"))


@pytest.mark.parametrize(
    ("uri", "digest", "reference"),
    [
        ("oci://r.example/m:v1", None, "r.example/m:v1"),
        ("oci://r.example/m:v1", DIGEST, f"r.example/m:v1@{DIGEST}"),
        (f"oci://r.example/m@{DIGEST}", DIGEST, f"r.example/m@{DIGEST}"),
    ],
)
def test_where_images_can_be_volumes_nothing_is_fetched(
    uri: str, digest: str | None, reference: str
) -> None:
    runtime = Runtime(image="r:1", image_volumes=True)
    fields: dict[str, Any] = {"uri": uri, "credentials": {"secretRef": {"name": "registry"}}}
    pod = a_pod(runtime, **fields | ({"digest": digest} if digest else {}))
    assert "initContainers" not in pod
    volume = volumes_of(pod)["bento"]
    assert volume == {"image": {"reference": reference, "pullPolicy": "IfNotPresent"}}
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    mount = next(m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "bento")
    assert mount == {"name": "bento", "mountPath": "/bento", "readOnly": True}
    assert fetch_of(a_pod(Runtime(image="r:1"), uri=uri))
    assert fetch_of(a_pod(runtime, uri="s3://b/a.bento"))


def test_fetching_reserves_no_accelerator() -> None:
    resources = {"requests": {"cpu": "2"}, "limits": {"memory": "2Gi", "nvidia.com/gpu": "1"}}
    pod = a_pod(uri="s3://b/a.bento", resources=resources)
    assert fetch_of(pod)["resources"] == {"requests": {"cpu": "2"}, "limits": {"memory": "2Gi"}}
    assert pod["containers"][0]["resources"] == resources


def test_nothing_in_an_address_is_taken_for_a_variable() -> None:
    pod = a_pod(uri="https://h/$(HOME)/a.bento")
    assert fetch_of(pod)["args"][0] == "https://h/$$(HOME)/a.bento"


@pytest.mark.parametrize("version", [{}, {"uri": "s3://b/a.bento"}], ids=["image", "uri"])
def test_every_bento_is_told_where_keys_and_evidence_are(version: dict[str, str]) -> None:
    runtime = Runtime(image="r:1", has_keys=True, evidence_url="http://evidence")
    pod = a_pod(runtime, **version)
    container = pod["containers"][0]
    told = environment_of(container)
    assert (told["DOHYO_KEYS"], told["DOHYO_EVIDENCE_URL"]) == (KEYS_FOLDER, "http://evidence")
    mount = next(m for m in container["volumeMounts"] if m["mountPath"] == KEYS_FOLDER)
    assert volumes_of(pod)[mount["name"]]["secret"]["optional"] is True
    bare = a_pod(Runtime(image="r:1"), **version)
    assert not {"DOHYO_KEYS", "DOHYO_EVIDENCE_URL"} & environment_of(bare["containers"][0]).keys()


def test_the_users_template_reaches_the_fetching_too() -> None:
    proxy = {"name": "HTTPS_PROXY", "value": "http://proxy:3128"}
    template = {"spec": {"initContainers": [{"name": "fetch", "env": [proxy]}]}}
    fetch = fetch_of(a_pod(uri="s3://b/a.bento", podTemplate=template))
    assert proxy in fetch["env"]
    assert fetch["command"] == ["dohyo-fetch"]


def test_without_a_runtime_image_the_status_says_what_is_missing() -> None:
    raw = a_manifest()
    del raw["spec"]["champion"]["image"]
    raw["spec"]["champion"]["uri"] = "s3://b/a.bento"
    md = parse(raw)
    done = plan(md, Observed(), Settings(), NOW)
    assert [m["kind"] for m in done.manifests] == ["Service"]
    (version,) = derive(md, done, Observed(), Applied(), NOW)["versions"]
    assert (version["state"], version["reason"]) == ("Failed", "RuntimeNotConfigured")
    assert "runtime.image" in version["message"]
    assert plan(a_deployment(), Observed(), Settings(), NOW).unserved == frozenset()
