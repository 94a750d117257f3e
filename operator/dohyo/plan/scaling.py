"""Load and share of traffic → replicas.

The rule is that of two windows: the stable one follows the load, the panic one may only scale up,
and scaling down waits until less was enough for a while. On top of it no version falls below what
its share of the whole load needs, so that traffic never shifts to what cannot carry it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dohyo.contract import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.api.defaults import EffectiveScaling
    from dohyo.plan.load import Load
    from dohyo.plan.settings import ScalingWindows

# Twice what is ready: the load doubled within the panic window.
_PANIC_RATIO = 2.0
_PEAK_STEP_SECONDS = 2.0


@dataclass(frozen=True)
class Demand:
    """What scaling one version depends on.

    Attributes:
        scaling: its limits, metric and target.
        load: its own.
        share: of all live requests that it is to carry, in 1/BUCKETS.
        replicas: of its Deployment now; None when there is none yet.
    """

    scaling: EffectiveScaling
    load: Load
    share: int
    replicas: int | None


@dataclass(frozen=True)
class Size:
    """How large a version is to be.

    Attributes:
        replicas: for its Deployment.
        floor: what its limits and its share of the traffic ask for at the least.
    """

    replicas: int
    floor: int


def size(demand: Demand, total: float, windows: ScalingWindows, now: float) -> Size:
    """The size of one version.

    Args:
        demand: the version's own.
        total: load of all versions together, in the metric's unit (`total_load`).
        windows: of the installation.
        now: seconds, on the clock of the samples.
    """
    scaling = demand.scaling
    by_share = _ceil(total * demand.share / BUCKETS / scaling.target)
    floor = min(max(scaling.min_replicas, by_share), scaling.max_replicas)
    if demand.replicas is None:
        wanted = floor
    elif scaling.metric == "cpu":
        # The autoscaler owns the number; what it set last is passed on.
        wanted = demand.replicas
    else:
        wanted = _by_load(demand, demand.replicas, windows, now)
    return Size(replicas=max(floor, min(scaling.max_replicas, wanted)), floor=floor)


def total_load(metric: str, loads: Mapping[str, Load], seconds: float, now: float) -> float:
    """Requests per second or in flight over all versions; 0 for metrics the gateway has not."""
    return sum(_value(metric, load, seconds, now) for load in loads.values())


def _by_load(demand: Demand, current: int, windows: ScalingWindows, now: float) -> int:
    scaling, load = demand.scaling, demand.load
    stable = _ceil(_value(scaling.metric, load, windows.stable, now) / scaling.target)
    panic = _ceil(_value(scaling.metric, load, windows.panic, now) / scaling.target)
    if panic >= _PANIC_RATIO * current:
        return max(panic, stable)
    if stable >= current:
        return stable
    if not load.covers(now, windows.stable + windows.scale_down_delay):
        return current
    return min(current, _peak(demand, windows, now))


def _peak(demand: Demand, windows: ScalingWindows, now: float) -> int:
    """The most replicas that the stable window asked for during the scale-down delay."""
    steps = int(windows.scale_down_delay / _PEAK_STEP_SECONDS)
    looks = (now - step * _PEAK_STEP_SECONDS for step in range(steps + 1))
    metric, target = demand.scaling.metric, demand.scaling.target
    return max(_ceil(_value(metric, demand.load, windows.stable, at) / target) for at in looks)


def _value(metric: str, load: Load, seconds: float, now: float) -> float:
    if metric == "concurrency":
        return load.concurrency(now, seconds)
    if metric == "rps":
        return load.rate(now, seconds)
    return 0.0


def _ceil(value: float) -> int:
    # 3.0000000001 replicas are three: sums of floats must not buy a pod.
    return math.ceil(round(value, 6))
