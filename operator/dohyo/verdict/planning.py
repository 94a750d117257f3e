"""How many requests a verdict will take, before any has been made; by growth rates of e-values.

An e-value grows by a factor exp(g) per observation if the truth is what one expects; a threshold
is reached after about log(threshold)/g observations. Good for orders of magnitude, which is what
decides whether a gate can ever be answered at a given traffic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dohyo.verdict.budget import thresholds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dohyo.api.modeldeployment import ModelDeploymentSpec
    from dohyo.api.rollout import Gate, RolloutSpec

# What is assumed where nothing is known yet.
ASSUMED_ERROR_RATE: Final = 0.01
ASSUMED_LOSS: Final = 0.10
ASSUMED_GAIN: Final = 0.02
# The share of pairs in which one of two such models is right and the other is not.
_ASSUMED_DISCORDANT: Final = 0.10
_BEYOND_CUT: Final = {"p50": 0.5, "p90": 0.1, "p95": 0.05, "p99": 0.01, "p99.9": 0.001}
# The largest part of a bet's bound that the evidence service stakes.
BOLDEST: Final = 0.8


@dataclass(frozen=True)
class Estimate:
    """What one gate will need.

    Attributes:
        gate: its name.
        requests: to the champion and all challengers together; infinite where no number helps.
        assumption: what is taken for true.
    """

    gate: str
    requests: float
    assumption: str


def estimates(spec: ModelDeploymentSpec) -> Iterator[Estimate]:
    """The expected number of requests until each gate passes, at the last step's weight."""
    rollout = spec.rollout
    if rollout is None or not spec.challengers:
        return
    together = len(spec.challengers) if rollout.on_new_challenger == "Parallel" else 1
    limits = thresholds(rollout, together)
    share = _share(rollout, together)
    for gate in rollout.gates:
        if gate.metric in ("error-rate", "latency"):
            yield _of_rate(gate, share, limits.promote)
        elif gate.metric in ("loss", "reward"):
            yield _of_score(gate, rollout, share, limits.promote)


def _share(rollout: RolloutSpec, together: int) -> float:
    """One challenger's share of the two arms of its trial, at the largest weight."""
    if rollout.allocation == "bandit":
        weight = rollout.bandit.floor / 100
    else:
        weight = max((s.weight or 0 for s in rollout.steps), default=0) / 100
    champion = max(0.0, 1 - weight * together)
    return weight / (weight + champion) if weight else 0.0


def _of_rate(gate: Gate, share: float, threshold: float) -> Estimate:
    rate = _BEYOND_CUT[gate.cut] if gate.cut is not None else ASSUMED_ERROR_RATE
    said = f"both versions alike, {100 * rate:g} % bad"
    margin = gate.margin
    if margin is None:
        return Estimate(gate.name, 100 / share if share else math.inf, "only a minimum of units")
    ratio = margin.ratio or 1 + (margin.absolute or 0) / rate
    events = events_until_ratio(1.0, ratio, share, threshold)
    return Estimate(gate.name, events / rate, said)


def _of_score(gate: Gate, rollout: RolloutSpec, share: float, threshold: float) -> Estimate:
    margin = (gate.margin.absolute if gate.margin else None) or 0.0
    if gate.goal == "non-inferior":
        effect, null, said = 0.0, -margin, "both versions alike"
    else:
        effect, null = ASSUMED_GAIN + margin, margin
        said = f"a challenger better by {effect:g}"
    said += f", mean loss {ASSUMED_LOSS:g}, every prediction with its label"
    shadow = max((s.shadow or 0 for s in rollout.steps), default=0) / 100
    if rollout.labels.independent_of_prediction and shadow:
        pairs = pairs_until_effect(effect, null, _ASSUMED_DISCORDANT, threshold)
        return Estimate(gate.name, pairs / shadow, f"{said}, compared in shadow")
    variance = ASSUMED_LOSS * (1 - ASSUMED_LOSS)
    units = units_until_effect(effect, null, variance, share, threshold)
    return Estimate(gate.name, units, said)


def events_until_ratio(truth: float, null: float, share: float, threshold: float) -> float:
    """Bad events of both arms until "the ratio of the rates is `null`" is rejected.

    Args:
        truth: the ratio that one expects; on the other side of the null than the claim.
        null: the ratio of the null.
        share: the challenger's share of the two arms, 0 to 1.
        threshold: e-value that rejects.

    Returns:
        Events, infinite if truth and null are the same.
    """
    if not 0 < share < 1:
        return math.inf
    q, q0 = _odds_share(share, truth), _odds_share(share, null)
    growth = q * math.log(q / q0) + (1 - q) * math.log((1 - q) / (1 - q0))
    return _reached(growth, threshold)


def units_until_effect(
    effect: float, null: float, variance: float, share: float, threshold: float
) -> float:
    """Scored units of both arms until "the effect is at most `null`" is rejected, split traffic.

    Args:
        effect: the effect that one expects, in units of a score in [0, 1].
        null: the effect of the null.
        variance: of the score within an arm; p (1 - p) for 0/1 scores.
        share: the challenger's share of the two arms, 0 to 1.
        threshold: e-value that rejects.
    """
    if not 0 < share < 1:
        return math.inf
    spread = variance / share + variance / (1 - share)
    return _by_bets(effect - null, spread, 1.0 / min(share, 1 - share), threshold)


def pairs_until_effect(effect: float, null: float, discordant: float, threshold: float) -> float:
    """Labelled shadow pairs until "the effect is at most `null`" is rejected.

    Args:
        effect: the effect that one expects.
        null: the effect of the null.
        discordant: mean squared difference of both scores; for 0/1 scores the share of pairs in
            which just one is right.
        threshold: e-value that rejects.
    """
    return _by_bets(effect - null, discordant - effect**2, 1.0 + null, threshold)


def _by_bets(gain: float, variance: float, bound: float, threshold: float) -> float:
    if gain <= 0:
        return math.inf
    second = variance + gain**2
    bet = min(gain / second, BOLDEST / bound)
    return _reached(bet * gain - bet**2 * second / 2, threshold)


def _reached(growth: float, threshold: float) -> float:
    return math.log(threshold) / growth if growth > 1e-12 else math.inf


def _odds_share(share: float, ratio: float) -> float:
    return share * ratio / (share * ratio + 1 - share)
