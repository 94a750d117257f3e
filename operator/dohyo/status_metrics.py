"""What the metrics of every kind of resource have in common: made from statuses, at each scrape.

A resource that is gone leaves nothing behind, because nothing is kept between two scrapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client import Metric

    Resources = Iterable[Mapping[str, Any]]

_TRUTH: Final = {"True": 1.0, "False": 0.0, "Unknown": -1.0}


class StatusCollector:
    """Metrics of all resources of a kind.

    Args:
        resources: gives all that exist, as the API server has them.
        families: makes all metrics of them; of none, the metrics without samples.
    """

    def __init__(
        self,
        resources: Callable[[], Resources],
        families: Callable[[Resources], Iterator[Metric]],
    ) -> None:
        self._resources = resources
        self._families = families

    def describe(self) -> Iterator[Metric]:
        yield from self._families(())

    def collect(self) -> Iterator[Metric]:
        yield from self._families(self._resources())


class ConditionFamily:
    """Conditions as one metric, by type and reason."""

    def __init__(self, name: str, labels: tuple[str, ...]) -> None:
        self.family = GaugeMetricFamily(
            name,
            "1 when a condition is true, 0 when it is false, -1 when it is unknown.",
            labels=(*labels, "type", "reason"),
        )

    def add(self, who: list[str], status: Mapping[str, Any]) -> None:
        """Adds all conditions of a status."""
        for found in status.get("conditions") or ():
            labels = [*who, found["type"], found["reason"]]
            self.family.add_metric(labels, _TRUTH.get(found["status"], -1.0))


def who_and_status(resources: Resources) -> Iterator[tuple[list[str], Mapping[str, Any]]]:
    """Namespace and name of each resource, and its status; empty where there is none yet."""
    for raw in resources:
        metadata = raw["metadata"]
        yield [metadata["namespace"], metadata["name"]], raw.get("status") or {}
