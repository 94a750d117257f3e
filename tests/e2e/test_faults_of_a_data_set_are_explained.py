"""What is wrong with data, credentials or disks ends as it is said to, and the status says why."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from dohyo.api.batch_resource import parse_batch
from dohyo.plan.batch_names import batch_name, run_name
from images import samples
from tests.harness import commands, nodes, warehouse
from tests.harness.batch_runs import MODEL, a_fetched_champion, batch, ended, standing
from tests.harness.claims import a_claim
from tests.harness.ring import condition
from tests.harness.until import until
from tests.local.batch.scoring import tumours

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness.claims import Claim
    from tests.harness.live import Object
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.story(32), pytest.mark.timeout(600)]

ROWS, BAD, FIELD = 2_000, 20, "mean_radius"
# Two shards with 160 bytes of each row copied to its scores: one of them has room, two have not.
SCARCE, DISK = 12_000, "2m"
AUTHORITY = "/authority"


@pytest.fixture
def data(ring: Ring, tmp_path: Path) -> Iterator[Claim]:
    """A champion, and a claim with rows that are corrupted, truncated, or lack a column."""
    samples.ensure()
    a_fetched_champion(ring, tmp_path)
    frame = tumours(ROWS)
    corrupted = frame.astype({FIELD: object})
    corrupted.loc[frame.index[:: ROWS // BAD], FIELD] = "lost"
    for name in ("corrupted", "lacking", "truncated", "many"):
        (tmp_path / "data" / name).mkdir(parents=True)
    corrupted.to_csv(tmp_path / "data" / "corrupted" / "rows.csv", index=False)
    frame.drop(columns=[FIELD]).to_csv(tmp_path / "data" / "lacking" / "rows.csv", index=False)
    whole = tmp_path / "whole.parquet"
    frame.to_parquet(whole)
    content = whole.read_bytes()
    cut = tmp_path / "data" / "truncated" / "cut.parquet"
    cut.write_bytes(content[: len(content) // 2])
    tumours(SCARCE).to_parquet(tmp_path / "data" / "many" / "rows.parquet")
    with a_claim(ring.live, ring.namespace, "data") as claim:
        claim.put(tmp_path / "data", "in")
        ring.settled(MODEL, seconds=300)
        yield claim


@pytest.fixture
def disk(ring: Ring) -> Iterator[Claim]:
    with a_claim(ring.live, ring.namespace, "disk", DISK) as claim:
        yield claim


def in_parquet(folder: str) -> Object:
    return {"input": {"uri": f"pvc://data/in/{folder}/", "format": "parquet"}}


def in_a_store(ring: Ring) -> Object:
    """Rows behind S3, for pods that have no key to it."""
    container = {
        "name": "batch",
        "env": [
            {
                "name": "AWS_ENDPOINT_URL",
                "value": f"https://{warehouse.NAME}.{ring.namespace}:{warehouse.S3_PORT}",
            },
            {"name": "SSL_CERT_FILE", "value": f"{AUTHORITY}/ca.crt"},
        ],
        "volumeMounts": [{"name": "authority", "mountPath": AUTHORITY}],
    }
    item = {"key": "ca.crt", "path": "ca.crt"}
    authority = {"secretName": warehouse.CREDENTIALS, "items": [item]}
    return {
        "input": {"uri": "s3://models/deep/"},
        "podTemplate": {
            "spec": {
                "containers": [container],
                "volumes": [{"name": "authority", "secret": authority}],
            }
        },
    }


def taken(claim: Claim) -> Object:
    """A batch prediction in whose run's folder somebody else's file lies."""
    manifest = batch("taken", "in/corrupted")
    run = run_name("taken", parse_batch(manifest).spec.work)
    folder = f"{claim.folder}/scores-taken/{run}"
    nodes.inside(claim.node, "sh", "-c", f"mkdir -p {folder} && echo mine > {folder}/mine.csv")
    nodes.inside(claim.node, "chmod", "-R", "a+rwX", claim.folder)
    return manifest


def test_each_fault_ends_as_specified(ring: Ring, data: Claim, story: Story) -> None:
    one: dict[str, Any] = {"shards": 1}
    with story.when("data sets with one fault each are scored beside each other"):
        commands.apply(
            batch("aside", "in/corrupted", **one),
            batch("strict", "in/corrupted", onBadRow="fail", **one),
            batch("truncated", "", **in_parquet("truncated"), **one),
            batch("lacking", "in/lacking", **one),
            batch("stranger", "", **in_a_store(ring), **one),
            taken(data),
            namespace=ring.namespace,
        )
    with story.then("bad rows are put aside and counted, and the rest is scored"):
        status = ended(ring, "aside")
        assert (status["phase"], status["rows"], status["badRows"]) == (
            "Succeeded",
            ROWS - BAD,
            BAD,
        )
        message = condition({"status": status}, "Complete")["message"]
        assert f"{ROWS - BAD} rows, {BAD} bad" in message
    faults = {
        "strict": ("BadRow", f"BadRow: row 0: column '{FIELD}': 'lost'"),
        "truncated": ("RunHopeless", "pvc://data/in/truncated/cut.parquet: is no whole parquet"),
        "lacking": ("RunHopeless", f"no column '{FIELD}'"),
        "stranger": ("RunHopeless", "NoCredentials: s3://models/deep/"),
        "taken": ("RunHopeless", "mine.csv is there, and no manifest of this run"),
    }
    for name, (reason, words) in faults.items():
        with story.then(f"{name} has failed and says why"):
            status = ended(ring, name)
            ready, failed = (condition({"status": status}, kind) for kind in ("Ready", "Failed"))
            story.tell(ready["message"])
            assert (status["phase"], ready["status"], failed["status"]) == (
                "Failed",
                "False",
                "True",
            )
            assert (ready["reason"], failed["reason"]) == (reason, reason)
            assert words in ready["message"]
            assert "_SUCCESS.json" not in nodes.inside(
                data.node, "find", data.folder, "-path", f"*scores-{name}*"
            )
    with story.then("what was there is as it was"):
        run = standing(ring, "taken")["runs"][0]["name"]
        folder = f"{data.folder}/scores-taken/{run}"
        assert nodes.inside(data.node, "ls", folder).split() == ["mine.csv"]
    with story.then("`dohyo status` says it beside the model"):
        command = (sys.executable, "-m", "dohyo.cli", "status", MODEL)
        told = commands.run(*command, "--namespace", ring.namespace)
        lines = {line.split()[0]: line for line in told.splitlines() if line.strip()}
        assert all(words in lines[name] for name, (_, words) in faults.items())


@pytest.mark.usefixtures("data")
def test_a_full_disk_is_told_and_the_run_goes_on_once_there_is_room(
    ring: Ring, disk: Claim, story: Story
) -> None:
    columns = list(tumours(1).columns[:20])
    with story.given("a schedule whose scores go to a disk that is too small"):
        ring.apply(
            batch(
                "scarce",
                "",
                **in_parquet("many"),
                output={"uri": "pvc://disk/scores/", "include": columns},
                schedule="0 6 1 1 *",
                shards=2,
                parallelism=1,
                retries=1,
            )
        )
        cron = batch_name("scarce")
        within = ("--namespace", ring.namespace)
        until(
            "the schedule stands",
            lambda: standing(ring, "scarce").get("phase"),
            lambda phase: phase == "Scheduled",
            seconds=60,
        )
    begin = ("create", "job", f"{cron}-1", f"--from=cronjob/{cron}")

    def run_in(*states: str) -> Object:
        def found() -> Object:
            runs: list[Object] = standing(ring, "scarce").get("runs", [])
            return next((run for run in runs if run["name"] == f"{cron}-1"), {})

        what = f"the run is {' or '.join(states)}"
        return until(what, found, lambda run: run.get("state") in states, seconds=240)

    with story.when("a run of it is begun"):
        commands.kubectl(*begin, *within)
        run = run_in("Failed", "Succeeded")
    with story.then("it is tried again and fails, and says why and what is left"):
        told = condition({"status": standing(ring, "scarce")}, "Ready")
        story.tell(told["message"])
        assert (run["state"], told["reason"]) == ("Failed", "RunFailed")
        assert "NoSpace" in told["message"]
        assert "no space is left; make room" in told["message"]
        assert "1 of 2 shards are left" in told["message"]
        assert "the next run of the schedule begins anew" in told["message"]
    shard = f"{disk.folder}/scores/{cron}-1/part-00000.json"
    before = nodes.inside(disk.node, "stat", "--format", "%Y %i", shard)
    with story.when("there is room, and a Job of the same name is made again"):
        disk.grow("64m")
        commands.kubectl("delete", "job", f"{cron}-1", *within)
        until(
            "the run has no Job",
            lambda: ring.live.listed(
                "Job", ring.namespace, {"dohyo.dev/batchprediction": "scarce"}
            ),
            lambda jobs: not jobs,
            seconds=60,
        )
        commands.kubectl(*begin, *within)
    with story.then("the run goes on with the shard that was left, and comes to its end"):
        run = run_in("Succeeded")
        assert (run["rows"], run["badRows"]) == (SCARCE, 0)
        assert nodes.inside(disk.node, "stat", "--format", "%Y %i", shard) == before
        assert condition({"status": standing(ring, "scarce")}, "Ready")["status"] == "True"
