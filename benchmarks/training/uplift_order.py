"""`python -m benchmarks.training.uplift_order`: who orders two policies rightly, by seeds.

The simulator's treatment is chosen by how unhappy a customer looks. Two policies, effect first and
worst customers first, are ordered by the truth, by the doubly robust area, and by naive Qini.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from dohyo_training.assess import uplift
from dohyo_training.assess.treatment import nuisances
from dohyo_training.simulate import simulate
from tests.harness.simulated import observed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--rows", type=int, default=15_000)
    chosen = parser.parse_args()
    found = np.array([one_seed(seed, chosen.rows) for seed in range(chosen.seeds)])
    robust, naive, covered, auc = found.T
    print(f"{chosen.seeds} seeds of {chosen.rows} rows, propensity AUC {auc.mean():.3f}")
    print(f"  doubly robust orders rightly  {robust.mean():6.1%}   limit 90 %")
    print(f"  naive Qini orders rightly     {naive.mean():6.1%}   limit at most 50 %")
    print(f"  its 95 % interval covers the true average effect {covered.mean():.1%} of the time")
    sys.exit(0 if robust.mean() >= 0.9 and naive.mean() <= 0.5 else 1)


def one_seed(seed: int, count: int) -> tuple[float, float, float, float]:
    """Whether each orders rightly, whether the effect is covered, and the propensity AUC."""
    simulation = simulate(count, seed, "chosen")
    rows = observed(simulation)
    trial = nuisances(rows, seed)
    effect_first, worst_first = trial.if_treated - trial.if_not, -trial.if_not
    effects = uplift.effects_of_rows(trial)
    truth = simulation.truth["effect"].to_numpy()
    right = np.sign(uplift.ranking_difference(truth, effect_first, worst_first).value)
    robust = np.sign(uplift.ranking_difference(effects, effect_first, worst_first).value)
    naive = np.sign(
        uplift.qini_area_per_row(rows.outcome, rows.treated, effect_first)
        - uplift.qini_area_per_row(rows.outcome, rows.treated, worst_first)
    )
    average = uplift.average_effect(trial)
    return (
        float(robust == right),
        float(naive == right),
        float(average.low <= truth.mean() <= average.high),
        uplift.propensity_auc(rows.treated, trial.propensity),
    )


if __name__ == "__main__":
    main()
