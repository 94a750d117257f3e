"""The ledger and the agent's own doings → Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from dohyo.contract import METRIC_DURATION, METRIC_REQUESTS, METRIC_RETRIES
from dohyo_gateway.bootstrap import DURATION_BOUNDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from dohyo_gateway.ledger import Ledger

_VERSION: Final = ("namespace", "modeldeployment", "version")
_ROLE: Final = (*_VERSION, "role")
_CODE: Final = (*_ROLE, "code")
_BOUNDS: Final = tuple("+Inf" if bound == float("inf") else str(bound) for bound in DURATION_BOUNDS)


class Telemetry:
    """The agent's registry.

    Attributes:
        registry: all metrics.
        sync_seconds: from learning of a change until Envoy runs with it.
        sync_errors: changes that failed, by reason.
        refused_tables: routing tables that are left out because they are no good.
        sent_events, dropped_events: bad answers for the evidence service.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Accounts(ledger))
        self.sync_seconds = Histogram(
            "dohyo_gateway_sync_seconds",
            "From learning of a change until Envoy runs with it.",
            registry=self.registry,
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
        )
        self.sync_errors = Counter(
            "dohyo_gateway_sync_errors",
            "Changes that Envoy did not take.",
            ("reason",),
            registry=self.registry,
        )
        self.refused_tables = Gauge(
            "dohyo_gateway_refused_tables",
            "Routing tables that the gateway cannot use; it keeps their predecessors.",
            registry=self.registry,
        )
        self.epochs = Gauge(
            "dohyo_gateway_epoch",
            "Epoch of the routing table that Envoy runs with.",
            ("namespace", "modeldeployment"),
            registry=self.registry,
        )
        self.sent_events = Counter(
            "dohyo_gateway_evidence_events",
            "Bad answers that the evidence service has been told of.",
            registry=self.registry,
        )
        self.dropped_events = Counter(
            "dohyo_gateway_evidence_dropped_events",
            "Bad answers that it will never hear of: there was no room, or it refused them.",
            registry=self.registry,
        )
        self.envoy_up = Gauge(
            "dohyo_gateway_envoy_up",
            "1 while Envoy's admin interface answers.",
            registry=self.registry,
        )


class _Accounts(Collector):
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def collect(self) -> Iterator[Metric]:
        yield from self._answers()
        yield from self._events()
        yield from self._now()

    def _answers(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            METRIC_REQUESTS.removesuffix("_total"),
            "Final answers to clients. The code is the gRPC status of a gRPC answer, "
            "else the HTTP status; 499 is a client that left.",
            labels=_CODE,
        )
        durations = HistogramMetricFamily(
            METRIC_DURATION, "From a request's first byte to its answer's last.", labels=_CODE
        )
        for who, account in self._ledger.accounts.items():
            for code, answers in account.answers.items():
                labels = [*who, code]
                requests.add_metric(labels, answers.requests)
                if answers.durations[-1]:
                    buckets = list(zip(_BOUNDS, answers.durations, strict=True))
                    durations.add_metric(labels, buckets, answers.seconds)
        yield requests
        yield durations

    def _events(self) -> Iterator[Metric]:
        retries = CounterMetricFamily(
            METRIC_RETRIES.removesuffix("_total"), "Attempts beyond the first.", labels=_ROLE
        )
        ejections = CounterMetricFamily(
            "dohyo_gateway_ejections", "Endpoints taken out for bad answers.", labels=_ROLE
        )
        fallbacks = CounterMetricFamily(
            "dohyo_gateway_fallback_requests",
            "Requests assigned to the version that the champion answered for want of endpoints.",
            labels=_ROLE,
        )
        shadows = CounterMetricFamily(
            "dohyo_gateway_shadow_requests", "Copies sent to the version.", labels=_ROLE
        )
        for who, account in self._ledger.accounts.items():
            retries.add_metric(who, account.retries)
            ejections.add_metric(who, account.ejections)
            fallbacks.add_metric(who, account.fallbacks)
            shadows.add_metric(who, account.shadowed)
        yield from (retries, ejections, fallbacks, shadows)
        unrouted = CounterMetricFamily(
            "dohyo_gateway_unrouted_requests",
            "Requests that no ModelDeployment was found for.",
            labels=("code",),
        )
        for code, count in self._ledger.unrouted.items():
            unrouted.add_metric([code], count)
        yield unrouted
        listeners = CounterMetricFamily(
            "dohyo_gateway_listener_changes",
            "Listeners added, changed or removed; 1 for the whole life of an Envoy.",
        )
        listeners.add_metric([], self._ledger.listener_changes)
        yield listeners

    def _now(self) -> Iterator[Metric]:
        active = GaugeMetricFamily(
            "dohyo_gateway_active_requests", "Requests in flight.", labels=_VERSION
        )
        ejected = GaugeMetricFamily(
            "dohyo_gateway_ejected_endpoints", "Endpoints that are out now.", labels=_VERSION
        )
        for (key, version), moment in self._ledger.moments.items():
            labels = [*key.split("/"), version]
            active.add_metric(labels, moment.active)
            ejected.add_metric(labels, moment.ejected)
        yield from (active, ejected)
