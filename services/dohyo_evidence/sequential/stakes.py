"""How much the bettors stake of what they may; the standard library alone."""

from __future__ import annotations

from typing import Final

# Of the largest bet that cannot lose everything.
FRACTIONS: Final = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
BOLDEST: Final = 0.8
# How much of the first capital each fixed bettor gets, and the one that learns: most effects that
# are worth a long trial are small against what weights make of single observations.
CAPITAL: Final = (1.0, 3.0, 6.0, 6.0, 3.0, 1.0, 4.0)
