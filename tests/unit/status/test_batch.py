"""From Jobs and their pods' last words to the status, its events and its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dohyo import batch_metrics
from dohyo.api.violations import Violation
from dohyo.contract.batch import BatchSummary
from dohyo.contract.batch_evidence import BatchEvidence, PairedLabels, VersionLabels
from dohyo.plan.applied import Applied, Failure
from dohyo.plan.batch import BatchObserved, plan_batch
from dohyo.plan.observed import ChildKey
from dohyo.status.batch import derive_batch, invalid_batch
from dohyo.status.batch_events import batch_events
from dohyo.status.batch_labels import to_be_labelled
from tests.batches import (
    SETTINGS,
    a_batch,
    a_batch_manifest,
    a_batch_pod,
    a_scheduled_job,
    begun,
    done,
    live,
    manifest,
    observed,
)
from tests.builders import NOW

if TYPE_CHECKING:
    from dohyo.api.batch_resource import BatchPrediction

DONE = BatchSummary("Done", "", rows=100, bad_rows=1, peak_memory_bytes=50, shard=0)


def told(bp: BatchPrediction, seen: BatchObserved, applied: Applied | None = None) -> Any:
    plan = plan_batch(bp, seen, SETTINGS)
    return derive_batch(bp, plan, seen, applied or Applied(), NOW)


def condition(status: dict[str, Any], kind: str) -> dict[str, Any]:
    (found,) = (c for c in status["conditions"] if c["type"] == kind)
    return dict(found)


def a_job(**status: Any) -> dict[str, Any]:
    return live(manifest(begun(a_batch(shards=4)), "Job"), **status)


def test_before_anything_is_made_it_is_pending() -> None:
    status = told(a_batch(), observed())
    assert (status["phase"], condition(status, "Ready")["status"]) == ("Pending", "True")
    assert condition(status, "Complete")["reason"] == "NoRunYet"


def test_progress_is_counted_from_indexes_and_last_words() -> None:
    job = a_job(succeeded=3, completedIndexes="0-1,3", ready=1)
    name = job["metadata"]["name"]
    pods = (
        a_batch_pod(name, 0, DONE, 0),
        a_batch_pod(name, 1, DONE, 0),
        a_batch_pod(name, 1, DONE, 0),  # the same shard by a second pod counts once
        a_batch_pod(name, 2, None, None),
    )
    status = told(a_batch(shards=4), observed(job, pods=pods))
    assert status["phase"] == "Scoring"
    assert status["shards"] == {"total": 4, "done": 3, "failed": 0}
    assert (status["rows"], status["badRows"]) == (200, 2)
    assert status["summary"] == {"versions": "v12", "progress": "75%"}
    assert status["versions"][0]["digest"].startswith("sha256:")
    assert condition(status, "Progressing")["status"] == "True"


# Kubernetes says the first only when no pod is left, and one on a lost node may never end.
@pytest.mark.parametrize("said", ["Complete", "SuccessCriteriaMet"])
def test_a_run_is_done_only_with_its_report(said: str) -> None:
    job = a_job(**done(said), succeeded=4, completedIndexes="0-3")
    status = told(a_batch(shards=4), observed(job))
    assert (status["phase"], status["summary"]["progress"]) == ("Finishing", "99%")
    assert "report" not in status
    plan = plan_batch(a_batch(shards=4), observed(job), SETTINGS)
    end = live(manifest(plan, "Job", "finish"), **done(at="2026-11-22T12:06:00Z"))
    total = BatchSummary("Done", "", rows=400, bad_rows=4, peak_memory_bytes=70)
    pods = (a_batch_pod(end["metadata"]["name"], None, total, 0),)
    status = told(a_batch(shards=4), observed(job, end, pods=pods))
    run = job["metadata"]["name"]
    assert status["phase"] == "Succeeded"
    assert status["report"] == f"s3://bucket/scores/{run}/report.html"
    assert (status["rows"], status["badRows"]) == (400, 4)
    assert (status["runs"][0]["seconds"], status["finishedAt"]) == (360, "2026-11-22T12:06:00Z")
    assert condition(status, "Complete")["status"] == "True"
    assert status["ended"] == {"Succeeded": 1}
    again = derive_batch(
        a_batch(status, shards=4),
        plan_batch(a_batch(status, shards=4), observed(job, end), SETTINGS),
        observed(job, end),
        Applied(),
        NOW,
    )
    assert again == status | {"runs": again["runs"]}  # counted once, kept without its pods
    assert again["runs"][0]["rows"] == 400


RUN = a_job()["metadata"]["name"]
ONWARD = f"2 of 4 shards are left; delete Job {RUN} to go on"
FAILURES: dict[str, Any] = {
    "hopeless": (
        a_batch_pod(RUN, 1, BatchSummary("MissingColumn", "income: no such column", shard=1), 2),
        {"activeDeadlineSeconds": 1},
        {"reason": "DeadlineExceeded"},
        ("RunHopeless", "shard 1: MissingColumn: income: no such column (2 of 4 shards are left)"),
    ),
    "a bad row": (
        a_batch_pod(RUN, 1, BatchSummary("BadRow", "row 7: age is -3", shard=1), 2),
        {"activeDeadlineSeconds": 1},
        {"reason": "DeadlineExceeded"},
        ("BadRow", "shard 1: BadRow: row 7: age is -3 (2 of 4 shards are left)"),
    ),
    "out of memory": (
        a_batch_pod(RUN, 2, None, 137, reason="OOMKilled"),
        {},
        {"reason": "FailedIndexes"},
        (
            "OutOfMemory",
            f"shard 2: OOMKilled; raise resources.limits.memory ({ONWARD})",
        ),
    ),
    "too long": (
        None,
        {"activeDeadlineSeconds": 600},
        {"reason": "DeadlineExceeded"},
        (
            "DeadlineExceeded",
            f"it took longer than 600 s ({ONWARD})",
        ),
    ),
    "too long, and not without reason": (
        a_batch_pod(RUN, 3, BatchSummary("Unavailable", "it is away", shard=3), 1),
        {"activeDeadlineSeconds": 600},
        {"reason": "DeadlineExceeded"},
        (
            "DeadlineExceeded",
            f"it took longer than 600 s; before that, shard 3: Unavailable: it is away ({ONWARD})",
        ),
    ),
    "a full disk": (
        a_batch_pod(
            RUN, 3, BatchSummary("NoSpace", "file:///mnt/data/scores/week: is full", shard=3), 1
        ),
        {},
        {"reason": "FailedIndexes"},
        (
            "RunFailed",
            f"shard 3: NoSpace: pvc://scores/week: is full ({ONWARD})",
        ),
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_told_in_the_words_of_its_pod(name: str) -> None:
    pod, changed, ended, (reason, message) = FAILURES[name]
    job = a_job(**done("Failed", **ended), succeeded=2, completedIndexes="0-1")
    job["spec"] = {**job["spec"], **changed}
    run = job["metadata"]["name"]
    pods = (pod,) if pod is not None else ()
    status = told(a_batch(shards=4), observed(job, pods=pods))
    assert status["phase"] == "Failed"
    assert (status["runs"][0]["reason"], status["runs"][0]["message"]) == (reason, message)
    assert condition(status, "Ready")["reason"] == reason
    assert condition(status, "Failed")["message"] == f"{run}: {message}"


def test_what_a_hopeless_pod_said_outlives_it() -> None:
    job, bp = a_job(succeeded=1, completedIndexes="0"), a_batch(shards=4)
    said = BatchSummary("MissingColumn", "income: no such column", shard=1)
    going = told(bp, observed(job, pods=(a_batch_pod(RUN, 1, said, 2),)))
    assert going["runs"][0]["message"] == "shard 1: MissingColumn: income: no such column"

    called_off = {**job["spec"], "activeDeadlineSeconds": 1}
    status = {**done("Failed", reason="DeadlineExceeded"), "completedIndexes": "0"}
    over = {**job, "spec": called_off, "status": status}
    failed = told(a_batch(going, shards=4), observed(over))
    words = "shard 1: MissingColumn: income: no such column (3 of 4 shards are left)"
    assert (failed["runs"][0]["reason"], failed["runs"][0]["message"]) == ("RunHopeless", words)
    again = told(a_batch(failed, shards=4), observed(over))
    assert again["runs"] == failed["runs"]


def test_pods_of_a_job_that_had_the_name_before_say_nothing_of_the_run() -> None:
    job = live(manifest(begun(a_batch(shards=4)), "Job"), active=1)
    said = BatchSummary("MissingColumn", "income: no such column", shard=1)
    old = a_batch_pod(RUN, 1, said, 2)
    old["metadata"]["labels"]["batch.kubernetes.io/controller-uid"] = "of the one before"
    seen = observed(job, pods=(old,))
    status = told(a_batch(shards=4), seen)
    assert (status["phase"], status["runs"][0].get("reason")) == ("Pending", None)
    assert plan_batch(a_batch(shards=4), seen, SETTINGS).adjustments == ()


def test_a_failed_run_of_a_schedule_goes_on_when_a_job_of_its_name_is_made_again() -> None:
    bp = a_batch(schedule="0 6 * * 1", shards=2)
    cron = live(manifest(begun(bp), "CronJob"))
    failed = {**done("Failed", reason="FailedIndexes"), "completedIndexes": "0"}
    job = a_scheduled_job(cron, 1, **failed)
    name = job["metadata"]["name"]
    pods = (a_batch_pod(name, 1, BatchSummary("NoSpace", "the disk is full", shard=1), 1),)
    before = told(bp, observed(cron, scheduled={name: job}, pods=pods))
    assert before["runs"][0]["message"] == (
        "shard 1: NoSpace: the disk is full (1 of 2 shards are left; the next run of the schedule "
        "begins anew)"
    )
    assert before["ended"] == {"Failed": 1}

    gone = told(a_batch(before, schedule="0 6 * * 1", shards=2), observed(cron))
    assert gone["runs"] == before["runs"]
    again = a_scheduled_job(cron, 1, active=1, ready=1)
    going = told(
        a_batch(gone, schedule="0 6 * * 1", shards=2), observed(cron, scheduled={name: again})
    )
    assert (going["phase"], going["runs"][0]["state"]) == ("Scoring", "Scoring")
    assert condition(going, "Failed")["status"] == "False"


def test_a_failed_attempt_is_told_until_a_later_one_makes_it_good() -> None:
    job = a_job(active=1)
    name = job["metadata"]["name"]
    bad = a_batch_pod(name, 1, BatchSummary("Unavailable", "the store is away", shard=1), 1)
    status = told(a_batch(shards=4), observed(job, pods=(bad,)))
    assert condition(status, "Degraded")["reason"] == "PodFails"
    assert "the store is away; it is tried again" in condition(status, "Degraded")["message"]
    good = a_batch_pod(name, 1, DONE, 0)
    status = told(a_batch(shards=4), observed(job, pods=(bad, good)))
    assert condition(status, "Degraded")["status"] == "False"


def test_a_pod_that_cannot_start_is_told() -> None:
    job = a_job(active=1)
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    pod = a_batch_pod(job["metadata"]["name"], 0, None, None)
    pod["status"]["containerStatuses"] = [{"name": "batch", "state": {"waiting": waiting}}]
    status = told(a_batch(shards=4), observed(job, pods=(pod,)))
    assert status["phase"] == "Pending"
    assert condition(status, "Ready")["reason"] == "PodStuck"
    assert "shard 0: ImagePullBackOff: no such image" in condition(status, "Ready")["message"]


def test_a_pod_at_work_is_no_trouble_however_long_it_takes() -> None:
    job = a_job(active=1, ready=1)
    pod = a_batch_pod(job["metadata"]["name"], 0, None, None)
    pod["status"]["containerStatuses"][0]["state"] = {
        "running": {"startedAt": "2026-01-01T00:00:00Z"}
    }
    status = told(a_batch(shards=4), observed(job, pods=(pod,)))
    assert condition(status, "Ready")["status"] == "True"


def test_a_suspended_run_says_so() -> None:
    job = a_job(succeeded=1, completedIndexes="0")
    job["spec"] = {**job["spec"], "suspend": True}
    status = told(a_batch(shards=4, suspend=True), observed(job))
    assert status["phase"] == "Suspended"
    assert condition(status, "Suspended")["reason"] == "SuspendedBySpec"
    assert condition(status, "Progressing")["status"] == "False"


def test_runs_of_a_schedule_name_their_versions_and_the_next_one_its_time() -> None:
    bp = a_batch(schedule="0 6 * * 1", timeZone="Europe/Berlin")
    cron = live(manifest(begun(bp), "CronJob"), lastScheduleTime="2026-11-22T12:02:00Z")
    jobs = {j["metadata"]["name"]: j for j in (a_scheduled_job(cron, n) for n in (1, 2))}
    status = told(bp, observed(cron, scheduled=jobs))
    assert [run["name"] for run in status["runs"]] == sorted(jobs, reverse=True)
    assert status["nextSchedule"] == "2026-11-23T05:00:00Z"
    assert status["lastSchedule"] == "2026-11-22T12:02:00Z"
    assert status["nextVersion"] == "v12"
    later = told(a_batch(status, schedule="0 6 * * 1"), observed(cron))
    assert {run["state"] for run in later["runs"]} == {"Failed"}
    assert later["ended"] == {"Failed": 2}


def test_what_keeps_it_from_beginning_is_the_reason_that_it_is_not_ready() -> None:
    status = told(a_batch(version="v99"), observed())
    assert (status["phase"], condition(status, "Ready")["reason"]) == ("Waiting", "VersionNotFound")
    refused = Applied(failures=(Failure(ChildKey("Job", "a"), "quota exceeded"),))
    status = told(a_batch(), observed(), refused)
    assert condition(status, "Ready")["message"] == "Job a: quota exceeded"
    foreign = Applied(conflicts=frozenset({ChildKey("ServiceAccount", "a")}))
    status = told(a_batch(), observed(), foreign)
    assert (status["phase"], condition(status, "Ready")["reason"]) == ("Conflict", "ForeignObject")


def test_an_invalid_spec_keeps_what_is_known_of_runs() -> None:
    job = a_job(**done("Failed"))
    before = told(a_batch(shards=4), observed(job))
    raw = {**a_batch_manifest(), "status": before}
    status = invalid_batch(raw, [Violation("spec.version", 3, "is no name")], NOW)
    assert status["phase"] == "Invalid"
    assert status["runs"] == before["runs"]
    assert condition(status, "Failed")["status"] == "True"
    assert condition(status, "Ready")["message"] == "spec.version: 3 is no name"


def test_events_tell_the_course_of_a_run() -> None:
    job = a_job(succeeded=1)
    going = told(a_batch(shards=4), observed(job))
    assert [e.reason for e in batch_events({}, going)] == ["RunStarted"]
    scored = told(a_batch(going, shards=4), observed(live(job, **done())))
    assert [e.reason for e in batch_events(going, scored)] == ["RunScored"]
    failed = told(a_batch(going, shards=4), observed(live(job, **done("Failed"))))
    assert [(e.type, e.reason) for e in batch_events(going, failed)] == [("Warning", "RunFailed")]
    change = batch_events({"nextVersion": "v12"}, {"nextVersion": "v13"})
    assert [e.message for e in change] == ["the next run is of v13 in place of v12"]
    assert batch_events(going, going) == ()


def test_metrics_are_of_each_versions_last_run() -> None:
    run = {"versions": [{"name": "v12"}], "state": "Succeeded", "rows": 10, "badRows": 1}
    runs = [
        {**run, "name": "c", "versions": [{"name": "v13"}], "state": "Scoring", "rows": 3},
        {**run, "name": "b", "seconds": 60, "finishedAt": "2026-11-22T12:00:00Z"},
        {**run, "name": "a", "rows": 99},
    ]
    status = {"runs": runs, "ended": {"Succeeded": 2}, "shards": {"total": 4, "done": 1}}
    raw = {"metadata": {"namespace": "shop", "name": "weekly"}, "status": status}
    found = {
        (s.name, *sorted(s.labels.values())): s.value
        for family in batch_metrics.batch_families([raw])
        for s in family.samples
    }
    assert found[("dohyo_batch_rows", "shop", "v12", "weekly")] == 10
    assert found[("dohyo_batch_rows", "shop", "v13", "weekly")] == 3
    assert found[("dohyo_batch_duration_seconds", "shop", "v12", "weekly")] == 60
    success = ("dohyo_batch_last_success_timestamp_seconds", "shop", "v12", "weekly")
    assert found[success] == NOW.timestamp()
    assert ("dohyo_batch_last_success_timestamp_seconds", "shop", "v13", "weekly") not in found
    assert found[("dohyo_batch_runs_total", "Succeeded", "shop", "weekly")] == 2
    assert found[("dohyo_batch_shards", "done", "shop", "weekly")] == 1


@pytest.mark.parametrize(
    ("spec", "good", "due"),
    [
        # Mondays and Fridays at 6 in Berlin; made on a Sunday.
        ({}, None, "2026-11-27T05:00:00+00:00"),
        ({}, "2026-11-27T05:00:03Z", "2026-12-04T05:00:00+00:00"),
        ({"suspend": True}, None, None),
        ({"schedule": None}, None, None),
        ({"schedule": "never"}, None, None),
    ],
)
def test_a_schedule_is_late_when_it_is_due_again_without_success(
    spec: dict[str, Any], good: str | None, due: str | None
) -> None:
    runs = [{"name": "b", "state": "Failed", "startedAt": "2026-12-01T05:00:03Z"}]
    runs += [{"name": "a", "state": "Succeeded", "startedAt": good}] if good else []
    raw = {
        "metadata": {
            "namespace": "shop",
            "name": "weekly",
            "creationTimestamp": "2026-11-22T12:00:00Z",
        },
        "spec": {"schedule": "0 6 * * 1,5", "timeZone": "Europe/Berlin", **spec},
        "status": {"runs": runs},
    }
    found = batch_metrics.success_due(raw)
    assert (None if found is None else found.isoformat()) == due
    samples = [s for f in batch_metrics.batch_families([raw]) for s in f.samples]
    late = [s.value for s in samples if s.name == batch_metrics.SUCCESS_DUE]
    assert late == ([] if found is None else [found.timestamp()])


def test_later_labels_stand_at_their_run_and_stay_when_nobody_can_be_asked() -> None:
    job = a_job(**done(), completedIndexes="0-3")
    end = live(manifest(plan_batch(a_batch(shards=4), observed(job), SETTINGS), "Job", "finish"))
    end["status"] = done()
    versions = (
        VersionLabels("v12", 90, "zero-one", 0.1),
        VersionLabels("v13", 80, "zero-one", 0.2),
    )
    pair = PairedLabels("v12", "v13", 70, -0.1, 0.2, 4.0, "undecided")
    said = BatchEvidence("shop", "satisfaction", RUN, versions, (pair,))
    status = told(a_batch(shards=4), observed(job, end, labels={RUN: said}))
    (run,) = status["runs"]
    assert [(v["name"], v["rows"], v["mean"]) for v in run["labels"]] == [
        ("v12", 90, 0.1),
        ("v13", 80, 0.2),
    ]
    assert run["paired"][0] == {
        "first": "v12",
        "other": "v13",
        "rows": 70,
        "gain": -0.1,
        "better": 0.2,
        "worse": 4.0,
        "verdict": "undecided",
    }
    assert to_be_labelled(status) == [RUN]
    without = told(a_batch(status, shards=4), observed(job, end))
    assert without["runs"] == status["runs"]
    gone = told(a_batch(status, shards=4), observed())
    assert gone["runs"] == status["runs"]
