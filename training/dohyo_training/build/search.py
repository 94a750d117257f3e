"""The search for hyperparameters: a grid, successive halving, or Optuna, fold by fold.

One fold is preprocessed once, for all candidates: with mixed columns that is most of the work.
Only one fold's matrices are in memory at a time.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from dohyo_training.build import trial
from dohyo_training.build.backend import workers
from dohyo_training.build.families import BLEND, DUMMY, FAMILIES, Size, candidates
from dohyo_training.build.metrics import MEASURES
from dohyo_training.build.problem import weights_of_rows
from dohyo_training.build.trial import Candidate, Fold, Trial
from dohyo_training.complaint import Complaint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from dohyo_training.build.problem import Problem
    from dohyo_training.config import RunConfig

    Pairs = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]

HALVING_FACTOR: Final = 3


class Progress(Protocol):
    """Is told how far the search has come; fits done and fits planned."""

    def __call__(self, done: int, planned: int) -> None: ...


class Memory(Protocol):
    """Keeps the trials of a finished part, so that a killed run need not do it again."""

    def recall(self, name: str) -> list[Trial] | None: ...

    def keep(self, name: str, trials: list[Trial]) -> None: ...


@dataclass(frozen=True)
class Material:
    """What a search works on.

    Attributes:
        problem: the development rows.
        pairs: positions of fitting and judging rows of each fold.
        preprocessing: makes the unfitted transformer of features anew.
        metrics: names, the one that decides first.
    """

    problem: Problem
    pairs: Pairs
    preprocessing: Callable[[], Any]
    metrics: tuple[str, ...]


@dataclass
class Found:
    """What a search found.

    Attributes:
        kind: grid, halving or optuna.
        finalists: the best candidate of each family with its trials on all rows, fold by fold.
        trials: every trial, also those on few rows.
        left_out: candidates that the budget did not reach.
        planned_cpu_seconds: by the model of work, what the search was allowed and planned.
    """

    kind: str
    finalists: dict[str, list[Trial]] = field(default_factory=dict)
    trials: list[Trial] = field(default_factory=list)
    left_out: list[Candidate] = field(default_factory=list)
    planned_cpu_seconds: float = 0.0

    def as_record(self) -> dict[str, Any]:
        """JSON values, with the sums over all trials in their place."""
        return {
            "kind": self.kind,
            "fits": len(self.trials),
            "left_out": [[one.family, dict(one.parameters)] for one in self.left_out],
            "planned_cpu_seconds": self.planned_cpu_seconds,
            "fit_cpu_seconds": sum(one.fit_cpu_seconds for one in self.trials),
        }


@dataclass(frozen=True)
class Round:
    """Candidates that are fitted on so many rows of each fold (None: on all).

    The work is that of all rounds together: the workers of one serve the next.
    """

    name: str
    candidates: tuple[Candidate, ...]
    rows: int | None
    planned_cpu_seconds: float


def search(
    config: RunConfig,
    material: Material,
    extra: Sequence[Candidate] = (),
    *,
    progress: Progress,
    memory: Memory,
) -> Found:
    """Judges the candidates of the configuration, a dummy and `extra` ones on every fold."""
    kind = _kind(config, len(material.problem))
    always = (Candidate(DUMMY, ()), *extra)
    if kind == "optuna":
        from dohyo_training.build.optuna_search import search_by_optuna  # noqa: PLC0415

        return search_by_optuna(config, material, always, progress=progress)
    admitted, left_out, planned = within_budget(config, material, kind)
    found = Found(kind, left_out=left_out, planned_cpu_seconds=planned)
    rounds = _rows_of_rounds(material, kind)
    total = _fits(admitted, len(rounds), len(material.pairs)) + len(always) * len(material.pairs)
    here = tuple(admitted)
    done = 0
    for number, rows in enumerate(rounds, start=1):
        last = number == len(rounds)
        stage = Round(f"round-{number}", (*here, *always) if last else here, rows, planned)
        count = _Counter(progress, done, total)
        trials = _judge(config, material, stage, count, memory)
        done += len(trials)
        found.trials += trials
        if last:
            found.finalists = best_of_families(trials, material.metrics[0])
        else:
            here = _survivors(trials, material.metrics[0])
    return found


def _kind(config: RunConfig, rows: int) -> str:
    if config.search.kind != "auto":
        return config.search.kind
    return "halving" if rows > config.search.halving_above_rows else "grid"


def within_budget(
    config: RunConfig, material: Material, kind: str
) -> tuple[list[Candidate], list[Candidate], float]:
    """Candidates that the budget admits, those it does not, and the planned processor seconds.

    The budget is spent by a model of the work, never by a clock: a busy machine must not choose
    another model than an idle one. Families take turns, the most promising candidate first.
    """
    lists = [
        [Candidate(choice.name, tuple(sorted(point.items()))) for point in candidates(choice, classes=material.problem.is_classification)]
        for choice in config.models
        if choice.name != BLEND
    ]
    turns = [row[turn] for turn in range(max(map(len, lists))) for row in lists if turn < len(row)]
    budget = config.search.budget_cpu_seconds
    admitted: list[Candidate] = []
    left_out: list[Candidate] = []
    spent = 0.0
    for candidate in turns:
        cost = _planned_seconds(candidate, material, kind)
        # The first one always runs: a budget too small for anything is no reason for no model.
        if budget is not None and admitted and spent + cost > budget:
            left_out.append(candidate)
            continue
        spent += cost
        admitted.append(candidate)
    return admitted, left_out, spent


def _planned_seconds(candidate: Candidate, material: Material, kind: str) -> float:
    problem = material.problem
    outcomes = len(problem.classes) if problem.kind == "multiclass" else 1
    columns = 2 * problem.rows.shape[1]  # what encoding makes of them, as a rule
    family, parameters = FAMILIES[candidate.family], dict(candidate.parameters)
    sizes = [Size(len(fitting), columns, outcomes) for fitting, _ in material.pairs]
    try:
        seconds = sum(family.cpu_seconds(parameters, size) for size in sizes)
    except TypeError:
        given = ", ".join(f"{name}={value!r}" for name, value in candidate.parameters)
        raise Complaint(f"models: {candidate.family} with {given} is no amount of work") from None
    # Of ten candidates one or two see all rows, three see a third, and all see a ninth.
    return seconds / HALVING_FACTOR if kind == "halving" else seconds


def _rows_of_rounds(material: Material, kind: str) -> list[int | None]:
    if kind == "grid":
        return [None]
    fewest = min(len(fitting) for fitting, _ in material.pairs)
    return [max(500, fewest // HALVING_FACTOR**2), max(1000, fewest // HALVING_FACTOR), None]


def _fits(admitted: Sequence[Candidate], rounds: int, folds: int) -> int:
    by_family: dict[str, int] = defaultdict(int)
    for candidate in admitted:
        by_family[candidate.family] += 1
    total = 0
    for _ in range(rounds):
        total += sum(by_family.values()) * folds
        by_family = defaultdict(
            int, {name: max(1, n // HALVING_FACTOR) for name, n in by_family.items()}
        )
    return total


@dataclass(frozen=True)
class _Counter:
    """Counts on from the fits of earlier rounds."""

    tell: Progress
    before: int
    total: int

    def __call__(self, done: int) -> None:
        self.tell(self.before + done, max(self.total, self.before + done))


def _judge(
    config: RunConfig, material: Material, stage: Round, count: _Counter, memory: Memory
) -> list[Trial]:
    trials: list[Trial] = []
    with workers(config.search, stage.planned_cpu_seconds) as pool:
        for number in range(len(material.pairs)):
            name = f"{stage.name}-fold-{number}"
            done = memory.recall(name)
            if done is None:
                done = []
                fold = prepare(material, number, config)
                for result in pool(_tasks(config, material, stage, fold)):
                    done.append(result)
                    count(len(trials) + len(done))
                memory.keep(name, done)
            trials += done
            count(len(trials))
    return trials


def _tasks(config: RunConfig, material: Material, stage: Round, fold: Fold) -> Iterable[Any]:
    from joblib import delayed  # noqa: PLC0415

    seed = config.training.seed
    # The longest first, so that no core waits long for the last one.
    size = Size(len(fold.fitting), fold.fitting.shape[1], max(1, len(material.problem.classes) - 1))
    ordered = sorted(
        stage.candidates,
        key=lambda c: -FAMILIES[c.family].cpu_seconds(dict(c.parameters), size),
    )
    return (delayed(trial.run)(c, fold, material.metrics, seed, stage.rows) for c in ordered)


def prepare(material: Material, number: int, config: RunConfig) -> Fold:
    """Fits the preprocessing on the fitting rows of one fold, and applies it to both parts."""
    fitting, judging = material.pairs[number]
    fitting_rows, judging_rows = material.problem.at(fitting), material.problem.at(judging)
    transformer = material.preprocessing()
    return Fold(
        number,
        np.ascontiguousarray(transformer.fit_transform(fitting_rows.rows, fitting_rows.target)),
        np.ascontiguousarray(transformer.transform(judging_rows.rows)),
        _without_rows(fitting_rows),
        _without_rows(judging_rows),
        weights_of_rows(fitting_rows, config.training),
        judging,
    )


def _without_rows(problem: Problem) -> Problem:
    """The outcomes alone: a task in another process has no use for the raw table."""
    from dataclasses import replace  # noqa: PLC0415

    return replace(problem, rows=problem.rows.iloc[:, :0])


def mean_scores(trials: Iterable[Trial], metric: str) -> dict[Candidate, float]:
    """By candidate the mean over its folds, turned so that more is better."""
    by_candidate: dict[Candidate, list[float]] = defaultdict(list)
    for one in trials:
        by_candidate[one.candidate].append(MEASURES[metric].sign * one.scores[metric])
    return {candidate: float(np.mean(scores)) for candidate, scores in by_candidate.items()}


def best_of_families(trials: Sequence[Trial], metric: str) -> dict[str, list[Trial]]:
    """The trials of the best candidate of each family (or label), in the order of the folds."""
    best: dict[str, tuple[float, Candidate]] = {}
    for candidate, score in mean_scores(trials, metric).items():
        if candidate.name not in best or score > best[candidate.name][0]:
            best[candidate.name] = (score, candidate)
    return {
        name: sorted((t for t in trials if t.candidate == candidate), key=lambda t: t.fold)
        for name, (_, candidate) in best.items()
    }


def _survivors(trials: Sequence[Trial], metric: str) -> tuple[Candidate, ...]:
    """The better third of each family, at least one: each stays on the leaderboard."""
    by_family: dict[str, list[tuple[float, Candidate]]] = defaultdict(list)
    for candidate, score in mean_scores(trials, metric).items():
        by_family[candidate.family].append((score, candidate))
    return tuple(
        candidate
        for members in by_family.values()
        for _, candidate in sorted(members, key=lambda member: -member[0])[
            : max(1, len(members) // HALVING_FACTOR)
        ]
    )
