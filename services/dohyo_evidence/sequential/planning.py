"""How many observations a verdict will take, before any has been made; the standard library alone.

An e-value grows by a factor exp(g) per observation, where g is the expected log of the bet's
payment if the truth is what one expects; a threshold is reached after about log(threshold)/g.
"""

from __future__ import annotations

import math
from typing import Final

from dohyo_evidence.sequential import stakes

_NEVER: Final = math.inf


def events_until_ratio(truth: float, null: float, share: float, threshold: float) -> float:
    """Bad events of both arms until "the ratio of the rates is `null`" is rejected (F1).

    Args:
        truth: the ratio that one expects; on the other side of the null than the claim.
        null: the ratio of the null.
        share: the challenger's share of the two arms, 0 to 1.
        threshold: e-value that rejects.

    Returns:
        Events, infinite if truth and null are the same.
    """
    q, q0 = _odds_share(share, truth), _odds_share(share, null)
    growth = q * math.log(q / q0) + (1 - q) * math.log((1 - q) / (1 - q0))
    return math.log(threshold) / growth if growth > 1e-12 else _NEVER


def requests_until_ratio(
    rate: float, truth: float, null: float, share: float, threshold: float
) -> float:
    """Requests of both arms until F1 rejects, at a rate of events of the champion's."""
    events = events_until_ratio(truth, null, share, threshold)
    return events / (rate * (1 - share + share * truth)) if rate > 0 else _NEVER


def units_until_effect(
    effect: float, null: float, variance: float, share: float, threshold: float
) -> float:
    """Scored units of both arms until "the effect is at most `null`" is rejected (F2).

    Args:
        effect: the effect that one expects, in units of a score in [0, 1].
        null: the effect of the null.
        variance: of the score within an arm; p (1 - p) for 0/1 scores.
        share: the challenger's share of the two arms.
        threshold: e-value that rejects.
    """
    spread = variance / share + variance / (1 - share)
    return _until(effect - null, spread, 1.0 / min(share, 1 - share), threshold)


def pairs_until_effect(effect: float, null: float, discordant: float, threshold: float) -> float:
    """Labelled shadow pairs until "the effect is at most `null`" is rejected (F3).

    Args:
        effect: the effect that one expects.
        null: the effect of the null.
        discordant: mean squared difference of both scores; for 0/1 scores the share of pairs in
            which just one is right.
        threshold: e-value that rejects.
    """
    return _until(effect - null, discordant - effect**2, 1.0 + null, threshold)


def units_until_cap(rate: float, cap: float, threshold: float) -> float:
    """Units of the challenger until "its rate is at most `cap`" is rejected."""
    return _until(rate - cap, rate * (1 - rate), cap, threshold) if cap > 0 else _NEVER


def units_still_needed(log_e: float, count: float, threshold: float) -> int | None:
    """How many more observations an e-value needs, if it goes on growing as so far.

    Returns:
        0 when it is there; None when it does not grow.
    """
    missing = math.log(threshold) - log_e
    if missing <= 0:
        return 0
    return math.ceil(missing * count / log_e) if log_e > 0 else None


def _until(gain: float, variance: float, bound: float, threshold: float) -> float:
    if gain <= 0:
        return _NEVER
    largest = stakes.BOLDEST / bound
    bet = min(gain / (variance + gain**2), largest)
    growth = bet * gain - bet**2 * (variance + gain**2) / 2
    return math.log(threshold) / growth if growth > 1e-12 else _NEVER


def _odds_share(share: float, ratio: float) -> float:
    return share * ratio / (share * ratio + 1 - share)
