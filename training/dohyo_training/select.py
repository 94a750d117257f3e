"""Which features are worth their place, judged inside the folds against keeping all."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo_training import features
from dohyo_training.selection_methods import Encoded, dropped, effects, reference_model, score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dohyo_training.config import RunConfig
    from dohyo_training.table import Table

    Rows = NDArray[np.intp]
    Fold = tuple[Rows, Rows]

_METRICS: Final = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}
# More learning rows tell nothing new about whether a column is worth its place.
_MOST_ROWS: Final = 20_000


@dataclass(frozen=True)
class Decision:
    """What became of one feature.

    Attributes:
        column: its name.
        kept: whether it stays.
        method: what decided: constant, copy of <column>, l1, rfecv, or kept.
        folds_kept: in how many of the folds the method kept it.
        effect: loss of score when its values are shuffled in the judging rows, mean of folds.
        standard_error: of the effect, over the folds.
    """

    column: str
    kept: bool
    method: str
    folds_kept: int
    effect: float
    standard_error: float


@dataclass(frozen=True)
class Selection:
    """The features that stay.

    Attributes:
        kept: in the order of the table; give it to `features.pipeline` and `features.fields`.
        decisions: one for each feature.
        metric: of the scores: roc_auc, log_loss or rmse, turned so that more is better.
        score_all, score_kept: mean over the folds, with all features and with the selected.
        difference, standard_error: kept minus all, paired over the folds.
        sentence: what was decided, and why.
    """

    kept: tuple[str, ...]
    decisions: tuple[Decision, ...]
    metric: str
    score_all: float
    score_kept: float
    difference: float
    standard_error: float
    sentence: str

    def as_json(self) -> dict[str, Any]:
        """JSON values for the record of the run."""
        return asdict(self)


@dataclass(frozen=True)
class _Judged:
    """One fold: what its learning rows dropped, and what that did to its judging rows."""

    dropped: dict[str, str]
    score_all: float
    score_kept: float
    effects: dict[str, float]


def select(config: RunConfig, table: Table, folds: Sequence[Fold]) -> Selection:
    """Chooses by `selection.method`, on the learning rows of each fold alone.

    Args:
        config: of the run.
        table: of the run.
        folds: positions of learning and judging rows; rows in no fold are never looked at.
    """
    chance = np.random.default_rng(config.training.seed)
    thinned = [(_thin(learn, chance), judge) for learn, judge in folds]
    judged = [_judge(config, table, learn, judge, chance) for learn, judge in thinned]
    everything = np.unique(np.concatenate([np.concatenate(fold) for fold in folds]))
    gone = _never_kept(judged) | dropped(config, table, _thin(everything, chance))
    differences = np.array([one.score_kept - one.score_all for one in judged])
    error = _error(differences, folds)
    difference = float(differences.mean())
    worse = difference < -error
    if worse or len(gone) == len(table.features):
        # What never varies, or says the same as another column, is no loss in any case.
        gone = {name: why for name, why in gone.items() if why.startswith(("constant", "copy"))}
    return Selection(
        kept=tuple(name for name in table.features if name not in gone),
        decisions=tuple(_decision(name, gone, judged, folds) for name in table.features),
        metric=_METRICS[table.task],
        score_all=float(np.mean([one.score_all for one in judged])),
        score_kept=float(np.mean([one.score_kept for one in judged])),
        difference=difference,
        standard_error=error,
        sentence=_sentence(config, table, gone, f"{difference:+.4f} ± {error:.4f}", worse=worse),
    )


def _never_kept(judged: list[_Judged]) -> dict[str, str]:
    """What every fold dropped; that all rows together keep it is chance then."""
    first = judged[0].dropped
    return {name: why for name, why in first.items() if all(name in one.dropped for one in judged)}


def _thin(rows: Rows, chance: np.random.Generator) -> Rows:
    """So many rows at most, in their order."""
    if len(rows) <= _MOST_ROWS:
        return rows
    return np.sort(chance.choice(rows, _MOST_ROWS, replace=False))


def _judge(
    config: RunConfig, table: Table, learn: Rows, judge: Rows, chance: np.random.Generator
) -> _Judged:
    gone = dropped(config, table, learn)
    left = [name for name in table.features if name not in gone]
    whole, lost = _scored(config, table, list(table.features), (learn, judge), chance)
    partly = whole
    if gone and left:
        partly, _ = _scored(config, table, left, (learn, judge), None)
    return _Judged(gone, whole, partly, lost)


def _scored(
    config: RunConfig,
    table: Table,
    columns: list[str],
    fold: Fold,
    chance: np.random.Generator | None,
) -> tuple[float, dict[str, float]]:
    """Score on the judging rows, and with `chance` the effect of each feature."""
    learn, judge = fold
    y = table.y
    transformer = features.pipeline(config, table, columns=columns)
    x = transformer.fit_transform(table.x.iloc[learn], y[learn])
    model = reference_model(table.task, config.training.seed).fit(x, y[learn])
    seen = transformer.transform(table.x.iloc[judge])
    whole = score(table.task, model, seen, y[judge])
    if chance is None:
        return whole, {}
    rows = Encoded(seen, y[judge], tuple(features.inputs(transformer).values()))
    mixed = rows.take(chance.permutation(len(judge)))
    return whole, effects(table.task, model, mixed, columns, chance)


def _error(differences: NDArray[np.float64], folds: Sequence[Fold]) -> float:
    """Standard error of a mean over folds whose learning rows overlap (Nadeau and Bengio 2003)."""
    if len(folds) < 2:
        return 0.0
    ratio = float(np.mean([len(judge) / len(learn) for learn, judge in folds]))
    return float(np.sqrt(differences.var(ddof=1) * (1 / len(folds) + ratio)))


def _decision(
    name: str, gone: dict[str, str], judged: list[_Judged], folds: Sequence[Fold]
) -> Decision:
    lost = np.array([one.effects[name] for one in judged])
    return Decision(
        column=name,
        kept=name not in gone,
        method=gone.get(name, "kept"),
        folds_kept=sum(name not in one.dropped for one in judged),
        effect=float(lost.mean()),
        standard_error=_error(lost, folds),
    )


def _sentence(
    config: RunConfig,
    table: Table,
    gone: dict[str, str],
    difference: str,
    *,
    worse: bool,
) -> str:
    change = f"{difference} in {_METRICS[table.task]}"
    if worse:
        rest = len(table.features) - len(gone)
        return f"{rest} of {len(table.features)} features stay: dropping more cost {change}."
    if config.selection.method == "none":
        return f"All {len(table.features)} features stay: selection.method is none."
    if not gone:
        return f"All {len(table.features)} features stay: none was found to be without use."
    return f"{len(gone)} of {len(table.features)} features were dropped ({change})."
