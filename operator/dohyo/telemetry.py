"""Everything the operator tells Prometheus: names, labels and values in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import GaugeMetricFamily

from dohyo.batch_metrics import Batches
from dohyo.rollout_metrics import rollout_families

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client import Metric

INFO: Final = "dohyo_modeldeployment_info"
WEIGHT: Final = "dohyo_modeldeployment_weight"
READY_REPLICAS: Final = "dohyo_modeldeployment_ready_replicas"
PHASE: Final = "dohyo_modeldeployment_phase"
CONDITION: Final = "dohyo_modeldeployment_condition"
RECONCILE_DURATION: Final = "dohyo_reconcile_duration_seconds"
RECONCILE_ERRORS: Final = "dohyo_reconcile_errors"
API_REQUESTS: Final = "dohyo_api_requests"
QUEUE_DEPTH: Final = "dohyo_queue_depth"
LEADER: Final = "dohyo_leader"

_DEPLOYMENT_LABELS: Final = ("namespace", "modeldeployment")
_BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_TRUTH: Final = {"True": 1.0, "False": 0.0, "Unknown": -1.0}


class Telemetry:
    """The operator's metrics.

    Those of ModelDeployments are read from their statuses when they are asked for: one that is
    gone leaves nothing behind.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.reconcile_seconds = Histogram(
            RECONCILE_DURATION,
            "Time that one reconcile of a resource took.",
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self.reconcile_errors = Counter(
            RECONCILE_ERRORS,
            "Reconciles that failed and were put off, by Kubernetes' word for why.",
            ("reason",),
            registry=self.registry,
        )
        self.leader = Gauge(
            LEADER, "Whether this operator holds the Lease.", registry=self.registry
        )
        self.queue_depth = Gauge(
            QUEUE_DEPTH, "Resources that wait for a reconcile.", registry=self.registry
        )
        self._api_requests = Counter(
            API_REQUESTS,
            "Requests to the API server; code 0 is no answer.",
            ("verb", "kind", "code"),
            registry=self.registry,
        )

    def api_request(self, verb: str, kind: str, code: int) -> None:
        """Counts a request: get, list, watch, apply, status, create, patch or delete."""
        self._api_requests.labels(verb, kind, str(code)).inc()

    def show_deployments(self, statuses: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
        """Publishes ModelDeployments.

        Args:
            statuses: gives all that exist, as the API server has them.
        """
        self.registry.register(_Deployments(statuses))

    def show_batches(self, statuses: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
        """Publishes BatchPredictions.

        Args:
            statuses: gives all that exist, as the API server has them.
        """
        self.registry.register(Batches(statuses))


class _Deployments:
    """Metrics of ModelDeployments, made from their statuses at each scrape."""

    def __init__(self, deployments: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
        self._deployments = deployments

    def describe(self) -> Iterator[Metric]:
        yield from _families()
        yield from rollout_families(())

    def collect(self) -> Iterator[Metric]:
        yield from self._of_deployments()
        yield from rollout_families(self._deployments())

    def _of_deployments(self) -> Iterator[Metric]:
        info, weight, ready, phase, condition = families = _families()
        for raw in self._deployments():
            metadata, status = raw["metadata"], raw.get("status") or {}
            key = [metadata["namespace"], metadata["name"]]
            info.add_metric([*key, status.get("champion") or "", status.get("url") or ""], 1)
            for version in status.get("versions") or ():
                labels = [*key, version["name"], version["role"]]
                weight.add_metric(labels, float(version.get("weight", 0)))
                ready.add_metric(labels, float(version.get("readyReplicas", 0)))
            if status.get("phase"):
                phase.add_metric([*key, status["phase"]], 1)
            for found in status.get("conditions") or ():
                truth = _TRUTH.get(found["status"], -1.0)
                condition.add_metric([*key, found["type"], found["reason"]], truth)
        yield from families


def _families() -> tuple[GaugeMetricFamily, ...]:
    version = (*_DEPLOYMENT_LABELS, "version", "role")
    return (
        GaugeMetricFamily(
            INFO,
            "One for each ModelDeployment, with what serves it and where.",
            labels=(*_DEPLOYMENT_LABELS, "champion", "url"),
        ),
        GaugeMetricFamily(
            WEIGHT, "Percent of the requests that a version answers.", labels=version
        ),
        GaugeMetricFamily(READY_REPLICAS, "Pods of a version that can answer.", labels=version),
        GaugeMetricFamily(
            PHASE, "One for the phase it is in.", labels=(*_DEPLOYMENT_LABELS, "phase")
        ),
        GaugeMetricFamily(
            CONDITION,
            "1 when a condition is true, 0 when it is false, -1 when it is unknown.",
            labels=(*_DEPLOYMENT_LABELS, "type", "reason"),
        ),
    )
