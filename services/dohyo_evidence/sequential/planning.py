"""How many more observations a verdict will take; the standard library alone."""

from __future__ import annotations

import math


def units_still_needed(log_e: float, count: float, threshold: float) -> int | None:
    """How many more observations an e-value needs, if it goes on growing as so far.

    Args:
        log_e: its natural logarithm.
        count: observations that it stands on.
        threshold: e-value that rejects.

    Returns:
        0 when it is there; None when it does not grow.
    """
    missing = math.log(threshold) - log_e
    if missing <= 0:
        return 0
    return math.ceil(missing * count / log_e) if log_e > 0 else None
