"""F1, the conditional Bernoulli e-process, and F6, the sample-ratio guard built on the same odds.

Look only at events. The j-th one happened to the challenger with probability
q_j(th) = p_j th / (p_j th + 1 - p_j), where p_j is the challenger's share of the two arms when the
unit was assigned and th the ratio of the two rates; the base rate, however it moves, cancels. So
    E = sum_k w_k prod_j [q_j(th_k)/q_j(th0)]^A_j [(1-q_j(th_k))/(1-q_j(th0))]^(1-A_j)
is an e-process for the null "ratio = th0", and for the one-sided null when all th_k lie on the
other side of th0. Basis: Lindon & Malek, "Anytime-valid inference for multinomial count data"
(NeurIPS 2022); Lindon & Kallus, inhomogeneous Poisson processes (arXiv 2410.09282); Turner, Ly &
Grünwald, "Generic E-variables for exact sequential k-sample tests" (arXiv 2106.02693).

It is a function of event counts by (champion's share, challenger's share): counts of replicas add.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from dohyo_evidence.sequential.arrays import FloatArray, log_mean_exp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Alternatives, as multiples of the null's ratio.
STEPS: Final = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
# Log ratios of the two-sided mixture: as many for each factor of 1.25 from 1 % to a factor of 32.
_LOG_RATIOS: Final = np.concatenate([s * 0.01 * 1.25 ** np.arange(27) for s in (-1.0, 1.0)])


def above(null: float) -> FloatArray:
    """Ratios for rejecting "ratio <= null"."""
    return null * np.array(STEPS)


def below(null: float) -> FloatArray:
    """Ratios for rejecting "ratio >= null"; half of them are 1, which is what one hopes for."""
    lower = null / np.array(STEPS)
    return np.concatenate([np.ones(lower.size), lower]) if null > 1.0 else lower


def log_odds_terms(share: FloatArray, ratios: FloatArray) -> tuple[FloatArray, FloatArray]:
    """log(1 - q) and log(q) for every ratio and share.

    Args:
        share: the challenger's share of the two arms, 0 < share < 1; shape (m,).
        ratios: shape (K,).

    Returns:
        Two arrays of shape (K, m): what an event of the champion and of the challenger adds to
        the log-likelihood.
    """
    odds = ratios[:, None] * (share / (1 - share))
    return -np.log1p(odds), np.log(odds) - np.log1p(odds)


def gains(share: FloatArray, null: float, ratios: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What an event of either arm adds to the log e-value of each alternative; as above, (K, m)."""
    champion, challenger = log_odds_terms(share, ratios)
    champion_null, challenger_null = log_odds_terms(share, np.array([null]))
    return champion - champion_null, challenger - challenger_null


@dataclass
class EventCounts:
    """Counts of units by the shares they were assigned under.

    Attributes:
        counts: by (champion's share, challenger's share) in 1/BUCKETS: [champion's, challenger's].
            At most as many keys as there were shares.
    """

    counts: dict[tuple[int, int], list[int]] = field(default_factory=dict)

    def add(self, shares: tuple[int, int], *, challenger: bool, count: int = 1) -> None:
        """Counts units; those that could only go one way say nothing and are left out."""
        if shares[0] > 0 and shares[1] > 0:
            self.counts.setdefault(shares, [0, 0])[challenger] += count

    def merge(self, other: EventCounts) -> None:
        for shares, (champion, challenger) in other.counts.items():
            mine = self.counts.setdefault(shares, [0, 0])
            mine[0] += champion
            mine[1] += challenger

    @property
    def champion(self) -> int:
        return sum(pair[0] for pair in self.counts.values())

    @property
    def challenger(self) -> int:
        return sum(pair[1] for pair in self.counts.values())

    def to_state(self) -> list[list[int]]:
        return [[*shares, *pair] for shares, pair in self.counts.items()]

    @classmethod
    def from_state(cls, state: Iterable[Iterable[int]]) -> EventCounts:
        return cls({(a, b): [c, d] for a, b, c, d in state})

    def log_likelihood(self, ratios: FloatArray) -> FloatArray:
        """Of each ratio, given that these events happened; shape (K,)."""
        share, champion, challenger = _columns(self.counts)
        of_champion, of_challenger = log_odds_terms(share, ratios)
        return np.asarray(of_champion @ champion + of_challenger @ challenger)


def log_e_above(events: EventCounts, null: float) -> float:
    """Log of the e-value against "the challenger's rate is at most `null` times the champion's"."""
    return _log_e(events, null, above(null))


def log_e_below(events: EventCounts, null: float) -> float:
    """Log of the e-value against "the challenger's rate is at least `null` times the champion's".

    Rejecting it shows non-inferiority within that ratio.
    """
    return _log_e(events, null, below(null))


def log_e_other(events: EventCounts, null: float = 1.0) -> float:
    """Log of the e-value against "the ratio is `null`", on both sides.

    With all units instead of events and the null 1 this is the sample-ratio guard F6. Lindon &
    Malek put a Dirichlet prior on the shares; here the prior is on the odds ratio, so that one
    e-process goes on through changes of the shares.
    """
    return _log_e(events, null, np.exp(_LOG_RATIOS))


def ratio_estimate(events: EventCounts) -> float:
    """The most likely ratio of the rates; infinite or 0 when one arm has no event."""
    if not events.challenger:
        return 0.0
    if not events.champion:
        return float("inf")
    low, high = -12.0, 12.0
    share, champion, challenger = _columns(events.counts)
    total = champion + challenger
    for _ in range(60):
        middle = (low + high) / 2
        odds = np.exp(middle) * share / (1 - share)
        if float(np.sum(total * odds / (1 + odds))) < events.challenger:
            low = middle
        else:
            high = middle
    return float(np.exp((low + high) / 2))


def ratio_sequence(events: EventCounts, level: float) -> tuple[float, float | None]:
    """All ratios whose two-sided e-value is below 1/(1 - level): a confidence sequence.

    Returns:
        The lower end, and the upper one (None while it is beyond a factor of 1000).
    """
    candidates = np.exp(np.linspace(-np.log(1000), np.log(1000), 1201))
    mixture = log_mean_exp(events.log_likelihood(np.exp(_LOG_RATIOS)))
    kept = candidates[mixture - events.log_likelihood(candidates) < -np.log(1 - level)]
    lower = 0.0 if kept[0] <= candidates[0] else float(kept[0])
    return lower, None if kept[-1] >= candidates[-1] else float(kept[-1])


def _log_e(events: EventCounts, null: float, ratios: FloatArray) -> float:
    if not events.counts:
        return 0.0
    likelihood = events.log_likelihood(np.append(ratios, null))
    return float(log_mean_exp(likelihood[:-1] - likelihood[-1]))


def _columns(
    counts: Mapping[tuple[int, int], list[int]],
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The challenger's share of both arms, and the counts of either."""
    shares = np.array(list(counts), dtype=np.float64).reshape(-1, 2)
    pairs = np.array(list(counts.values()), dtype=np.float64).reshape(-1, 2)
    return shares[:, 1] / shares.sum(axis=1), pairs[:, 0], pairs[:, 1]
