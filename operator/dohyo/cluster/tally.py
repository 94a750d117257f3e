"""Cumulative counters of many gateway pods → load of each version over time.

Pods come, go, restart and sometimes do not answer. What one counted is turned into rates against
its own previous report; a pod that is silent for a moment is taken to go on as before, so that a
lost answer never looks like lost load.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dohyo.plan.load import Load, Sample

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.contract import GatewayReport, VersionCounters

# How long a silent pod is taken to go on as before.
_PATIENCE_SECONDS = 10.0
# A count per second, and request-seconds per second.
_Rates = dict[tuple[str, str], tuple[float, float]]


@dataclass
class _Pod:
    report: GatewayReport
    at: float
    rates: _Rates = field(default_factory=dict)


class Tally:
    """The load of every version of every ModelDeployment.

    Args:
        keep_seconds: how far back samples are kept.
    """

    def __init__(self, keep_seconds: float) -> None:
        self._keep = keep_seconds
        self._pods: dict[str, _Pod] = {}
        self._last: float | None = None
        self._load: dict[str, dict[str, Load]] = {}
        self._counted_at: dict[str, float] = {}

    def load(self, deployment: str) -> Mapping[str, Load]:
        """By version, of the ModelDeployment ``namespace/name``."""
        return self._load.get(deployment, {})

    def is_active(self, deployment: str) -> bool:
        """Whether anything was counted for so short a time that scaling may still follow it."""
        counted_at = self._counted_at.get(deployment)
        return (
            counted_at is not None
            and self._last is not None
            and (self._last - counted_at <= self._keep + _PATIENCE_SECONDS)
        )

    def epoch(self, pod: str, deployment: str) -> int | None:
        """The routing epoch that the pod reported last."""
        known = self._pods.get(pod)
        return known.report.epochs.get(deployment) if known else None

    def add(self, reports: Mapping[str, GatewayReport | None], at: float) -> None:
        """One look at all ready pods.

        Args:
            reports: by pod; None for one that did not answer.
            at: seconds; later than at every look before.
        """
        for name in self._pods.keys() - reports.keys():
            del self._pods[name]
        for name, report in reports.items():
            if report is not None:
                self._take(name, report, at)
            elif name in self._pods and at - self._pods[name].at > _PATIENCE_SECONDS:
                del self._pods[name]
        if self._last is not None and at > self._last:
            self._sample(at, at - self._last)
        self._last = at

    def forget(self, deployment: str) -> None:
        self._load.pop(deployment, None)
        self._counted_at.pop(deployment, None)

    def _take(self, name: str, report: GatewayReport, at: float) -> None:
        before = self._pods.get(name)
        rates: _Rates = {}
        if before is not None and at > before.at:
            # Counters that began anew have counted from zero since the last look.
            same = report.incarnation == before.report.incarnation
            old = before.report.counters if same else {}
            rates = _rates(old, report.counters, at - before.at)
        self._pods[name] = _Pod(report, at, rates)

    def _sample(self, at: float, span: float) -> None:
        total: _Rates = {}
        for pod in self._pods.values():
            for where, (requests, busy) in pod.rates.items():
                so_far = total.get(where, (0.0, 0.0))
                total[where] = (so_far[0] + requests, so_far[1] + busy)
        counted = self._counted()
        known = {(d, v) for d, versions in self._load.items() for v in versions}
        for deployment, version in counted | known:
            requests, busy = total.get((deployment, version), (0.0, 0.0))
            if requests or busy:
                self._counted_at[deployment] = at
            versions = self._load.setdefault(deployment, {})
            sample = Sample(at=at, span=span, requests=requests * span, busy=busy * span)
            versions[version] = versions.get(version, Load()).add(sample, self._keep)
        self._drop_idle(counted)

    def _counted(self) -> set[tuple[str, str]]:
        """Versions that a pod counts, were it zero: silence is a sample too."""
        return {
            (deployment, version)
            for pod in self._pods.values()
            for deployment, versions in pod.report.counters.items()
            for version in versions
        }

    def _drop_idle(self, counted: set[tuple[str, str]]) -> None:
        """Forgets versions that nobody counts any more and that have been idle throughout."""
        for deployment in list(self._load):
            versions = self._load[deployment]
            for version in list(versions):
                idle = not any(s.requests or s.busy for s in versions[version].samples)
                if idle and (deployment, version) not in counted:
                    del versions[version]
            if not versions:
                del self._load[deployment]


def _rates(
    old: Mapping[str, Mapping[str, VersionCounters]],
    new: Mapping[str, Mapping[str, VersionCounters]],
    span: float,
) -> _Rates:
    rates: _Rates = {}
    for deployment, versions in new.items():
        for version, counters in versions.items():
            before = old.get(deployment, {}).get(version)
            requests = counters.requests - (before.requests if before else 0)
            seconds = counters.seconds - (before.seconds if before else 0.0)
            rates[deployment, version] = (max(0, requests) / span, max(0.0, seconds) / span)
    return rates
