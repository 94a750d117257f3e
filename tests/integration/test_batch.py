"""Batch predictions: judged, planned and cleared away by a real API server and its controllers."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dohyo.api.batch_resource import check_batch
from dohyo.plan.batch_names import batch_name
from tests.batches import a_batch_manifest
from tests.harness.commands import kubectl
from tests.harness.live import Name, RefusedError
from tests.harness.manifests import RESOURCES, model_deployment
from tests.harness.operator_process import OperatorProcess, operator
from tests.harness.until import until
from tests.integration.conftest import quiet
from tests.unit.api.batch_judged import INVALID, VALID, Judged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.live import Object
    from tests.integration.conftest import Field

MODEL, BATCH = "satisfaction", "weekly"
# No node has this label, so that nothing is ever pulled.
NOWHERE = {"spec": {"nodeSelector": {"dohyo.dev/never": "there"}}}
LABELS = {"dohyo.dev/batchprediction": BATCH}
ONE = {"minReplicas": 1, "maxReplicas": 1}


@pytest.mark.parametrize("judged", VALID, ids=lambda j: j.name)
def test_a_valid_manifest_is_taken_with_the_defaults_of_lint(field: Field, judged: Judged) -> None:
    taken = field.live.create("BatchPrediction", field.namespace, here(judged.document))
    assert check_batch(taken).spec == check_batch(judged.document).spec


def test_invalid_manifests_are_refused_in_their_own_words(field: Field) -> None:
    for judged in (j for j in INVALID if not j.only):
        (violation,) = check_batch(judged.document).refused
        with pytest.raises(RefusedError) as refusal:
            field.live.create("BatchPrediction", field.namespace, here(judged.document))
        assert refusal.value.code == 422, judged.name
        assert violation.message in refusal.value.message, judged.name


def here(document: dict[str, Any]) -> dict[str, Any]:
    """The document for a namespace that the path names."""
    body = copy.deepcopy(document)
    for field in ("namespace", "uid", "generation"):
        body["metadata"].pop(field, None)
    return body


def fetched(name: str, **fields: Any) -> Object:
    return {
        "name": name,
        "bento": f"m:{name}",
        "uri": f"s3://b/{name}.bento",
        "resources": RESOURCES,
        "podTemplate": NOWHERE,
        **fields,
    }


@pytest.fixture
def working(field: Field) -> Iterator[OperatorProcess]:
    variables = {"DOHYO_RUNTIME_IMAGE": "dohyo/runtime:never-started"}
    with operator(replace(field.station, variables=variables)) as process:
        image = {"name": "v3", "bento": "m:v3", "image": "m:v3", "resources": RESOURCES}
        challengers = (fetched("v2", weight=0), {**image, "weight": 0, "podTemplate": NOWHERE})
        field.apply(model_deployment(MODEL, fetched("v1"), challengers, scaling=ONE))
        until("somebody is champion", lambda: field.status(MODEL).get("champion"), bool, seconds=60)
        yield process
    # Pods of a Job that counts failures by index keep their finalizer until they are replaced,
    # which nobody can in a namespace that goes; so the Jobs go first.
    field.live.delete(Name("BatchPrediction", BATCH, field.namespace))
    until("no pod of a run is left", lambda: pods(field), lambda found: not found, seconds=60)


def apply(field: Field, **spec: Any) -> None:
    document = here(a_batch_manifest(podTemplate=NOWHERE, parallelism=2, shards=3, **spec))
    kubectl("-n", field.namespace, "apply", "-f", "-", text=json.dumps(document))


def status_of(field: Field) -> Object:
    found = field.get("BatchPrediction", BATCH) or {}
    status: Object = found.get("status", {})
    return status


def settled(field: Field, process: OperatorProcess) -> Object:
    until(
        "the status speaks of the present spec",
        lambda: field.get("BatchPrediction", BATCH) or {},
        lambda bp: (
            bp.get("status", {}).get("observedGeneration", 0)
            == bp.get("metadata", {}).get("generation", -1)
        ),
        seconds=60,
    )
    quiet(process)
    return status_of(field)


def jobs(field: Field) -> list[Object]:
    return field.live.listed("Job", field.namespace, LABELS)


def pods(field: Field) -> list[Object]:
    return field.live.listed("Pod", field.namespace, LABELS)


def reason_of(status: Object) -> str:
    reasons = [c["reason"] for c in status.get("conditions", ()) if c["type"] == "Ready"]
    return str(reasons[0]) if reasons else ""


def test_a_run_is_made_once_suspended_and_deleted_with_its_pods(
    field: Field, working: OperatorProcess
) -> None:
    apply(field)
    until("two pods are there", lambda: pods(field), lambda found: len(found) == 2, seconds=60)
    status = settled(field, working)
    assert "stays different" not in working.log()
    assert status["shards"]["total"] == 3
    assert status["version"] == "v1"
    (job,) = jobs(field)
    assert job["spec"]["completionMode"] == "Indexed"
    (account,) = field.live.listed("ServiceAccount", field.namespace, LABELS)
    assert account["automountServiceAccountToken"] is False
    until(
        "nodes are missed",
        lambda: reason_of(status_of(field)),
        lambda r: r == "PodStuck",
        seconds=60,
    )

    apply(field, suspend=True)
    until("its pods are gone", lambda: pods(field), lambda found: not found, seconds=60)
    until(
        "it says so", lambda: status_of(field).get("phase"), lambda p: p == "Suspended", seconds=60
    )
    apply(field, suspend=False)
    until("its pods are back", lambda: pods(field), lambda found: len(found) == 2, seconds=60)
    assert [j["metadata"]["uid"] for j in jobs(field)] == [job["metadata"]["uid"]]

    field.live.delete(Name("BatchPrediction", BATCH, field.namespace))
    until(
        "nothing is left of it",
        lambda: [
            *jobs(field),
            *pods(field),
            *field.live.listed("ConfigMap", field.namespace, LABELS),
        ],
        lambda left: not left,
        seconds=90,
    )


def test_a_schedule_follows_the_version_and_says_what_it_cannot_take(
    field: Field, working: OperatorProcess
) -> None:
    schedule = "0 6 1 1 *"
    apply(field, schedule=schedule, version="v1")
    assert settled(field, working)["nextVersion"] == "v1"
    apply(field, schedule=schedule, version="v2")
    assert settled(field, working)["nextVersion"] == "v2"
    cron = field.get("CronJob", batch_name(BATCH))
    assert cron is not None
    made = json.loads(cron["spec"]["jobTemplate"]["metadata"]["annotations"]["dohyo.dev/run"])
    assert [v["name"] for v in made["versions"]] == ["v2"]

    # A run that somebody starts by hand keeps its version.
    name = f"{batch_name(BATCH)}-hand"
    source = f"--from=cronjob/{batch_name(BATCH)}"
    kubectl("-n", field.namespace, "create", "job", name, source)
    until(
        "the run is told", lambda: status_of(field).get("version"), lambda v: v == "v2", seconds=60
    )
    apply(field, schedule=schedule, version="v1")
    status = settled(field, working)
    assert (status["nextVersion"], status["version"]) == ("v1", "v2")

    for version, reason in (("v3", "VersionIsImage"), ("v9", "VersionNotFound")):
        apply(field, schedule=schedule, version=version)
        assert reason_of(settled(field, working)) == reason
    assert field.get("CronJob", batch_name(BATCH)) is not None
    apply(field, schedule=schedule, version=["v1", "v1"])
    assert reason_of(settled(field, working)) == "SpecInvalid"
