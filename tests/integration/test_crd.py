"""The definition and its rules, judged by a real API server.

Everything is a dry run but the objects that a transition starts from; those live in a namespace of
this module's own.
"""

from __future__ import annotations

import copy
import json
import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client, config

from dohyo.api.crd import MAX_BYTES, crd, crd_yaml
from dohyo.api.resource import parse
from dohyo.api.transition_rules import TRANSITION_RULES
from dohyo.api.validation import check
from dohyo.contract import GROUP, KIND, PLURAL, VERSION
from tests.harness.access import project_access
from tests.harness.commands import kubectl
from tests.harness.live import Name
from tests.integration.held import held
from tests.unit.api.judged import Manifest, manifests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.live import Live


ALL = manifests()
VALID = [m for m in ALL if m.is_valid]
REFUSED = [m for m in ALL if not m.is_valid and m.only is None]
BINDING = {rule.name: rule.message for rule in TRANSITION_RULES}
ONLY_PYTHON = [m for m in ALL if m.only is not None]


@pytest.fixture(scope="module")
def api() -> client.ApiClient:
    path = str(project_access().kubeconfig)
    made = config.new_client_from_config(path)
    assert isinstance(made, client.ApiClient)
    return made


@pytest.fixture(scope="module")
def definition(live: Live) -> dict[str, Any]:
    """The definition as the API server stores it, served."""
    return a_map(live.get(Name("CustomResourceDefinition", f"{PLURAL}.{GROUP}")))


def a_map(value: object) -> dict[str, Any]:
    assert isinstance(value, dict)
    return value


@pytest.fixture(scope="module")
def namespace(api: client.ApiClient) -> Iterator[str]:
    core = client.CoreV1Api(api)
    name = f"dohyo-crd-{uuid.uuid4().hex[:8]}"
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=name)))
    yield name
    core.delete_namespace(name)


