"""Error budgets → the e-values that decide, frozen when a trial begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dohyo.api.status import Thresholds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dohyo.api.rollout import Gate, RolloutSpec


def thresholds(rollout: RolloutSpec, challengers: int) -> Thresholds:
    """Splits both budgets.

    A harm budget is shared by every test that could roll a harmless challenger back. A promotion
    needs all gates at once, so that only the challengers share its budget.

    Args:
        rollout: with gates and budgets.
        challengers: how many are on trial at the same time, >= 1.
    """
    tests = max(1, harm_tests(rollout.gates))
    return Thresholds(
        harm=round(challengers * tests / rollout.alpha.harm, 6),
        promote=round(challengers / rollout.alpha.promote, 6),
    )


def harm_tests(gates: Iterable[Gate]) -> int:
    """How many e-processes of these gates may roll back; drift and prometheus have none."""
    return sum(_harm_tests(gate) for gate in gates if not gate.dry_run)


def _harm_tests(gate: Gate) -> int:
    if gate.metric in ("error-rate", "latency"):
        return (gate.harm_ratio is not None) + (gate.max_absolute is not None)
    return 1 if gate.metric in ("loss", "reward", "agreement") else 0
