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

from dohyo.batch_metrics import batch_families
from dohyo.rollout_metrics import rollout_families
from dohyo.status_metrics import ConditionFamily, StatusCollector, who_and_status

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

_WHO: Final = ("namespace", "modeldeployment")
_BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


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
        self.registry.register(StatusCollector(statuses, deployment_families))

    def show_batches(self, statuses: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
        """Publishes BatchPredictions.

        Args:
            statuses: gives all that exist, as the API server has them.
        """
        self.registry.register(StatusCollector(statuses, batch_families))


def deployment_families(deployments: Iterable[Mapping[str, Any]]) -> Iterator[Metric]:
    """All metrics of ModelDeployments, their rollouts included.

    Args:
        deployments: as the API server has them.
    """
    found = tuple(deployments)
    families = _Families()
    for who, status in who_and_status(found):
        families.add(who, status)
    yield from families.all()
    yield from rollout_families(found)


class _Families:
    def __init__(self) -> None:
        version = (*_WHO, "version", "role")
        self._info = GaugeMetricFamily(
            INFO,
            "One for each ModelDeployment, with what serves it and where.",
            labels=(*_WHO, "champion", "url"),
        )
        self._weight = GaugeMetricFamily(
            WEIGHT, "Percent of the requests that a version answers.", labels=version
        )
        self._ready = GaugeMetricFamily(
            READY_REPLICAS, "Pods of a version that can answer.", labels=version
        )
        self._phase = GaugeMetricFamily(
            PHASE, "One for the phase it is in.", labels=(*_WHO, "phase")
        )
        self._conditions = ConditionFamily(CONDITION, _WHO)

    def all(self) -> Iterator[Metric]:
        yield from (self._info, self._weight, self._ready, self._phase, self._conditions.family)

    def add(self, who: list[str], status: Mapping[str, Any]) -> None:
        self._info.add_metric([*who, status.get("champion") or "", status.get("url") or ""], 1)
        for version in status.get("versions") or ():
            labels = [*who, version["name"], version["role"]]
            self._weight.add_metric(labels, float(version.get("weight", 0)))
            self._ready.add_metric(labels, float(version.get("readyReplicas", 0)))
        if status.get("phase"):
            self._phase.add_metric([*who, status["phase"]], 1)
        self._conditions.add(who, status)
