"""All models side by side, and the rule by which one of them is chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dohyo_training.assess.intervals import Estimate, corrected_error, over_folds
from dohyo_training.build.families import CHAMPION, DUMMY, SIMPLEST_FIRST
from dohyo_training.build.metrics import MEASURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dohyo_training.build.trial import Trial


@dataclass(frozen=True)
class Entry:
    """One model of the leaderboard.

    Attributes:
        name: of its family, or `champion`: the recipe of the version that serves, fitted anew.
        family: of `FAMILIES`, or blend.
        parameters: its hyperparameters; of a blend the weights of its members.
        scores: mean over the folds, by metric.
        folds: the score of each fold, by metric.
        standard_error: of the deciding metric's mean, corrected for shared fitting rows.
        against_best: the deciding metric less that of the best, paired, more is better.
        fit_cpu_seconds: mean of a fold.
        row_microseconds: median time of one row in the served form; None while not measured.
        chosen: whether this one is exported.
    """

    name: str
    family: str
    parameters: Mapping[str, Any]
    scores: Mapping[str, float]
    folds: Mapping[str, tuple[float, ...]]
    standard_error: float
    against_best: Estimate
    fit_cpu_seconds: float
    row_microseconds: float | None = None
    chosen: bool = False

    @property
    def title(self) -> str:
        """For readers: the row of the champion's recipe says nothing of the version that serves."""
        return "champion's recipe" if self.name == CHAMPION else self.name


@dataclass(frozen=True)
class Leaderboard:
    """Entries, the best first.

    Attributes:
        metric: the one that decides.
        entries: the best first.
        sentence: which one was chosen, and why.
    """

    metric: str
    entries: tuple[Entry, ...]
    sentence: str

    @property
    def chosen(self) -> Entry:
        return next(entry for entry in self.entries if entry.chosen)

    def with_latency(self, microseconds: Mapping[str, float]) -> Leaderboard:
        """The same with the measured time of one row, by name."""
        return replace(
            self,
            entries=tuple(
                replace(entry, row_microseconds=microseconds.get(entry.name))
                for entry in self.entries
            ),
        )


def leaderboard(
    finalists: Mapping[str, Sequence[Trial]],
    metric: str,
    *,
    mixtures: Mapping[str, Mapping[str, float]] | None = None,
    one_standard_error: bool = True,
) -> Leaderboard:
    """Ranks the finalists on the same folds and chooses one.

    `mixtures` holds the weights of the members of each one that is a blend.
    """
    sign = MEASURES[metric].sign
    per_fold = {
        name: sign * np.array([trial.scores[metric] for trial in trials])
        for name, trials in finalists.items()
    }
    best = max(per_fold, key=lambda name: float(per_fold[name].mean()))
    first = next(iter(finalists.values()))
    judging = np.array([len(trial.judging_places) for trial in first])
    fitting = np.array([trial.fitting_rows for trial in first])
    entries = sorted(
        (
            _entry(
                name,
                trials,
                (mixtures or {}).get(name, {}),
                corrected_error(per_fold[name], fitting, judging),
                over_folds(per_fold[name] - per_fold[best], fitting, judging),
            )
            for name, trials in finalists.items()
        ),
        key=lambda entry: -sign * entry.scores[metric],
    )
    errors = {
        (ahead, behind): corrected_error(per_fold[ahead] - per_fold[behind], fitting, judging)
        for ahead in per_fold
        for behind in per_fold
    }
    name, sentence = _choice(entries, metric, errors if one_standard_error else None)
    return Leaderboard(
        metric,
        tuple(replace(entry, chosen=entry.name == name) for entry in entries),
        sentence,
    )


def _entry(
    name: str,
    trials: Sequence[Trial],
    weights: Mapping[str, float],
    standard_error: float,
    against_best: Estimate,
) -> Entry:
    candidate = trials[0].candidate
    scores = {key: tuple(trial.scores[key] for trial in trials) for key in trials[0].scores}
    return Entry(
        name,
        candidate.family,
        weights or dict(candidate.parameters),
        {key: float(np.mean(values)) for key, values in scores.items()},
        scores,
        standard_error,
        against_best,
        float(np.mean([trial.fit_cpu_seconds for trial in trials])),
    )


def _choice(
    entries: Sequence[Entry], metric: str, errors: Mapping[tuple[str, str], float] | None
) -> tuple[str, str]:
    """The name of the chosen entry and the reason; errors are of paired differences."""
    contenders = [entry for entry in entries if entry.name != DUMMY]
    best = contenders[0]
    warning = ""
    if entries[0].name == DUMMY:
        warning = "; no model beats the dummy, so look for other data before serving this"
    if errors is None:
        return best.name, f"{best.title} has the best {metric}{warning}"
    within = [
        entry
        for entry in contenders
        if abs(best.scores[metric] - entry.scores[metric]) <= errors[best.name, entry.name]
    ]
    simplest = min(within, key=lambda entry: SIMPLEST_FIRST.index(entry.family))
    if simplest.name == best.name:
        return best.name, f"{best.title} has the best {metric}, and nothing simpler is near{warning}"
    return simplest.name, (
        f"{simplest.title} is the simplest model within one standard error of {best.title}, "
        f"which has the best {metric}{warning}"
    )
