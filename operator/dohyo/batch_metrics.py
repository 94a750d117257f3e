"""Batch predictions as metrics, made from statuses: the pods are gone before anybody asks them.

Everything is of the last run of each version that has ended or goes on, besides the counters of
runs that have ended.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from dohyo.api.cron import schedule_of
from dohyo.status_metrics import ConditionFamily, who_and_status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client import Metric

ROWS: Final = "dohyo_batch_rows"
BAD_ROWS: Final = "dohyo_batch_bad_rows"
DURATION: Final = "dohyo_batch_duration_seconds"
PEAK_MEMORY: Final = "dohyo_batch_peak_memory_bytes"
LAST_SUCCESS: Final = "dohyo_batch_last_success_timestamp_seconds"
SUCCESS_DUE: Final = "dohyo_batch_success_due_timestamp_seconds"
SHARDS: Final = "dohyo_batch_shards"
RUNS: Final = "dohyo_batch_runs"
CONDITION: Final = "dohyo_batch_condition"

_WHO: Final = ("namespace", "batchprediction")
_VERSION: Final = (*_WHO, "version")


def batch_families(batches: Iterable[Mapping[str, Any]]) -> Iterator[Metric]:
    """All metrics of batch predictions.

    Args:
        batches: as the API server has them.
    """
    families = _Families()
    for raw in batches:
        ((who, status),) = who_and_status([raw])
        families.add(who, status)
        families.add_due(who, raw)
    yield from families.all()


def success_due(raw: Mapping[str, Any]) -> datetime | None:
    """By when a schedule is to have succeeded again; None without one, or while it is suspended.

    That is the second time it is due since its last good run began, or since it was made: by then
    the run of the first time has come to its end, or is late.
    """
    spec, status = raw.get("spec") or {}, raw.get("status") or {}
    good = (run for run in status.get("runs") or () if run["state"] == "Succeeded")
    last: Mapping[str, Any] = next(good, {})
    since = last.get("startedAt") or raw["metadata"].get("creationTimestamp")
    if spec.get("suspend") or not spec.get("schedule") or not since:
        return None
    try:
        schedule, zone = schedule_of(spec["schedule"]), spec.get("timeZone")
    except ValueError:
        return None
    first = schedule.next_after(datetime.fromisoformat(since), zone)
    return None if first is None else schedule.next_after(first, zone)


class _Families:
    def __init__(self) -> None:
        self.rows = GaugeMetricFamily(
            ROWS, "Rows that the version's last run has scored.", labels=_VERSION
        )
        self.bad_rows = GaugeMetricFamily(
            BAD_ROWS,
            "Rows of the version's last run that broke the model's contract.",
            labels=_VERSION,
        )
        self.duration = GaugeMetricFamily(
            DURATION, "How long the version's last run that ended took.", labels=_VERSION
        )
        self.peak_memory = GaugeMetricFamily(
            PEAK_MEMORY, "The most that one pod of the version's last run held.", labels=_VERSION
        )
        self.last_success = GaugeMetricFamily(
            LAST_SUCCESS, "When the version's last successful run ended.", labels=_VERSION
        )
        self.success_due = GaugeMetricFamily(
            SUCCESS_DUE,
            "When the schedule is due for the second time since its last successful run began.",
            labels=_WHO,
        )
        self.shards = GaugeMetricFamily(
            SHARDS, "Shards of the last run, by what became of them.", labels=(*_WHO, "state")
        )
        self.runs = CounterMetricFamily(
            RUNS, "Runs that have ended, by how they ended.", labels=(*_WHO, "outcome")
        )
        self.conditions = ConditionFamily(CONDITION, _WHO)

    def all(self) -> Iterator[Metric]:
        yield from (self.rows, self.bad_rows, self.duration, self.peak_memory, self.last_success)
        yield from (self.success_due, self.shards, self.runs, self.conditions.family)

    def add_due(self, who: list[str], raw: Mapping[str, Any]) -> None:
        due = success_due(raw)
        if due is not None:
            self.success_due.add_metric(who, due.timestamp())

    def add(self, who: list[str], status: Mapping[str, Any]) -> None:
        for state, count in (status.get("shards") or {}).items():
            self.shards.add_metric([*who, state], float(count))
        for outcome, count in (status.get("ended") or {}).items():
            self.runs.add_metric([*who, outcome], float(count))
        self.conditions.add(who, status)
        runs: tuple[Mapping[str, Any], ...] = tuple(status.get("runs") or ())
        for version in dict.fromkeys(v["name"] for run in runs for v in run.get("versions") or ()):
            of_version = [r for r in runs if version in _names(r)]
            self._add_version([*who, version], of_version)

    def _add_version(self, which: list[str], runs: list[Mapping[str, Any]]) -> None:
        """Runs of one version, the newest first."""
        self.rows.add_metric(which, float(runs[0].get("rows", 0)))
        self.bad_rows.add_metric(which, float(runs[0].get("badRows", 0)))
        self.peak_memory.add_metric(which, float(runs[0].get("peakMemoryBytes", 0)))
        ended = next((run for run in runs if run.get("seconds") is not None), None)
        if ended is not None:
            self.duration.add_metric(which, float(ended["seconds"]))
        good = next((run for run in runs if run["state"] == "Succeeded"), None)
        if good is not None and good.get("finishedAt"):
            moment = datetime.fromisoformat(good["finishedAt"])
            self.last_success.add_metric(which, moment.timestamp())


def _names(run: Mapping[str, Any]) -> list[str]:
    return [version["name"] for version in run.get("versions") or ()]
