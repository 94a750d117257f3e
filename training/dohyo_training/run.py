"""The whole way of a run, from a configuration to a version in the store."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dohyo_training import features
from dohyo_training.analyse import analyse
from dohyo_training.assess.scores import one_answer
from dohyo_training.assess.stage import Assessment, HeldBack, assess
from dohyo_training.build.backend import release
from dohyo_training.build.optimism import promise
from dohyo_training.build.problem import of_table
from dohyo_training.build.stage import Built, build, material_of
from dohyo_training.champion import champion_of
from dohyo_training.compare import Contender, Verdict, compare
from dohyo_training.cost import Meter
from dohyo_training.export.trained import Exported, Material, export_model, latency_of
from dohyo_training.folds import Labels, Split, split
from dohyo_training.gather import gather
from dohyo_training.heap import give_back
from dohyo_training.outcome import Outcome, write_outcome
from dohyo_training.package.packing import bentoml_home, export_archive, pack, tag_of
from dohyo_training.provenance import provenance
from dohyo_training.select import Selection, select
from dohyo_training.state import RunState, ensure_writable, folder_or_nothing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from dohyo_training.analyse import Analysis
    from dohyo_training.build.model import Model
    from dohyo_training.build.optimism import Promise
    from dohyo_training.build.problem import Problem
    from dohyo_training.build.search import Material as SearchMaterial
    from dohyo_training.champion import Champion
    from dohyo_training.config import RunConfig
    from dohyo_training.table import Table
    from dohyo_training.telling import Telling


@dataclass(frozen=True)
class Finished:
    """What a run leaves.

    Attributes:
        tag: of the bento and of its model.
        folder: of the report, the record, and the model's files.
        verdict: against the champion, if one is named.
        headline: the run in a sentence.
    """

    tag: str
    folder: Path
    verdict: Verdict | None
    headline: str


@dataclass(frozen=True)
class Prepared:
    """Rows that are gathered, split and reduced to the features that stay.

    Attributes:
        table: of the run.
        split: development rows, folds, and rows held back.
        selection: of features.
        problem: all rows, with the kept features alone.
    """

    table: Table
    split: Split
    selection: Selection
    problem: Problem

    @property
    def development(self) -> Problem:
        return self.problem.at(self.split.development)

    @property
    def held_back(self) -> Problem:
        return self.problem.at(self.split.held_back)


def train(config: RunConfig, base: Path, now: datetime, telling: Telling) -> Finished:
    """Walks the whole way; relative paths start from `base`.

    Raises:
        Complaint: with what is wrong and the way out; nothing half-written stays.
    """
    meter = Meter()
    place = base / config.output.folder
    _ensure_places(config, base)
    champion = champion_of(config.champion) if config.champion else None
    table, analysis = _look(config, base, now, telling)
    prepared = prepare(config, table, telling)
    origin = provenance(config, table.digest, base)
    tag = tag_of(config.output.name, config.output.version, origin.content)
    folder = place / tag.replace(":", "-")
    state = RunState(place / ".unfinished" / origin.content[:16])
    built = _build(config, prepared, champion, state, telling)
    promised = _promise(config, prepared, built)
    _begin(telling, "assess")
    asked = champion.ask(prepared.held_back, _frame(prepared)) if champion else None
    assessment = _assess(config, prepared, built, asked)
    with folder_or_nothing(folder) as work:
        exported = _export(config, prepared, built, work / "model", telling)
        outcome = Outcome(
            config=config,
            tag=tag,
            origin=origin,
            table=table,
            analysis=analysis,
            split=prepared.split,
            selection=prepared.selection,
            built=built,
            promise=promised,
            assessment=assessment,
            exported=exported,
            verdict=_verdict(config, prepared, built, (tag, exported), asked),
            now=now,
            cost=meter.cost(),
        )
        _package(outcome, work, base, telling)
    state.forget()
    _publish(outcome, folder, telling)
    return Finished(tag, folder, outcome.verdict, outcome.headline)


def _ensure_places(config: RunConfig, base: Path) -> None:
    """All that the last stages write to, looked at before the first."""
    ensure_writable(base / config.output.folder, "output.folder")
    if config.output.archive:
        ensure_writable((base / config.output.archive).parent, "output.archive")
    ensure_writable(bentoml_home(), "BENTOML_HOME")


def _look(config: RunConfig, base: Path, now: datetime, telling: Telling) -> tuple[Table, Analysis]:
    """The rows, and what they say before anything is learned from them."""
    _begin(telling, "gather")
    table = gather(config, base=base, now=now)
    telling.found(f"{len(table.frame)} rows, {len(table.features)} features, {table.task}")
    _begin(telling, "analyse")
    analysis = analyse(table, config)
    for sentence in analysis.sentences[:3]:
        telling.found(sentence)
    return table, analysis


def _export(
    config: RunConfig, prepared: Prepared, built: Built, folder: Path, telling: Telling
) -> Exported:
    _begin(telling, "export")
    extras = _profile_extras(config, prepared, built)
    exported = export_model(_material(config, prepared, built.model, extras), folder)
    telling.found(_export_sentence(exported))
    return exported


def _package(outcome: Outcome, work: Path, base: Path, telling: Telling) -> None:
    """Report and record into the run's folder, model and bento into the store."""
    _begin(telling, "package")
    write_outcome(outcome, work)
    pack(outcome.tag, work / "model", outcome.origin.content, _metadata(outcome))
    if outcome.config.output.archive:
        export_archive(outcome.tag, base / outcome.config.output.archive)
    shutil.copy(work / "model" / "training" / "run.json", work / "run.json")