class Resources:
    """ModelDeployments in one namespace."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self._custom = client.CustomObjectsApi(api)
        self._namespace = namespace

    def create(
        self, body: dict[str, Any], *, dry_run: str | None = "All", unknown_fields: str = "Ignore"
    ) -> dict[str, Any]:
        return a_map(
            self._custom.create_namespaced_custom_object(
                GROUP,
                VERSION,
                self._namespace,
                PLURAL,
                body,
                dry_run=dry_run,
                field_validation=unknown_fields,
            )
        )

    def replace(self, body: dict[str, Any]) -> dict[str, Any]:
        name = body["metadata"]["name"]
        return a_map(
            self._custom.replace_namespaced_custom_object(
                GROUP, VERSION, self._namespace, PLURAL, name, body, dry_run="All"
            )
        )

    def delete(self, name: str) -> None:
        self._custom.delete_namespaced_custom_object(GROUP, VERSION, self._namespace, PLURAL, name)


@pytest.fixture
def resources(api: client.ApiClient, namespace: str, definition: dict[str, Any]) -> Resources:
    assert definition
    return Resources(api, namespace)


def submit(resources: Resources, manifest: Manifest) -> dict[str, Any]:
    """What the API server makes of the manifest, with nothing left behind."""
    if manifest.before is None:
        return resources.create(manifest.document)
    before = resources.create(manifest.before, dry_run=None)
    try:
        body = copy.deepcopy(manifest.document)
        body["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
        return resources.replace(body)
    finally:
        resources.delete(before["metadata"]["name"])


def causes(error: client.ApiException) -> list[tuple[str, str]]:
    """Place and words of each refusal; what was only left unchecked is no refusal."""
    assert error.status == 422, error.body
    assert error.body is not None
    listed = json.loads(error.body)["details"]["causes"]
    return [
        (cause.get("field", ""), cause["message"])
        for cause in listed
        if "some validation rules were not checked" not in cause["message"]
    ]


@pytest.mark.parametrize("manifest", VALID, ids=lambda m: m.name)
def test_a_valid_manifest_is_taken_with_the_defaults_of_lint(
    resources: Resources, manifest: Manifest
) -> None:
    assert parse(submit(resources, manifest)).spec == check(manifest.document).spec


@pytest.mark.parametrize("manifest", REFUSED, ids=lambda m: m.name)
def test_an_invalid_manifest_is_refused_in_its_own_words(
    resources: Resources, manifest: Manifest
) -> None:
    with pytest.raises(client.ApiException) as refusal:
        submit(resources, manifest)
    found = causes(refusal.value)
    if manifest.server is not None:
        assert any(manifest.server in f"{place}: {words}" for place, words in found), found
        return
    (violation,) = check(manifest.document, manifest.before).refused
    # What differs from the former content only `dohyo lint` can say.
    message = BINDING.get(violation.rule, f"{violation.message}; {violation.way_out}")
    ((place, words),) = found
    assert words.endswith(message)
    # A rule about the name stands at the root; a map's key is in brackets there.
    assert re.sub(r"\[([^\]0-9]+)\]", r".\1", place) == manifest.at or place == "<nil>"


@pytest.mark.parametrize("manifest", ONLY_PYTHON, ids=lambda m: m.name)
def test_what_only_python_sees_reaches_the_operator(
    resources: Resources, manifest: Manifest
) -> None:
    taken = submit(resources, manifest)
    assert check(taken).refused == check(manifest.document).refused


def test_an_unknown_field_is_refused_when_asked_strictly(resources: Resources) -> None:
    document = copy.deepcopy(VALID[0].document)
    document["spec"]["champoin"] = {}
    with pytest.raises(client.ApiException, match=r"unknown field .*spec.champoin"):
        resources.create(document, unknown_fields="Strict")
    assert [v.path for v in check(document).unknown] == ["spec.champoin"]


def test_a_status_of_every_field_is_stored_and_the_table_shows_it(
    definition: dict[str, Any], namespace: str
) -> None:
    assert definition
    smallest = next(m for m in VALID if m.name == "valid-smallest")
    with held(smallest.document, a_full_status(), namespace) as stored:
        assert stored["status"] == a_full_status()
        shown = _table(namespace)
    assert shown["CHAMPION"] == "v12"
    assert shown["CHALLENGER"] == "v13,v14"
    assert shown["WEIGHT"] == "10,0.5"
    assert shown["STEP"] == "1/3,-"
    assert shown["VERDICT"] == "inconclusive,-"
    assert shown["READY"] == "False"
    assert shown["URL"] == "http://satisfaction.shop"
    assert shown["REASON"] == "ImageNotAvailable"


def a_full_status() -> dict[str, Any]:
    moment = "2026-11-22T12:00:00Z"
    version = {"replicas": 2, "readyReplicas": 2, "shadow": 0, "content": "0123456789abcdef"}
    return {
        "observedGeneration": 7,
        "url": "http://satisfaction.shop",
        "champion": "v12",
        "serving": {"name": "v12", "bento": "satisfaction:v12", "podTemplate": {"spec": {}}},
        "phase": "Canary",
        "summary": {
            "challengers": "v13,v14",
            "weights": "10,0.5",
            "step": "1/3,-",
            "verdict": "inconclusive,-",
        },
        "versions": [
            {
                **version,
                "name": "v12",
                "role": "champion",
                "bento": "satisfaction:v12",
                "weight": 89.5,
                "state": "Ready",
                "firstReadyAt": moment,
            },
            {
                **version,
                "name": "v14",
                "role": "challenger",
                "bento": "satisfaction:v14",
                "weight": 0.5,
                "state": "Failed",
                "reason": "ImagePullBackOff",
                "message": "x" * 512,
            },
        ],
        "routing": {"epoch": 3, "salt": "s", "versions": [{"name": "v12", "anything": [1]}]},
        "retiring": [{"name": "v11", "service": "s", "sinceEpoch": 2, "acknowledgedAt": moment}],
        "rollouts": [
            {
                "challenger": "v13",
                "trial": "t1",
                "step": 0,
                "stepStartedAt": moment,
                "startedAt": moment,
                "verdict": {
                    "outcome": "inconclusive",
                    "reason": "TooFewUnits",
                    "message": "m",
                    "gates": [
                        {
                            "name": "errors",
                            "outcome": "passed",
                            "reason": "r",
                            "message": "m",
                            "dryRun": True,
                        }
                    ],
                },
            }
        ],
        "history": [
            {
                "champion": "v11",
                "challenger": "v12",
                "outcome": "promoted",
                "at": moment,
                "content": "c",
                "evidence": {"eValue": 41.2},
            }
        ],
        "conditions": [
            {
                "type": "Ready",
                "status": "False",
                "observedGeneration": 7,
                "lastTransitionTime": moment,
                "reason": "ImageNotAvailable",
                "message": "v14: no such image",
            }
        ],
    }


def _table(namespace: str) -> dict[str, str]:
    """What `kubectl get md` prints, by the headings of its columns."""
    heading, row = kubectl("get", "md", "--namespace", namespace, "-o", "wide").splitlines()
    columns = list(re.finditer(r"\S+ *", heading))
    return {c.group().strip(): row[c.start() : c.end()].strip() for c in columns}


def test_the_definition_is_stored_as_it_is_printed(definition: dict[str, Any]) -> None:
    names = definition["spec"]["names"]
    assert (names["shortNames"], names["categories"]) == (["md", "mdep"], ["dohyo"])
    assert names["kind"] == KIND
    (version,) = definition["spec"]["versions"]
    assert version["schema"] == crd()["spec"]["versions"][0]["schema"]


def test_the_definition_can_be_applied_by_the_client(
    definition: dict[str, Any],
) -> None:
    assert definition
    assert len(crd_yaml()) < MAX_BYTES
    kubectl("apply", "--server-side=false", "--dry-run=server", "-f", "-", text=crd_yaml())
