"""From a BatchPrediction and what is seen of it to the plan: who scores, when, what stays."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from dohyo.api.batch_conditions import BatchReason
from dohyo.contract import LABEL_DEPLOYMENT, LABEL_VERSION
from dohyo.contract.batch import BatchOrder, BatchSummary, order_problem
from dohyo.contract.documents import from_json
from dohyo.plan.batch import BatchPlan, plan_batch
from dohyo.plan.batch_names import MAX_LENGTH, batch_name
from dohyo.plan.batch_run import making_of
from dohyo.plan.observed import ChildKey
from dohyo.plan.settings import Runtime, Settings
from tests.batches import (
    NAME,
    SETTINGS,
    a_batch,
    a_batch_pod,
    a_fetched,
    a_ring,
    a_scheduled_job,
    begun,
    done,
    key,
    live,
    manifest,
    observed,
)

HOPELESS = BatchSummary("MissingColumn", "income: no such column", shard=1)


def kinds(plan: BatchPlan) -> list[str]:
    return [m["kind"] for m in plan.manifests]


def pod_of(job: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = job["spec"]["template"]["spec"]
    return spec


def order_in(plan: BatchPlan) -> BatchOrder:
    return from_json(BatchOrder, json.loads(manifest(plan, "ConfigMap")["data"]["order.json"]))


def test_what_runs_once_is_an_indexed_job_with_an_order_and_an_account() -> None:
    plan = begun(a_batch(parallelism=3, retries=2, deadlineSeconds=600))
    assert kinds(plan) == ["ServiceAccount", "ConfigMap", "Job"]
    spec = manifest(plan, "Job")["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 12, 3)
    assert (spec["backoffLimitPerIndex"], spec["activeDeadlineSeconds"]) == (2, 600)


def test_the_order_is_one_that_its_program_takes() -> None:
    order = order_in(begun(a_batch(version=["v13", "v12"], input={"uri": "pvc://data/in/"})))
    assert order_problem(order) is None
    assert [v.name for v in order.versions] == ["v13", "v12"]
    assert order.versions[0].folder == "/bentos/v13"
    assert (order.run, order.deployment, order.shards) == ("", "satisfaction", 16)
    assert order.input.uri == "file:///mnt/data/data/in/"
    assert order.evidence_url == "http://evidence:8000"


def test_pods_are_restricted_and_have_no_rights() -> None:
    plan = begun(a_batch())
    account, job = manifest(plan, "ServiceAccount"), manifest(plan, "Job")
    pod = pod_of(job)
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert pod["automountServiceAccountToken"] is False
    assert account["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in (*pod["initContainers"], *pod["containers"]):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["containers"][0]["resources"]["limits"]["memory"] == "1Gi"


def test_no_service_of_a_version_takes_a_batch_pod_for_its_own() -> None:
    labels = manifest(begun(a_batch()), "Job")["spec"]["template"]["metadata"]["labels"]
    assert not {LABEL_DEPLOYMENT, LABEL_VERSION} & labels.keys()


def test_compared_versions_have_containers_volumes_and_folders_of_their_own() -> None:
    pod = pod_of(manifest(begun(a_batch(version=["v12", "v13"])), "Job"))
    fetching = [c["name"] for c in pod["initContainers"]]
    assert fetching == ["fetch-0", "fetch-1"]
    volumes = [v["name"] for v in pod["volumes"]]
    assert len(set(volumes)) == len(volumes)
    mounts = [m["mountPath"] for m in pod["containers"][0]["volumeMounts"]]
    assert {"/bentos/v12", "/bentos/v13"} <= set(mounts)
    assert len(set(mounts)) == len(mounts)
    for container in (*pod["initContainers"], *pod["containers"]):
        assert {m["name"] for m in container["volumeMounts"]} <= set(volumes)


def test_a_claim_that_is_written_to_is_mounted_once_and_writable() -> None:
    places = {"input": {"uri": "pvc://data/in/"}, "output": {"uri": "pvc://data/out/"}}
    pod = pod_of(manifest(begun(a_batch(**places)), "Job"))
    claims = [v for v in pod["volumes"] if "persistentVolumeClaim" in v]
    assert [v["persistentVolumeClaim"] for v in claims] == [{"claimName": "data"}]
    (mount,) = (m for m in pod["containers"][0]["volumeMounts"] if m["name"] == claims[0]["name"])
    assert mount == {"name": claims[0]["name"], "mountPath": "/mnt/data/data"}


def test_credentials_come_by_the_environment_and_never_by_the_order() -> None:
    secrets = [{"secretRef": {"name": name}} for name in ("store", "other")]
    bp = a_batch(
        input={"uri": "s3://b/c/", "credentials": secrets[0]},
        output={"uri": "s3://b/o/", "credentials": secrets[1]},
    )
    plan = begun(bp)
    container = pod_of(manifest(plan, "Job"))["containers"][0]
    assert [(s.get("prefix"), s["secretRef"]["name"]) for s in container["envFrom"]] == [
        (None, "store"),
        ("DOHYO_OUTPUT_", "other"),
    ]
    # Though the Secret be missing, the input's credentials are not the output's.
    assert {"name": "DOHYO_OUTPUT_OWN", "value": "true"} in container["env"]
    assert "store" not in manifest(plan, "ConfigMap")["data"]["order.json"]


@pytest.mark.parametrize("output", [{}, {"credentials": {"secretRef": {"name": "store"}}}])
def test_credentials_of_the_input_are_the_outputs_unless_it_has_others(
    output: dict[str, Any],
) -> None:
    bp = a_batch(
        input={"uri": "s3://b/c/", "credentials": {"secretRef": {"name": "store"}}},
        output={"uri": "s3://b/o/", **output},
    )
    container = pod_of(manifest(begun(bp), "Job"))["containers"][0]
    assert container["envFrom"] == [{"secretRef": {"name": "store", "optional": True}}]
    assert all("OUTPUT" not in each["name"] for each in container["env"])


def test_the_champion_is_who_serves_and_not_who_stands_in_the_spec() -> None:
    assert [v.name for v in begun(a_batch(), a_ring("v13")).versions] == ["v13"]
    kept = a_ring("v11", serving=a_fetched("v11"))
    assert [v.name for v in begun(a_batch(), kept).versions] == ["v11"]


@pytest.mark.parametrize(
    ("spec", "ring", "reason", "words"),
    [
        ({}, {}, BatchReason.MODEL_NOT_FOUND, "no ModelDeployment satisfaction"),
        ({"version": "v99"}, a_ring(), BatchReason.VERSION_NOT_FOUND, "it has v12, v13"),
        ({}, a_ring(champion=None), BatchReason.NO_CHAMPION, "nothing serves"),  # type: ignore[arg-type]
        (
            {},
            {"spec": {"champion": {"name": "v12", "bento": "s:1", "image": "s:1"}}}
            | {"status": {"champion": "v12"}},
            BatchReason.VERSION_IS_IMAGE,
            "v12 has an image of its own",
        ),
    ],
    ids=["no model", "no version", "no champion", "an image"],
)
def test_what_cannot_begin_says_why(
    spec: dict[str, Any], ring: dict[str, Any], reason: BatchReason, words: str
) -> None:
    plan = plan_batch(a_batch(**spec), observed(ring=ring or None), SETTINGS)
    assert kinds(plan) == ["ServiceAccount"]
    assert plan.obstacle is not None
    assert plan.obstacle.reason is reason
    assert words in plan.obstacle.message


def test_without_a_runtime_image_nothing_begins() -> None:
    plan = plan_batch(a_batch(), observed(), Settings(runtime=Runtime()))
    assert plan.obstacle is not None
    assert plan.obstacle.reason is BatchReason.NO_RUNTIME


def test_a_job_is_written_once_whatever_changes_around_it() -> None:
    first = begun(a_batch())
    job, order = live(manifest(first, "Job")), live(manifest(first, "ConfigMap"))
    newer = replace(SETTINGS, runtime=replace(SETTINGS.runtime, image="dohyo/runtime:2"))
    plan = plan_batch(a_batch(), observed(job, order, ring=a_ring("v13")), newer)
    assert kinds(plan) == ["ServiceAccount"]
    assert {key(job), key(order)} <= plan.keys
    assert plan.adjustments == ()


def test_parallelism_and_suspension_reach_a_job_that_goes_on() -> None:
    job = live(manifest(begun(a_batch(shards=8)), "Job"))
    plan = plan_batch(a_batch(shards=8, parallelism=2, suspend=True), observed(job), SETTINGS)
    (adjustment,) = plan.adjustments
    assert adjustment.patch == {"spec": {"suspend": True, "parallelism": 2}}
    over = live(job, **done())
    later = plan_batch(a_batch(shards=8, suspend=True), observed(over), SETTINGS)
    assert later.adjustments == ()


def test_other_work_is_another_run() -> None:
    job = live(manifest(begun(a_batch()), "Job"))
    plan = plan_batch(a_batch(onBadRow="fail"), observed(job), SETTINGS)
    assert key(job) not in plan.keys
    assert manifest(plan, "Job")["metadata"]["name"] != job["metadata"]["name"]


def test_the_end_begins_when_every_shard_is_done() -> None:
    job = live(manifest(begun(a_batch()), "Job"))
    assert kinds(plan_batch(a_batch(), observed(job), SETTINGS)) == ["ServiceAccount"]
    plan = plan_batch(a_batch(), observed(live(job, **done())), SETTINGS)
    finish = manifest(plan, "Job", "finish")
    container = pod_of(finish)["containers"][0]
    assert container["args"][0] == "finish"
    assert {"name": "DOHYO_BATCH_RUN", "value": job["metadata"]["name"]} in container["env"]
    failed = live(job, **done("Failed"))
    assert kinds(plan_batch(a_batch(), observed(failed), SETTINGS)) == ["ServiceAccount"]


def test_the_end_is_of_the_versions_that_scored() -> None:
    job = live(manifest(begun(a_batch()), "Job"), **done())
    plan = plan_batch(a_batch(), observed(job, ring=a_ring("v13")), SETTINGS)
    making = making_of(manifest(plan, "Job", "finish"))
    assert making is not None
    assert [v.name for v in making.versions] == ["v12"]


def test_what_is_done_is_not_done_again_when_somebody_removes_its_jobs() -> None:
    run = begun(a_batch()).run
    status = {"runs": [{"name": run, "state": "Succeeded"}]}
    assert kinds(plan_batch(a_batch(status), observed(), SETTINGS)) == ["ServiceAccount"]


def test_a_failed_run_whose_job_is_removed_goes_on_with_its_own_versions() -> None:
    run = begun(a_batch()).run
    fixed = [{"name": "v12", "bento": "satisfaction:v12"}]
    status = {"runs": [{"name": run, "state": "Failed", "versions": fixed}]}
    plan = plan_batch(a_batch(status), observed(ring=a_ring("v13")), SETTINGS)
    job = manifest(plan, "Job")
    assert job["metadata"]["name"] == run
    assert [v.name for v in plan.versions] == ["v12"]


def test_a_hopeless_pod_ends_its_job_and_no_other() -> None:
    bp = a_batch(schedule="0 6 * * 1")
    cron = live(manifest(begun(bp), "CronJob"))
    jobs = {j["metadata"]["name"]: j for j in (a_scheduled_job(cron, n) for n in (1, 2))}
    first = next(iter(jobs))
    pods = (a_batch_pod(first, 1, HOPELESS, 2), a_batch_pod(first, 2, None, 2))
    plan = plan_batch(bp, observed(cron, scheduled=jobs, pods=pods), SETTINGS)
    (adjustment,) = plan.adjustments
    assert adjustment.job["metadata"]["name"] == first
    assert adjustment.patch == {"spec": {"activeDeadlineSeconds": 1}}


def test_a_schedule_is_a_cron_job_whose_fields_are_those_of_the_spec() -> None:
    fields: dict[str, Any] = {
        "timeZone": "Europe/Berlin",
        "concurrencyPolicy": "Replace",
        "suspend": True,
    }
    spec = manifest(begun(a_batch(schedule="0 6 * * 1", **fields)), "CronJob")["spec"]
    assert fields.items() <= spec.items()
    assert (spec["schedule"], spec["successfulJobsHistoryLimit"]) == ("0 6 * * 1", 3)


def test_a_promotion_changes_the_template_and_no_job() -> None:
    bp = a_batch(schedule="0 6 * * 1")
    before = begun(bp)
    cron, order = live(manifest(before, "CronJob")), live(manifest(before, "ConfigMap"))
    job = a_scheduled_job(cron, 1)
    seen = observed(cron, order, scheduled={job["metadata"]["name"]: job}, ring=a_ring("v13"))
    plan = plan_batch(bp, seen, SETTINGS)
    making = making_of(manifest(plan, "CronJob")["spec"]["jobTemplate"])
    assert making is not None
    assert [v.name for v in making.versions] == ["v13"]
    assert making.order != order["metadata"]["name"]
    assert key(order) in plan.keys  # the job that goes on mounts it
    assert plan.adjustments == ()


def test_a_schedule_whose_version_is_gone_keeps_what_it_has() -> None:
    bp = a_batch(schedule="0 6 * * 1", version="v13")
    cron = live(manifest(begun(bp), "CronJob"))
    ring = a_ring()
    ring["spec"]["challengers"] = []
    plan = plan_batch(bp, observed(cron, ring=ring), SETTINGS)
    assert ChildKey("CronJob", batch_name(NAME)) in plan.keys
    assert plan.obstacle is not None


def test_names_leave_room_for_what_kubernetes_adds() -> None:
    longest = batch_name("a" * 63)
    assert len(longest) <= MAX_LENGTH
    assert batch_name("a" * 62) != longest
    for pod in ("12345678-999-abcde", "12345678-finish-abcde"):
        assert len(f"{longest}-{pod}") <= 63


def test_a_pod_template_is_laid_over_and_the_labels_stay() -> None:
    patch: dict[str, Any] = {
        "metadata": {"labels": {"team": "a", "dohyo.dev/batchprediction": "b"}}
    }
    patch["spec"] = {"nodeSelector": {"disk": "fast"}}
    template = manifest(begun(a_batch(podTemplate=patch)), "Job")["spec"]["template"]
    assert template["metadata"]["labels"]["dohyo.dev/batchprediction"] == NAME
    assert template["metadata"]["labels"]["team"] == "a"
    assert template["spec"]["nodeSelector"] == {"disk": "fast"}