def _publish(outcome: Outcome, folder: Path, telling: Telling) -> None:
    """To MLflow, where the configuration names one."""
    address = outcome.config.output.mlflow
    if address:
        from dohyo_training.package.mlflow_export import export_run  # noqa: PLC0415 - an extra

        run = export_run(address, outcome.record(), folder)
        telling.found(f"run {run} of MLflow at {address}")


def _begin(telling: Telling, stage: str) -> None:
    """A stage begins, without what the one before has left lying."""
    give_back()
    telling.stage(stage)


def prepare(config: RunConfig, table: Table, telling: Telling) -> Prepared:
    """Splits the rows and selects the features."""
    _begin(telling, "select")
    parts = split(labels_of(config, table), config.folds)
    telling.found(f"split by {parts.scheme}: {parts.reason}")
    of_table_rows = [
        (parts.development[fitting], parts.development[judging]) for fitting, judging in parts.pairs
    ]
    selection = select(config, table, of_table_rows)
    telling.found(selection.sentence)
    problem = replace(of_table(config, table), rows=table.frame[list(selection.kept)])
    return Prepared(table, parts, selection, problem)


def labels_of(config: RunConfig, table: Table) -> Labels:
    """What of the table a split may depend on."""
    event, groups = config.task.event_date, table.having("group")
    return Labels(
        table.y,
        table.task != "regression",
        None if event is None else table.frame[event].to_numpy("datetime64[ns]"),
        table.frame[groups[0]].to_numpy() if groups else None,
    )


def _build(
    config: RunConfig,
    prepared: Prepared,
    champion: Champion | None,
    state: RunState,
    telling: Telling,
) -> Built:
    _begin(telling, "build")
    material = _searched(config, prepared)

    def timed(model: Model) -> float | None:
        found = latency_of(_material(config, prepared, model))
        give_back()
        return found

    try:
        built = build(
            config,
            material,
            champion.recipe() if champion else None,
            progress=telling.progress,
            memory=state,
            timed=timed,
        )
    finally:
        release()
    if state.recalled:
        telling.found(f"{state.recalled} fits were there from a run that did not finish")
    telling.found(built.leaderboard.sentence)
    return built


def _searched(config: RunConfig, prepared: Prepared) -> SearchMaterial:
    unfitted = partial(features.pipeline, config, prepared.table, columns=prepared.selection.kept)
    return material_of(config, prepared.development, prepared.split.pairs, unfitted)


def _promise(config: RunConfig, prepared: Prepared, built: Built) -> Promise | None:
    """What shuffled folds would have promised; they are what is there without a date."""
    if prepared.split.scheme != "time":
        return None
    return promise(config, _searched(config, prepared), built)


