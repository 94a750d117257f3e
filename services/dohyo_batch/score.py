"""One shard: its rows scored by every version, chunk by chunk, in memory that does not grow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa

from dohyo.contract import batch
from dohyo.contract.batch import part_file, part_record, quarantine_file
from dohyo_batch.complaint import BatchError
from dohyo_batch.intake import ABSENT
from dohyo_batch.models import intakes
from dohyo_batch.output import ParquetOutput, quarantined
from dohyo_batch.tally import GroupSums, PairTally, VersionTally

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dohyo_batch.intake import Checked
    from dohyo_batch.models import Model
    from dohyo_batch.reading import Chunk
    from dohyo_batch.run import Run
    from dohyo_batch.signing import Signer

    Record = dict[str, Any]

FIXED_NAMES = ("version", "prediction_id", "row")


def done_before(run: Run, shard: int) -> Record | None:
    """The record of a shard that is complete."""
    content = run.folder.read(part_record(shard))
    return None if content is None else orjson.loads(content)


class Shard:
    """One shard at work."""

    def __init__(self, run: Run, shard: int, models: Sequence[Model], signer: Signer) -> None:
        """Prepares readers, counters and files.

        Raises:
            BatchError: the order does not fit the model.
        """
        order = run.order
        self._run = run
        self._shard = shard
        self._models = models
        self._signer = signer
        self._intakes = intakes(order, models, text=run.source.text)
        self._also = list(
            dict.fromkeys(
                [
                    *order.output.include,
                    *order.report.group_by,
                    *([order.report.time] if order.report.time else []),
                    *([order.labels.column] if order.labels.column else []),
                ]
            )
        )
        report = order.report
        self._tallies = [
            VersionTally(each, GroupSums(report.group_by, report.time, report.every))
            for each in models
        ]
        self._pairs = [PairTally(models[0].classes) for _ in models[1:]]
        self._outputs = [ParquetOutput(run.folder, part_file(shard, each.name)) for each in models]
        self._aside = ParquetOutput(run.folder, quarantine_file(shard))
        self._rows = self._bad = 0
        self._check_include()

    def score(self, progress: Callable[[int], None]) -> Record:
        """Scores all rows and completes the shard; its record.

        Args:
            progress: is told the rows done so far.

        Raises:
            BatchError: it cannot be completed; nothing of it counts then.
        """
        for piece in self._run.manifest.of_shard(self._shard):
            wanted = self._wanted(self._run.source.names(piece, self._run.manifest), piece.file)
            for chunk in self._run.source.chunks(piece, self._run.manifest, wanted):
                self._take(chunk)
                progress(self._rows + self._bad)
        return self._complete()

    def _wanted(self, names: list[str] | None, file: int) -> list[str]:
        """The columns to be read: of the models, and those that are copied or told apart."""
        mapped = [name for each in self._intakes for name in each.column_of.values()]
        wanted = list(dict.fromkeys([*mapped, *self._also]))
        if names is None:
            return wanted
        self._check_names(names, self._where(file))
        return [name for name in wanted if name in names]

    def _check_names(self, names: Sequence[str], where: str) -> None:
        for each in self._intakes:
            each.check_names(names, where)
        missing = [name for name in self._also if name not in names]
        if missing:
            raise BatchError(
                batch.MISSING_COLUMN,
                f"{where}: no column {', '.join(map(repr, missing))}, which output.include, report "
                f"or labels name; the data have {', '.join(sorted(names)[:20])}",
            )

    def _where(self, file: int) -> str:
        if file < 0:
            return self._run.order.input.uri.partition("?")[0]
        path = self._run.manifest.files[file].path
        return f"{self._run.order.input.uri.rstrip('/')}/{path}".rstrip("/")

    def _take(self, chunk: Chunk) -> None:
        length = len(chunk.rows)
        if length:
            self._check_names([*chunk.columns], f"row {chunk.rows[0]} and following")
        checked = [each.read(chunk.columns, length) for each in self._intakes]
        # A row that one version refuses is scored by none, so that all are asked the same.
        good = np.logical_and.reduce([each.good for each in checked])
        self._put_aside(chunk, checked)
        if good.any():
            self._predict(chunk, checked, good)
        self._rows += int(good.sum())

    def _put_aside(self, chunk: Chunk, checked: Sequence[Checked]) -> None:
        rows = {(each.row, "", each.text, each.reason) for each in chunk.broken}
        for found in checked:
            rows |= {
                (int(chunk.rows[each.place]), each.column, each.value, each.reason)
                for each in found.refused
            }
        if not rows:
            return
        if self._run.order.on_bad_row == batch.FAIL:
            row, column, value, reason = min(rows)
            where = f"column {column!r}: " if column else ""
            raise BatchError(
                batch.BAD_ROW,
                f"row {row}: {where}{value!r} {reason}; mend the data, or set onBadRow: "
                f"{batch.QUARANTINE}",
            )
        self._bad += len({row for row, *_ in rows})
        self._aside.add(quarantined(sorted(rows)))

    def _predict(self, chunk: Chunk, checked: Sequence[Checked], good: Any) -> None:
        rows = chunk.rows[good]
        copied = self._copied(chunk, good)
        labels = self._labels(chunk, good)
        keys = self._tallies[0].groups.keys_of(chunk.columns, good)
        first: tuple[Any, Any] | None = None
        for number, model in enumerate(self._models):
            mine = _narrowed(checked[number], good)
            outputs = model.outputs(mine.columns)
            places = model.places(outputs) if model.classification else None
            self._tallies[number].add(keys, mine, mine.columns, outputs, places)
            self._outputs[number].add(
                pa.table(
                    {
                        **copied,
                        **model.answers(outputs, places),
                        "version": pa.repeat(model.name, len(rows)),
                        "prediction_id": self._signer.ids(model.name, rows, outputs),
                        "row": rows,
                    }
                )
            )
            if first is None:
                first = outputs, places
            else:
                self._pairs[number - 1].add(
                    (first[0], outputs), (first[1], places), self._models[0].output, labels
                )

    def _copied(self, chunk: Chunk, good: Any) -> dict[str, pa.Array]:
        copied, whole = {}, bool(good.all())
        for name in self._run.order.output.include:
            given = chunk.columns[name]
            if isinstance(given, list):
                # Values of JSON may be of several kinds from row to row; a column is of one.
                given = pa.array([None if v is ABSENT or v is None else str(v) for v in given])
                given = given.cast(pa.string())
            copied[name] = given if whole else given.filter(pa.array(good))
        return copied

    def _labels(self, chunk: Chunk, good: Any) -> list[Any] | None:
        name = self._run.order.labels.column
        if name is None or not self._pairs:
            return None
        given = chunk.columns[name]
        values = given if isinstance(given, list) else given.to_pylist()
        return [
            None if value is ABSENT else value
            for value, kept in zip(values, good.tolist(), strict=True)
            if kept
        ]

    def _complete(self) -> Record:
        aside = self._aside.finish()
        record = {
            "shard": self._shard,
            "fingerprint": self._run.manifest.fingerprint,
            "rows": self._rows,
            "badRows": self._bad,
            "quarantine": aside,
            "versions": {
                model.name: {"part": output.finish(), **tally.to_json()}
                for model, output, tally in zip(
                    self._models, self._outputs, self._tallies, strict=True
                )
            },
            "pairs": {
                model.name: pair.to_json()
                for model, pair in zip(self._models[1:], self._pairs, strict=True)
            },
        }
        content = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
        self._run.folder.replace(part_record(self._shard), content)
        return record

    def _check_include(self) -> None:
        own = {name for model in self._models for name in model.answer_names} | set(FIXED_NAMES)
        taken = sorted(own & set(self._run.order.output.include))
        if taken:
            raise BatchError(
                batch.INVALID_ORDER,
                f"output.include: {', '.join(taken)}: the scores have columns of that name; leave "
                "it out, or rename it in the data",
            )


def _narrowed(checked: Checked, good: Any) -> Checked:
    """The rows that every version takes, of those that one does."""
    kept = good[checked.good]
    if kept.all():
        return checked
    checked.columns = [
        column[kept] if isinstance(column, np.ndarray) else column.where(kept)
        for column in checked.columns
    ]
    checked.imputed = {name: marks[kept] for name, marks in checked.imputed.items()}
    checked.unknown = {name: marks[kept] for name, marks in checked.unknown.items()}
    return checked
