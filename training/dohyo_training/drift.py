"""Whether a window of requests has left the training data: size and chance, not a fixed number.

A window of 200 rows has a population stability index of about 0.1 without any drift at all. So an
alarm wants both: an index that is large, and one that chance hardly gives in so few rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dohyo_form.profile import Bins

LARGE_INDEX: Final = 0.1
ALPHA: Final = 0.05
# Cells expected to hold fewer rows are joined: the chi-square null needs them filled.
FEWEST_EXPECTED: Final = 5.0


@dataclass(frozen=True)
class Drift:
    """One feature in one window.

    Attributes:
        feature: its name.
        index: population stability index over the joined bins.
        p_value: of the chi-square null, before dividing alpha among the features.
        alarm: whether both, size and chance, say so.
    """

    feature: str
    index: float
    p_value: float
    alarm: bool


def drifts(
    reference: Mapping[str, Bins], counts: Mapping[str, Sequence[int]], alpha: float = ALPHA
) -> list[Drift]:
    """Compares the counts of a window with the profile, feature by feature.

    `alpha` is the chance of any alarm without drift, divided evenly among the features.
    """
    found = []
    for feature, bins in reference.items():
        index, p_value = compared(np.array(bins.counts), np.array(counts[feature]))
        alarm = index > LARGE_INDEX and p_value < alpha / len(reference)
        found.append(Drift(feature, index, p_value, alarm))
    return found


def compared(reference: np.ndarray, window: np.ndarray) -> tuple[float, float]:
    """The index and the p-value of two lists of counts over the same bins."""
    expected = reference / max(1, reference.sum()) * window.sum()
    kept = expected >= FEWEST_EXPECTED
    # What is rare in the reference is one cell; a flood into it shows there.
    p = np.append(reference[kept], reference[~kept].sum()).astype(np.float64)
    q = np.append(window[kept], window[~kept].sum()).astype(np.float64)
    n, m = p.sum(), q.sum()
    if not n or not m:
        return 0.0, 1.0
    share_p, share_q = (p + 0.5) / (n + 0.5 * len(p)), (q + 0.5) / (m + 0.5 * len(q))
    index = float(np.sum((share_q - share_p) * np.log(share_q / share_p)))
    # Two samples of one population: the index over (1/n + 1/m) is about chi-square.
    freedom = max(1, len(p) - 1)
    return index, float(stats.chi2.sf(index / (1 / n + 1 / m), freedom))
