"""The runtime's own metrics: counted in plain numbers, made into families when they are asked for.

Every label has few values by construction: models and versions are this process's own, codes
are a protocol's, features and bins come from the profile, fields from the contract.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from dohyo_serving.drift import Drift
    from dohyo_serving.shipping import Shipper

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
ROWS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0, 2048.0, 10_000.0)
_WHO: Final = ["model", "version"]


class Distribution:
    """A histogram of one series."""

    def __init__(self, edges: tuple[float, ...]) -> None:
        self._edges = edges
        self._counts = [0] * (len(edges) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._edges, value)] += 1
        self._sum += value

    def buckets(self) -> tuple[list[tuple[str, float]], float]:
        total, result = 0.0, []
        for edge, count in zip((*self._edges, float("inf")), self._counts, strict=True):
            total += count
            result.append((f"{edge:g}" if edge != float("inf") else "+Inf", total))
        return result, self._sum


class Telemetry(Collector):
    """All that one endpoint counts."""

    def __init__(self) -> None:
        self.model = self.version = ""
        self.answers: dict[tuple[str, str], int] = defaultdict(int)
        self.seconds = {name: Distribution(SECONDS) for name in ("http", "grpc")}
        self.batch_rows = Distribution(ROWS)
        self.in_flight = 0
        self.refused: dict[tuple[str, str], int] = defaultdict(int)
        self.unsigned = 0
        self.malformed_assignments = 0
        self.signing: Callable[[], bool] = lambda: False
        self.drift: Drift | None = None
        self.shipper: Shipper | None = None
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    def collect(self) -> Iterator[Metric]:
        who = [self.model, self.version]
        yield from self._requests(who)
        refused = CounterMetricFamily(
            "dohyo_serving_refused_values",
            "Values that the contract refused, by field; unknown fields have none.",
            labels=[*_WHO, "field", "reason"],
        )
        for (field, reason), count in sorted(self.refused.items()):
            refused.add_metric([*who, field, reason], count)
        yield refused
        signing = GaugeMetricFamily(
            "dohyo_serving_signing", "1 while answers get a prediction id.", labels=_WHO
        )
        signing.add_metric(who, float(self.signing()))
        yield signing
        for name, count, text in (
            (
                "dohyo_serving_unsigned_answers",
                self.unsigned,
                "Answers without a prediction id.",
            ),
            (
                "dohyo_serving_malformed_assignments",
                self.malformed_assignments,
                "Assignments not understood.",
            ),
        ):
            family = CounterMetricFamily(name, text, labels=_WHO)
            family.add_metric(who, count)
            yield family
        if self.drift is not None:
            yield from self._bins(who, self.drift)
        if self.shipper is not None:
            yield from self._records(who, self.shipper)

    def _requests(self, who: list[str]) -> Iterator[Metric]:
        answers = CounterMetricFamily(
            "dohyo_serving_requests",
            "Answers by protocol and code.",
            labels=[*_WHO, "protocol", "code"],
        )
        for (protocol, code), count in sorted(self.answers.items()):
            answers.add_metric([*who, protocol, code], count)
        yield answers
        seconds = HistogramMetricFamily(
            "dohyo_serving_request_duration_seconds",
            "From the request's head to its answer.",
            labels=[*_WHO, "protocol"],
        )
        for protocol, distribution in self.seconds.items():
            buckets, total = distribution.buckets()
            seconds.add_metric([*who, protocol], buckets, total)
        yield seconds
        rows = HistogramMetricFamily(
            "dohyo_serving_batch_rows", "Rows predicted together.", labels=_WHO
        )
        rows.add_metric(who, *self.batch_rows.buckets())
        yield rows
        active = GaugeMetricFamily("dohyo_serving_in_flight", "Requests at work.", labels=_WHO)
        active.add_metric(who, self.in_flight)
        yield active

    def _bins(self, who: list[str], drift: Drift) -> Iterator[Metric]:
        features = CounterMetricFamily(
            "dohyo_serving_feature_bin",
            "Values of clients' requests by the bins of the training data.",
            labels=[*_WHO, "feature", "bin"],
        )
        for name, bins, counts in drift.feature_counts():
            for label, count in zip(bins.labels, counts, strict=True):
                features.add_metric([*who, name, label], count)
        yield features
        predictions = CounterMetricFamily(
            "dohyo_serving_prediction_bin", "Predictions by bin.", labels=[*_WHO, "bin"]
        )
        bins, counts = drift.prediction_counts()
        for label, count in zip(bins.labels, counts, strict=True):
            predictions.add_metric([*who, label], count)
        yield predictions

    def _records(self, who: list[str], shipper: Shipper) -> Iterator[Metric]:
        records = CounterMetricFamily(
            "dohyo_serving_records",
            "Records for the evidence service by what became of them.",
            labels=[*_WHO, "outcome"],
        )
        for outcome, count in (
            ("sent", shipper.sent),
            ("dropped", shipper.dropped),
            ("refused", shipper.refused),
        ):
            records.add_metric([*who, outcome], count)
        yield records
        waiting = GaugeMetricFamily("dohyo_serving_records_waiting", "Not sent yet.", labels=_WHO)
        waiting.add_metric(who, shipper.waiting)
        yield waiting