def _frame(prepared: Prepared) -> Any:
    return prepared.table.frame.iloc[prepared.split.held_back].reset_index(drop=True)


def _assess(
    config: RunConfig, prepared: Prepared, built: Built, champion: Contender | None
) -> Assessment:
    problem = prepared.held_back
    held = HeldBack(
        problem,
        _frame(prepared),
        built.model.output(problem.rows, problem),
        one_answer(prepared.development, len(problem)),
        None if champion is None else (champion.output, champion.threshold),
    )
    metrics = list(built.leaderboard.entries[0].scores)
    return assess(config, prepared.table, built.model, held, metrics)


def _material(
    config: RunConfig, prepared: Prepared, model: Model, extras: Mapping[str, Any] | None = None
) -> Material:
    """What the serving form of a model is made from."""
    development = prepared.split.development
    return Material(
        model,
        features.fields(config, prepared.table, prepared.selection.kept, development),
        prepared.problem.rows.iloc[development],
        config.gates.parity,
        config.training.seed,
        extras or {},
        config.features.unknown_fields,
    )


def _profile_extras(config: RunConfig, prepared: Prepared, built: Built) -> dict[str, Any]:
    """What a reader of the profile wants to know beside the bins."""
    chosen = built.leaderboard.chosen
    target = prepared.development.target
    extras: dict[str, Any] = {
        "estimate": {
            "metric": built.leaderboard.metric,
            "value": chosen.scores[built.leaderboard.metric],
            "standardError": chosen.standard_error,
        },
        "window": window(config, prepared.table, prepared.split.development),
    }
    if prepared.problem.is_classification:
        counts = np.bincount(target.astype(np.intp), minlength=len(prepared.problem.classes))
        shares = (counts / counts.sum()).tolist()
        names = map(str, prepared.problem.classes)
        extras["prior"] = dict(zip(names, shares, strict=True))
    return extras


def window(config: RunConfig, table: Table, rows: Any) -> dict[str, str]:
    """First and last event date of some rows; empty without one."""
    if config.task.event_date is None:
        return {}
    dates = table.frame[config.task.event_date].iloc[rows]
    return {"first": dates.min().date().isoformat(), "last": dates.max().date().isoformat()}


def _verdict(
    config: RunConfig,
    prepared: Prepared,
    built: Built,
    made: tuple[str, Exported],
    champion: Contender | None,
) -> Verdict | None:
    if champion is None:
        return None
    problem = prepared.held_back
    tag, exported = made
    challenger = Contender(
        tag,
        built.model.output(problem.rows, problem),
        built.model.threshold,
        exported.row_microseconds,
    )
    return compare(config, problem, _frame(prepared), challenger, champion)


def _export_sentence(exported: Exported) -> str:
    if exported.parity is None:
        return f"no serving form: {exported.refusal}; the pipeline itself is packed"
    return (
        f"{exported.backend}, one row {exported.row_microseconds:.0f} us; "
        f"{exported.parity.rows} rows equal within {exported.parity.largest:.2g}"
    )


def _metadata(outcome: Outcome) -> dict[str, Any]:
    """What `bentoml models get` shows."""
    metrics = outcome.assessment.metrics
    return {
        "metrics": {name: round(found.value, 6) for name, found in metrics.items()},
        "algorithm": outcome.built.leaderboard.chosen.family,
        "data": outcome.origin.data,
        "features": list(outcome.selection.kept),
    }


def compare_versions(
    config: RunConfig, base: Path, now: datetime, challenger: str, champion: str
) -> Verdict:
    """Compares two versions of the store on the rows that the configuration holds back.

    Raises:
        Complaint: a version is not there, or cannot be asked about these rows.
    """
    both = champion_of(challenger, "challenger"), champion_of(champion)
    table = gather(config, base=base, now=now)
    parts = split(labels_of(config, table), config.folds)
    problem = of_table(config, table).at(parts.held_back)
    frame = table.frame.iloc[parts.held_back].reset_index(drop=True)
    new, old = (version.ask(problem, frame) for version in both)
    return compare(config, problem, frame, new, old)
