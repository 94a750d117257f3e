"""The load of one version, as the gateways counted it: samples over time and their averages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """What all gateways together counted of one version between two looks.

    Attributes:
        at: end of the span, seconds on the clock that planning is given.
        span: length in seconds, above 0.
        requests: answers within the span.
        busy: request-seconds within the span; busy / span is the mean concurrency.
    """

    at: float
    span: float
    requests: float
    busy: float


@dataclass(frozen=True)
class Load:
    """Samples of one version, oldest first. Empty until the gateways have been asked twice."""

    samples: tuple[Sample, ...] = ()

    def add(self, sample: Sample, keep_seconds: float) -> Load:
        """The load with one more sample, and without those older than `keep_seconds`."""
        oldest = sample.at - keep_seconds
        return Load((*(s for s in self.samples if s.at > oldest), sample))

    def covers(self, now: float, seconds: float) -> bool:
        """Whether the samples reach back over the whole window."""
        return bool(self.samples) and self.samples[0].at - self.samples[0].span <= now - seconds

    def concurrency(self, now: float, seconds: float) -> float:
        """Mean requests in flight over the last `seconds` before `now`; 0 without samples."""
        window = self._within(now, seconds)
        span = sum(s.span for s in window)
        return sum(s.busy for s in window) / span if span else 0.0

    def rate(self, now: float, seconds: float) -> float:
        """Mean requests per second over the last `seconds` before `now`; 0 without samples."""
        window = self._within(now, seconds)
        span = sum(s.span for s in window)
        return sum(s.requests for s in window) / span if span else 0.0

    def _within(self, now: float, seconds: float) -> tuple[Sample, ...]:
        return tuple(s for s in self.samples if now - seconds < s.at <= now)
